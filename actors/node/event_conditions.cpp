#include "node/event_conditions.hpp"

#include "base/json_writer.hpp"
#include "detection/core/matcher.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

namespace soc::node {

namespace {

std::string indented(const std::string& text, std::size_t by) {
  std::string out;
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    out += std::string(by, ' ') + text.substr(at, end - at) + '\n';
    at = end + 1;
  }
  return out;
}

std::string json_text(std::string_view text) {
  std::string out;
  json_writer(out).string(text);
  return out;
}

/// "windows/process_creation/sysmon" as the YAML of a logsource.
std::string logsource_yaml(const std::string& source) {
  static constexpr const char* parts[] = {"product", "category", "service"};
  std::string out;
  std::size_t at = 0;
  for (const auto* part : parts) {
    const auto end = std::min(source.find('/', at), source.size());
    if (at < end)
      out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", part, json_text(source.substr(at, end - at)));
    at = std::min(end + 1, source.size());
  }
  return "{" + out + "}";
}

/// The text as the detection section of a rule. Fails with invalid_input when it is no YAML.
result<std::string> detection_yaml(const std::string& text) {
  YAML::Node node;
  try {
    node = YAML::Load(text);
  } catch (const YAML::Exception& e) {
    return failure{ec::invalid_input,
                   fmt::format("the condition is no YAML: {} (column {})", e.msg, e.mark.column + 1)};
  }
  if (node.IsMap() && node["condition"])
    return indented(text, 2);
  if (node.IsMap() || node.IsSequence())
    return "  selection:\n" + indented(text, 4) + "  condition: selection\n";
  if (node.IsScalar() && !node.Scalar().empty())
    return "  selection:\n    - " + json_text(node.Scalar()) + "\n  condition: selection\n";
  return failure{ec::invalid_input, "the condition is empty; write for example 'EventID: 4625' or a word to look for"};
}

std::string all_errors(const diagnostics& found) {
  std::string out;
  for (const auto& d : found.all())
    if (d.level == diagnostic_level::error)
      out += (out.empty() ? "" : "; ") + d.message + (d.hint.empty() ? "" : " (" + d.hint + ")");
  return out;
}

std::string plain_json(const model::event_batch& batch, const model::event& ev) {
  std::string out;
  json_writer json(out);
  json.begin_object().key("time").integer(ev.time / ns_per_ms);
  json.key("metadata").begin_object().key("uid").string(model::event_id(batch, ev)).end_object();
  json.key("class_uid").integer(ev.class_uid).key("raw_data").string(ev.raw).end_object();
  return out;
}

} // namespace

lake::event_condition condition_of(std::shared_ptr<const detection::program> rules, std::uint32_t rule,
                                   const model::field_dictionary& names) {
  lake::event_condition out;
  for (const auto& field : rules->fields()) {
    for (const auto id : field.native)
      out.fields.native.emplace_back(names.name(id));
    for (const auto id : field.ocsf)
      out.fields.ocsf.emplace_back(names.name(id));
  }
  for (const auto& test : rules->tests())
    out.fields.all = out.fields.all || test.field == 0; // keywords may stand anywhere
  out.make_test = [rules, rule] {
    const auto route = rules->route_of_rule(rule);
    const auto work = std::make_shared<detection::matcher>(rules);
    return [route, work](const model::event& ev) { return !work->match_on(*route, ev).empty(); };
  };
  return out;
}

result<lake::event_condition> compile_condition(const std::string& text, const std::string& source,
                                                const std::string& fields, const model::field_dictionary& names) {
  const auto detection = detection_yaml(text);
  if (!detection)
    return detection.error();
  diagnostics found;
  detection::sigma_reader reader({}, found);
  reader.read("condition",
              "title: search\nid: search\nlogsource: " + logsource_yaml(source) + "\ndetection:\n" + *detection);
  auto set = reader.finish(0);
  if (set.rules.size() != 1)
    return failure{ec::invalid_input, "the condition can't be used: " + all_errors(found)};
  // A dictionary of its own: the names a search asks for need not be known to anybody else.
  model::field_dictionary own(names);
  auto router = detection::load_log_router(fields, own, found);
  const auto compiled = detection::program::compile(std::move(set), detection::load_field_tables(fields, found),
                                                    std::move(router), own, found);
  if (compiled->rules().size() != 1)
    return failure{ec::invalid_input, "the condition can't be used: " + all_errors(found)};
  auto out = condition_of(compiled, 0, own);
  out.names = std::make_shared<const model::field_dictionary>(std::move(own));
  return out;
}

lake::event_reading reading_with(std::shared_ptr<const ingest::mapping_set> mappings, model::dictionary_ptr names) {
  lake::event_reading out;
  out.names = std::move(names);
  out.types.owner = mappings;
  auto by_name = std::make_shared<std::map<std::string, const model::log_type*>>();
  const auto key = [](const model::log_type& t) { return t.vendor + "/" + t.product + "/" + t.name; };
  for (const auto* type : mappings->log_types())
    by_name->emplace(key(*type), type);
  out.types.find = [by_name, key](const model::log_type& t) {
    const auto it = by_name->find(key(t));
    return it == by_name->end() ? nullptr : it->second;
  };
  out.render = [](const model::event_batch& batch, const model::event& ev, bool known) {
    return known && ev.mapped ? ingest::to_ocsf_json(batch, ev) : plain_json(batch, ev);
  };
  return out;
}

} // namespace soc::node
