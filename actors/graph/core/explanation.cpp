#include "graph/core/explanation.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace soc::graph {

namespace {

double rounded(double x) {
  return std::round(x * 100) / 100;
}

} // namespace

std::string to_json(const explanation& why) {
  nlohmann::ordered_json out{
      {"suspicion", rounded(why.suspicion)}, {"links", rounded(why.links)}, {"needed", rounded(why.needed)}};
  if (!why.rule.empty())
    out["rule"] = why.rule;
  auto& reasons = out["reasons"] = nlohmann::ordered_json::array();
  for (const auto& r : why.reasons) {
    nlohmann::ordered_json item{{"kind", r.kind}};
    if (!r.type.empty())
      item["type"] = r.type;
    if (!r.key.empty())
      item["key"] = r.key;
    if (!r.label.empty())
      item["label"] = r.label;
    item["weight"] = rounded(r.weight);
    item["words"] = r.words;
    reasons.push_back(std::move(item));
  }
  return out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
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
