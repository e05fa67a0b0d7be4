// incident/core/scenario.hpp - what an incident is called, what kind of attack it is and how long it may wait, by rules
// (rules/aggregation/scenarios.yaml, sla.yaml): stage hints give alerts of other products a stage and a tactic,
// scenarios name the whole, deadlines are those of sla.hpp. Loaded once, read-only, shared. Pure.
#pragma once
#include "base/diagnostic.hpp"
#include "base/json_condition.hpp"
#include "incident/core/sla.hpp"
#include "model/alert.hpp"

#include <memory>
#include <string>
#include <vector>

namespace soc::incident {

struct stage_hint {
  std::string id;
  json_condition when; ///< over graph::condition_document of an alert
  std::string stage, tactic, technique;
};

struct scenario {
  std::string id;    ///< "web_intrusion"
  std::string title; ///< "Web intrusion on {asset} from {source}"
  json_condition
      when; ///< over the incident: stages, tactics, techniques, titles, products, assets, entities, alert_count
};

struct scenario_rules {
  std::vector<stage_hint> hints;
  std::vector<scenario> scenarios; ///< in order; the first that matches names the incident
  std::vector<sla_rule> deadlines; ///< in order; the first that matches gives the incident its times
};
using scenario_rules_ptr = std::shared_ptr<const scenario_rules>;

struct scenario_file {
  std::string name, text;
};
/// Errors are numbered SCN…; loading goes on past a bad rule. Files without `stages`, `scenarios` and `sla` add
/// nothing.
scenario_rules load_scenarios(const std::vector<scenario_file>& files, diagnostics& found);
/// rules/aggregation/scenarios.yaml as it was when this was built.
scenario_rules_ptr default_scenarios();

/// Stage and techniques of an alert: its own, or by the first hint that matches.
struct staged {
  std::string stage;
  std::vector<model::attack_technique> techniques;
};
staged stage_of(const scenario_rules& rules, const model::alert& a);

} // namespace soc::incident
