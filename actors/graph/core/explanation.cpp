#include "graph/core/explanation.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace soc::graph {

namespace {

double rounded(double x) {
  return std::round(x * 100) / 100;
}

std::string any_json(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// Two decimals at most, as JSON writes a real number: "4.0", "0.05".
void add_number(std::string& out, double x) {
  const double hundredths = std::round(x * 100);
  if (!(hundredths >= 0 && hundredths < 1e12) || std::signbit(hundredths)) {
    out += any_json(rounded(x));
    return;
  }
  const auto n = static_cast<std::uint64_t>(hundredths);
  fmt::format_to(std::back_inserter(out), "{}.{}", n / 100, n / 10 % 10);
  if (n % 10 != 0)
    out.push_back(static_cast<char>('0' + n % 10));
}

void add_text(std::string& out, std::string_view text) {
  const bool plain =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; });
  if (!plain) {
    out += any_json(text);
    return;
  }
  out.push_back('"');
  out += text;
  out.push_back('"');
}

void add_text_if(std::string& out, std::string_view name, std::string_view text) {
  if (text.empty())
    return;
  out += name;
  add_text(out, text);
}

} // namespace

/// Written by hand: every alert that joins an incident brings one.
std::string to_json(const explanation& why) {
  std::string out = R"({"suspicion":)";
  add_number(out, why.suspicion);
  add_number(out += R"(,"links":)", why.links);
  add_number(out += R"(,"needed":)", why.needed);
  add_text_if(out, R"(,"rule":)", why.rule);
  out += R"(,"reasons":[)";
  for (const auto& r : why.reasons) {
    if (&r != &why.reasons.front())
      out.push_back(',');
    add_text(out += R"({"kind":)", r.kind);
    add_text_if(out, R"(,"type":)", r.type);
    add_text_if(out, R"(,"key":)", r.key);
    add_text_if(out, R"(,"label":)", r.label);
    add_number(out += R"(,"weight":)", r.weight);
    add_text(out += R"(,"words":)", r.words);
    out.push_back('}');
  }
  out += "]}";
  return out;
}

explanation explanation_from_json(std::string_view json) {
  explanation out;
  const auto doc = nlohmann::json::parse(json, nullptr, false);
  if (!doc.is_object())
    return out;
  const auto text = [](const nlohmann::json& o, const char* key) {
    const auto it = o.find(key);
    return it != o.end() && it->is_string() ? it->get<std::string>() : std::string();
  };
  const auto number = [](const nlohmann::json& o, const char* key) {
    const auto it = o.find(key);
    return it != o.end() && it->is_number() ? it->get<double>() : 0.0;
  };
  out.suspicion = number(doc, "suspicion");
  out.links = number(doc, "links");
  out.needed = number(doc, "needed");
  out.rule = text(doc, "rule");
  if (const auto reasons = doc.find("reasons"); reasons != doc.end() && reasons->is_array())
    for (const auto& r : *reasons)
      if (r.is_object())
        out.reasons.push_back({text(r, "kind"), text(r, "type"), text(r, "key"), text(r, "label"), number(r, "weight"),
                               text(r, "words")});
  return out;
}

std::string in_words(const explanation& why) {
  std::string out;
  for (const auto& r : why.reasons) {
    if (!out.empty())
      out += "; ";
    out += r.words;
    if (r.weight != 0)
      out += fmt::format(" ({:.1f})", r.weight);
  }
  if (!why.rule.empty())
    out += fmt::format("{}rule {}", out.empty() ? "" : "; ", why.rule);
  return out;
}

} // namespace soc::graph
