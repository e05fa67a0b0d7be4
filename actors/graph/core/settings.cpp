#include "graph/core/settings.hpp"

#include "base/hash.hpp"
#include "graph/core/default_rules.hpp"

#include <algorithm>
#include <cmath>

namespace soc::graph {

namespace {

const std::set<std::string_view> signature_fields{"rule_id", "title",    "vendor",      "product", "tenant",
                                                  "origin",  "severity", "severity_id", "stage"};

std::optional<double> number_at(const YAML::Node& node) {
  double value = 0;
  if (node && node.IsScalar() && YAML::convert<double>::decode(node, value) && std::isfinite(value))
    return value;
  return std::nullopt;
}

std::optional<aggregation> mode_from(const std::string& text) {
  static const std::vector<std::pair<std::string, aggregation>> names{{"graph", aggregation::graph},
                                                                      {"same_type", aggregation::same_type},
                                                                      {"keys", aggregation::keys},
                                                                      {"pass_through", aggregation::pass_through},
                                                                      {"exclude", aggregation::exclude}};
  for (const auto& [name, mode] : names)
    if (name == text)
      return mode;
  return std::nullopt;
}

class rule_loader {
public:
  rule_loader(const std::string& file, diagnostics& found) : file_(file), found_(found) {}

  void load(const YAML::Node& document, settings& into) {
    yaml_map_reader root(file_, document, "aggregation file", "AGG002", found_);
    if (!root.is_map())
      return;
    root.text("title");
    root.text("description");
    root.get("stages"); // incident/core/scenario.hpp reads these
    root.get("scenarios");
    root.get("sla");
    parameters_of(root.get("parameters"), into.with);
    for (const auto& text : root.texts("dull_entities"))
      into.dull_entities.insert(lower(text));
    const auto rules = root.get("rules");
    if (rules && !rules.IsSequence())
      found_.error("AGG003", place_of(file_, rules), "'rules' is not a list", "begin each rule with '- id:'");
    else if (rules)
      for (const auto& node : rules)
        rule_of(node, into);
    root.reject_unknown();
  }

private:
  static std::string lower(std::string text) {
    for (auto& c : text)
      if (c >= 'A' && c <= 'Z')
        c = static_cast<char>(c | 0x20);
    return text;
  }

  void parameters_of(const YAML::Node& node, parameters& with) {
    if (!node)
      return;
    if (!node.IsMap()) {
      found_.error("AGG004", place_of(file_, node), "'parameters' is not a map");
      return;
    }
    for (const auto& item : node) {
      const auto name = item.first.as<std::string>("");
      const auto& all = all_parameters();
      const auto known = std::find_if(all.begin(), all.end(), [&](const auto& p) { return name == p.name; });
      const auto value = number_at(item.second);
      if (known == all.end()) {
        std::vector<std::string> names;
        for (const auto& p : all)
          names.emplace_back(p.name);
        const auto near = did_you_mean(name, names);
        found_.error("AGG005", place_of(file_, item.first), "no parameter is called '" + name + "'",
                     near.empty() ? "docs/incidents.md lists them" : "did you mean '" + near + "'?");
      } else if (!value || *value < 0) {
        found_.error("AGG006", place_of(file_, item.second), "'" + name + "' needs a number of at least 0");
      } else {
        with.*(known->member) = *value;
      }
    }
  }

  void rule_of(const YAML::Node& node, settings& into) {
    const auto errors_before = found_.errors();
    yaml_map_reader reader(file_, node, "rule", "AGG007", found_);
    if (!reader.is_map())
      return;
    aggregation_rule rule;
    rule.id = reader.required_text("id");
    rule.title = reader.text("title").value_or(rule.id);
    if (const auto when = reader.get("when"); when) {
      rule.when = json_condition::parse(file_, when, "AGG008", found_);
      if (rule.when)
        for (const auto& field : rule.when->fields())
          rule.by_signature = rule.by_signature && signature_fields.contains(field);
    }
    aggregation_of(reader, rule);
    class_of(reader, rule);
    rule.weight = number_at(reader.get("weight"));
    rule.assetless = reader.boolean("assetless");
    alone_of(reader, rule);
    reader.reject_unknown();
    if (found_.errors() == errors_before)
      into.rules.push_back(std::move(rule));
  }

  void aggregation_of(yaml_map_reader& reader, aggregation_rule& rule) {
    if (const auto text = reader.text("aggregate")) {
      rule.mode = mode_from(*text);
      if (!rule.mode)
        found_.error("AGG009", reader.place("aggregate"), "unknown aggregation '" + *text + "'",
                     "one of graph, same_type, keys, pass_through, exclude");
    }
    rule.keys = reader.texts("keys");
    if (rule.mode == aggregation::keys && rule.keys.empty())
      found_.error("AGG010", reader.place(), "aggregation by keys without 'keys'", "for example keys: [host, rule_id]");
    if (const auto window = reader.get("window_minutes"); window) {
      const auto minutes = number_at(window);
      if (!minutes || *minutes <= 0)
        found_.error("AGG011", reader.place("window_minutes"), "'window_minutes' needs a number above 0");
      else
        rule.window_s = *minutes * 60;
    }
  }

  void class_of(yaml_map_reader& reader, aggregation_rule& rule) {
    const auto text = reader.text("class");
    if (!text)
      return;
    if (*text == "host")
      rule.klass = alert_class::host;
    else if (*text == "network")
      rule.klass = alert_class::network;
    else
      found_.error("AGG012", reader.place("class"), "unknown class '" + *text + "'", "host or network");
  }

  void alone_of(yaml_map_reader& reader, aggregation_rule& rule) {
    const auto text = reader.text("alone");
    if (!text)
      return;
    if (*text == "never")
      rule.alone_from = static_cast<model::severity>(static_cast<int>(model::severity::fatal) + 1);
    else if (*text == "always")
      rule.alone_from = model::severity::unknown;
    else if (const auto level = model::severity_from(*text); level != model::severity::unknown)
      rule.alone_from = level;
    else
      found_.error("AGG013", reader.place("alone"), "unknown severity '" + *text + "'",
                   "never, always, or the least severity: low, medium, high, critical");
  }

  const std::string& file_;
  diagnostics& found_;
};

} // namespace

const std::vector<parameter_info>& all_parameters() {
  static const std::vector<parameter_info> all{
      {"episode_gap_s", &parameters::episode_gap_s},
      {"rate_window_s", &parameters::rate_window_s},
      {"prior_hours", &parameters::prior_hours},
      {"memory_days", &parameters::memory_days},
      {"learning_hours", &parameters::learning_hours},
      {"everyday_suspicion", &parameters::everyday_suspicion},
      {"new_suspicion", &parameters::new_suspicion},
      {"open_score", &parameters::open_score},
      {"network_share", &parameters::network_share},
      {"repetition_share", &parameters::repetition_share},
      {"least_link", &parameters::least_link},
      {"join_total", &parameters::join_total},
      {"asset_link", &parameters::asset_link},
      {"same_signature_link", &parameters::same_signature_link},
      {"sweep_window_s", &parameters::sweep_window_s},
      {"time_link", &parameters::time_link},
      {"tactic_link", &parameters::tactic_link},
      {"link_half_life_min", &parameters::link_half_life_min},
      {"time_half_life_min", &parameters::time_half_life_min},
      {"common_at", &parameters::common_at},
      {"merge_link", &parameters::merge_link},
      {"went_on_s", &parameters::went_on_s},
      {"went_on_within_h", &parameters::went_on_within_h},
      {"candidate_minutes", &parameters::candidate_minutes},
      {"incident_idle_h", &parameters::incident_idle_h},
      {"lateness_s", &parameters::lateness_s},
      {"max_pairs", &parameters::max_pairs},
      {"max_entities", &parameters::max_entities},
      {"max_clusters", &parameters::max_clusters},
      {"max_waiting", &parameters::max_waiting},
      {"max_recent_ids", &parameters::max_recent_ids},
  };
  return all;
}

settings load_settings(const std::vector<settings_file>& files, diagnostics& found) {
  settings out;
  id_builder fingerprint;
  for (const auto& file : files) {
    const auto yaml = parse_yaml(file.name, file.text, "AGG001", found);
    for (const auto& document : yaml.documents)
      rule_loader(file.name, found).load(document, out);
    fingerprint.add(file.text);
  }
  out.fingerprint = fingerprint.hex();
  return out;
}

settings_ptr default_settings() {
  static const auto value = [] {
    diagnostics found;
    return std::make_shared<const settings>(load_settings({{"rules/aggregation/default.yaml", default_rules}}, found));
  }();
  return value;
}

nlohmann::json condition_document(const model::alert& a) {
  nlohmann::json entities = nlohmann::json::array();
  for (const auto& e : a.entities)
    entities.push_back(
        {{"type", model::to_string(e.type)}, {"role", model::to_string(e.role)}, {"key", e.key}, {"label", e.label}});
  nlohmann::json techniques = nlohmann::json::array(), tactics = nlohmann::json::array();
  for (const auto& t : a.techniques) {
    techniques.push_back(t.technique);
    tactics.push_back(t.tactic);
  }
  static constexpr const char* origins[] = {"rule", "correlation", "intelligence", "anomaly", "native"};
  return {{"rule_id", a.rule_id},
          {"title", a.title},
          {"vendor", a.vendor},
          {"product", a.product},
          {"tenant", a.tenant},
          {"origin", origins[std::min<std::size_t>(static_cast<std::size_t>(a.origin), 4)]},
          {"severity", model::to_string(a.level)},
          {"severity_id", static_cast<int>(a.level)},
          {"confidence", a.confidence},
          {"stage", a.stage},
          {"host", a.host},
          {"cloud", a.cloud},
          {"account", a.account},
          {"region", a.region},
          {"tags", a.tags},
          {"techniques", std::move(techniques)},
          {"tactics", std::move(tactics)},
          {"entities", std::move(entities)}};
}

} // namespace soc::graph
