#include "detection/core/rule_cases.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace soc::detection {

namespace {

constexpr const char* case_code = "CAS001";

void read_list(const YAML::Node& one, const YAML::Node& many, std::vector<YAML::Node>& out) {
  if (one.IsDefined())
    out.push_back(one);
  if (many.IsDefined() && many.IsSequence())
    for (const auto& item : many)
      out.push_back(item);
}

rule_case read_case(const std::string& file, const YAML::Node& node, diagnostics& found) {
  rule_case out;
  yaml_map_reader map(file, node, "case", case_code, found);
  out.place = place_of(file, node);
  out.name = map.required_text("name");
  const auto expect = map.required_text("expect");
  if (expect != "hit" && expect != "miss" && map.is_map())
    found.error(case_code, map.place("expect"), fmt::format("expect must be hit or miss, not '{}'", expect));
  out.expect_hit = expect == "hit";
  out.rule = map.text("rule").value_or(std::string());
  out.type = map.text("type").value_or(std::string());
  read_list(map.get("event"), map.get("events"), out.events);
  std::vector<YAML::Node> logs;
  read_list(map.get("log"), map.get("logs"), logs);
  for (const auto& log : logs)
    if (log.IsScalar())
      out.logs.push_back(log.Scalar());
    else
      found.error(case_code, place_of(file, log), "a log record must be text");
  for (const auto& event : out.events)
    if (!event.IsMap())
      found.error(case_code, place_of(file, event), "an event must be a map of fields");
  if (out.events.empty() && out.logs.empty() && map.is_map())
    found.error(case_code, map.place(), "the case has no event", "add `event:`, `log:`, `events:` or `logs:`");
  map.reject_unknown();
  return out;
}

} // namespace

std::vector<rule_case> read_cases(const yaml_text& file, diagnostics& found) {
  std::vector<rule_case> out;
  for (const auto& document : file.documents) {
    yaml_map_reader map(file.file, document, "case file", case_code, found);
    const auto cases = map.get("cases");
    if (map.is_map() && !cases.IsSequence())
      found.error(case_code, map.place(), "no list of cases", "write `cases:` and a list below");
    if (cases.IsDefined() && cases.IsSequence())
      for (const auto& node : cases) {
        const auto errors = found.errors();
        auto one = read_case(file.file, node, found);
        if (found.errors() == errors)
          out.push_back(std::move(one));
      }
    map.reject_unknown();
  }
  return out;
}

case_event::case_event(const YAML::Node& map, const model::field_dictionary& names) {
  add("", map, names);
  event_.native = slots_;
}

model::value case_event::value_of(const YAML::Node& node) {
  if (node.IsNull())
    return {};
  if (node.IsSequence()) {
    auto* items = memory_.make_array<model::value>(node.size());
    std::size_t count = 0;
    for (const auto& item : node)
      items[count++] = value_of(item);
    return model::value::of_list({items, count});
  }
  const auto& text = node.Scalar();
  if (node.Tag() != "!") {
    std::int64_t whole = 0;
    if (const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
        error == std::errc{} && end == text.data() + text.size())
      return model::value::of_int(whole);
    double real = 0;
    if (const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), real);
        error == std::errc{} && end == text.data() + text.size() && text.find('.') != std::string::npos)
      return model::value::of_real(real);
    if (text == "true" || text == "false")
      return model::value::of_bool(text == "true");
  }
  return model::value::of_string(memory_.copy(text));
}

void case_event::add(const std::string& name, const YAML::Node& node, const model::field_dictionary& names) {
  if (node.IsMap()) {
    for (const auto& entry : node)
      add(name.empty() ? entry.first.Scalar() : name + "." + entry.first.Scalar(), entry.second, names);
    return;
  }
  if (name == "time" && node.IsScalar())
    if (const auto time = parse_rfc3339(node.Scalar())) {
      event_.time = *time;
      return;
    }
  model::slot s;
  s.id = names.find(name);
  const auto kept = memory_.copy(name);
  s.name_data = kept.data();
  s.name_size = static_cast<std::uint32_t>(kept.size());
  s.data = value_of(node);
  slots_.push_back(s);
}

namespace {

bool is_in(std::span<const std::uint32_t> matched, std::uint32_t rule) {
  return std::find(matched.begin(), matched.end(), rule) != matched.end();
}

std::string class_text(const event_class& c) {
  return fmt::format("product [{}], category [{}], service [{}]", fmt::join(c.products, " "),
                     fmt::join(c.categories, " "), fmt::join(c.services, " "));
}

/// Records through the whole way: decoded, mapped, routed. `hit`, and why there was none.
bool logs_hit(const rule_case& one, std::uint32_t rule, matcher& with, const record_decoder_function& decode,
              std::string& why) {
  const auto batch = decode(one.logs, one.type);
  if (!batch->quarantined.empty())
    why = "the record can't be read: " + batch->quarantined.front().reason;
  const auto only = with.of().route_of_rule(rule);
  bool hit = false;
  for (const auto& ev : batch->events) {
    if (is_in(with.match(ev), rule)) {
      hit = true;
    } else if (is_in(with.match_on(*only, ev), rule)) {
      why = fmt::format("the condition holds, but the event's logsource is {} and the rule's {}",
                        class_text(with.of().router().classify(ev)), with.of().rules()[rule].source.to_text());
    }
  }
  with.forget_routes();
  return hit;
}

bool events_hit(const rule_case& one, std::uint32_t rule, matcher& with, const model::field_dictionary& names) {
  const auto only = with.of().route_of_rule(rule);
  bool hit = false;
  for (const auto& node : one.events)
    hit |= is_in(with.match_on(*only, case_event(node, names).get()), rule);
  with.forget_routes();
  return hit;
}

} // namespace

case_outcome run_case(const rule_case& one, std::uint32_t rule, matcher& with, const model::field_dictionary& names,
                      const record_decoder_function& decode) {
  std::string why;
  if (!one.logs.empty() && !decode)
    return {false, "records can't be decoded here"};
  const bool hit = one.logs.empty() ? events_hit(one, rule, with, names) : logs_hit(one, rule, with, decode, why);
  if (hit == one.expect_hit)
    return {true, {}};
  if (hit)
    return {false, "it hits, and should not"};
  return {false, why.empty() ? "it does not hit" : "it does not hit: " + why};
}

} // namespace soc::detection
