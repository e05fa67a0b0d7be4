#include "incident/core/scenario.hpp"

#include "base/duration.hpp"
#include "base/yaml_text.hpp"
#include "graph/core/settings.hpp"
#include "incident/core/default_scenarios.hpp"

#include <charconv>
#include <functional>

namespace soc::incident {

namespace {

void load_list(const std::string& file, const YAML::Node& list, const char* what, diagnostics& found,
               const std::function<void(yaml_map_reader&, json_condition)>& add) {
  if (!list)
    return;
  if (!list.IsSequence()) {
    found.error("SCN002", place_of(file, list), std::string("'") + what + "' is not a list");
    return;
  }
  for (const auto& node : list) {
    yaml_map_reader reader(file, node, what, "SCN003", found);
    if (!reader.is_map())
      continue;
    const auto when = reader.get("when");
    if (!when) {
      found.error("SCN004", reader.place(), "without 'when'", "when: {selection: {title|contains: …}}");
      continue;
    }
    auto condition = json_condition::parse(file, when, "SCN005", found);
    if (condition)
      add(reader, std::move(*condition));
    reader.reject_unknown();
  }
}

/// Seconds; 0 = not given, or an error.
std::int64_t duration_of(yaml_map_reader& reader, const char* key, diagnostics& found) {
  const auto text = reader.text(key);
  if (!text)
    return 0;
  const auto seconds = parse_duration_s(*text);
  if (!seconds || *seconds == 0)
    found.error("SCN006", reader.place(key), std::string("'") + key + "' is no duration: '" + *text + "'",
                "write 15m, 4h, 3d");
  return seconds.value_or(0);
}

/// "75%"; 0 when it is left out.
int percent_of(yaml_map_reader& reader, const char* key, diagnostics& found) {
  const auto text = reader.text(key);
  if (!text)
    return 0;
  int out = 0;
  const auto* end = text->data() + text->size();
  const auto [rest, error] = std::from_chars(text->data(), end, out);
  if (error == std::errc() && std::string_view(rest, static_cast<std::size_t>(end - rest)) == "%" && out > 0 &&
      out < 100)
    return out;
  found.error("SCN007", reader.place(key), std::string("'") + key + "' is no share of the time: '" + *text + "'",
              "write 75%");
  return 0;
}

} // namespace

scenario_rules load_scenarios(const std::vector<scenario_file>& files, diagnostics& found) {
  scenario_rules out;
  for (const auto& file : files) {
    const auto yaml = parse_yaml(file.name, file.text, "SCN001", found);
    for (const auto& document : yaml.documents) {
      if (!document.IsMap())
        continue;
      load_list(file.name, document["stages"], "stage", found, [&](yaml_map_reader& r, json_condition when) {
        auto id = r.required_text("id");
        auto stage = r.text("stage").value_or(id);
        auto tactic = model::tactic_id(r.text("tactic").value_or(""));
        out.hints.push_back({id, std::move(when), stage, tactic, r.text("technique").value_or("")});
      });
      load_list(file.name, document["scenarios"], "scenario", found, [&](yaml_map_reader& r, json_condition when) {
        auto id = r.required_text("id");
        auto title = r.required_text("title");
        out.scenarios.push_back({id, title, std::move(when)});
      });
      load_list(file.name, document["sla"], "sla", found, [&](yaml_map_reader& r, json_condition when) {
        auto id = r.required_text("id");
        const auto acknowledge = duration_of(r, "acknowledge", found), resolve = duration_of(r, "resolve", found);
        out.deadlines.push_back({id, std::move(when), acknowledge, resolve, percent_of(r, "warn", found)});
      });
    }
  }
  return out;
}

scenario_rules_ptr default_scenarios() {
  static const auto value = [] {
    diagnostics found;
    return std::make_shared<const scenario_rules>(
        load_scenarios({{"rules/aggregation/scenarios.yaml", default_scenario_rules}}, found));
  }();
  return value;
}

staged stage_of(const scenario_rules& rules, const model::alert& a) {
  staged out{a.stage, a.techniques};
  if (!out.stage.empty() && !out.techniques.empty())
    return out;
  const auto document = graph::condition_document(a);
  for (const auto& hint : rules.hints)
    if (hint.when.matches(document)) {
      if (out.stage.empty())
        out.stage = hint.stage;
      if (out.techniques.empty() && !(hint.tactic.empty() && hint.technique.empty()))
        out.techniques.push_back({hint.tactic, hint.technique});
      break;
    }
  return out;
}

} // namespace soc::incident
