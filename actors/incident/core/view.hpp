// incident/core/view.hpp - the incident as people and programs see it, derived from its state: title, scenario,
// severity, score, entities, timeline, attack path, times. A pure function of the state and the scenario rules; made
// anew after each change, never stored.
#pragma once
#include "incident/core/incident.hpp"
#include "incident/core/scenario.hpp"

namespace soc::incident {

struct entity_view {
  model::entity_type type = model::entity_type::unknown;
  model::entity_role role = model::entity_role::unknown; ///< the one that says most: actor, source, target …
  std::string key, label;
  std::string verdict; ///< set by a person, else "malicious" or "suspicious" by what it did, empty = none
  unix_ns first = 0, last = 0;
  std::uint64_t alerts = 0;
};

/// One line of the timeline: a kind of alert on an asset, from its first to its last occurrence.
struct timeline_entry {
  unix_ns time = 0, last = 0; ///< event time
  std::uint64_t count = 1;    ///< alerts folded into the line
  std::string title, host, stage, tactic, technique;
  model::severity level = model::severity::unknown;
  std::string alert_id;                      ///< of the first
  std::string event_id, source, origin, raw; ///< the record it cites, empty when the alert carried none
  std::string why;                           ///< why it is in the incident, words
};

struct path_node {
  model::entity_type type = model::entity_type::unknown;
  std::string key, label;
};
/// A typed, directed step between two nodes.
struct path_step {
  std::size_t from = 0, to = 0; ///< indexes of nodes
  std::string verb;             ///< "requested", "exploited", "wrote", "spawned", "executed", "connected to", …
  unix_ns time = 0;
  std::uint64_t count = 1;
  std::string alert_id, tactic, title;
  std::string event_id; ///< of the stored event that tells it, where no alert does
  bool gap = false;     ///< how `from` was reached is not recorded
  bool impact = false;  ///< harm done
};
struct attack_path {
  std::vector<path_node> nodes;  ///< the entry first
  std::vector<path_step> steps;  ///< in order of time
  std::vector<std::string> gaps; ///< each in one sentence
};

struct durations {         ///< seconds, -1 = not yet
  double detect = -1;      ///< MTTD: first event → first detection
  double acknowledge = -1; ///< MTTA: first detection → confirmed
  double respond = -1;     ///< MTTR: confirmed → resolved
};

struct view {
  std::string id, tenant, title, scenario;
  status now = status::fresh;
  classification found = classification::none;
  model::severity level = model::severity::unknown;
  int confidence = 0; ///< 0–100
  double score = 0;   ///< 0–100, higher = look first
  std::string owner, merged_into, successor_of;
  bool automation = true;
  unix_ns first_event = 0, last_event = 0, opened_at = 0, changed_at = 0;
  std::uint64_t alerts = 0, raw_events = 0, version = 0; ///< version: events folded in
  std::vector<std::string> stages, tactics, techniques;  ///< in order of first appearance
  std::vector<std::string> assets, accounts, products;
  std::vector<entity_view> entities; ///< most telling first
  std::vector<timeline_entry> timeline;
  attack_path path;
  std::vector<task_record> tasks;
  std::vector<history_entry> history;
  std::vector<std::string> doubts;
  std::vector<merge_record> merges;
  durations times;
  sla_view sla;
};

view derive(const state& s, const scenario_rules& rules);

/// What a list shows of an incident.
struct summary {
  std::string id, tenant, title, scenario, owner, merged_into;
  status now = status::fresh;
  classification found = classification::none;
  model::severity level = model::severity::unknown;
  double score = 0;
  std::uint64_t alerts = 0, version = 0;
  bool automation = true;
  unix_ns first_event = 0, last_event = 0, opened_at = 0, changed_at = 0;
  durations times;
  sla_view sla;
  std::vector<std::string> stages, assets;
};
summary summary_of(const view& v);

/// The attack path alone. `staged` gives each sample's stage and tactic.
attack_path path_of(const std::vector<sample>& samples, const scenario_rules& rules);

} // namespace soc::incident
