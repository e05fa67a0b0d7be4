// response/core/rule.hpp - response rules and policies (config/response/*.yaml): which incident or alert starts which
// playbook for which entity, how far it goes by itself, and which action suits which kind of entity. Loaded once,
// shared read-only. Pure.
#pragma once
#include "model/alert.hpp"
#include "response/core/gate.hpp"
#include "response/core/resource.hpp"

#include <functional>
#include <set>

namespace soc::response {

/// What to do with one kind of entity, where, and for how long.
struct response_policy {
  std::string id, title, reason;
  model::entity_type type = model::entity_type::unknown;
  std::vector<model::entity_role> roles; ///< empty = any
  std::optional<json_condition> when;    ///< on {"incident" or "alert", "entity"}
  std::string action;
  nlohmann::json where = nlohmann::json::object(); ///< instance_selection
  nlohmann::json parameters = nlohmann::json::object();
  std::string duration; ///< "24h"; empty = for good
  std::string playbook; ///< runs this instead of the bare action
};

struct autonomy_override {
  std::optional<json_condition> when; ///< on {"incident" or "alert", "entity"}
  autonomy mode = autonomy::approve;
};

/// What a rule looks at: an incident each time it changes, or each alert once.
enum class rule_trigger : std::uint8_t { incident, alert };

struct response_rule {
  std::string id, title;
  bool enabled = true;
  rule_trigger trigger = rule_trigger::incident;
  std::int64_t once_per_s = 0;            ///< alert: one run for an entity in so long; 0 = for each alert
  std::int64_t within_s = 3600;           ///< alert: those raised longer ago start nothing
  std::vector<std::string> tenants;       ///< empty = all
  std::optional<json_condition> when;     ///< on {"incident"} or {"alert"}
  std::optional<json_condition> for_each; ///< on one entity: a run for each; none = one run for all of it
  autonomy mode = autonomy::recommend;
  std::vector<autonomy_override> overrides; ///< the first that holds
  std::int64_t veto_s = 300, approve_within_s = 8 * 3600;
  std::string playbook;
  std::vector<std::string> policies;                ///< instead of a playbook: one action for each entity they fit
  nlohmann::json inputs = nlohmann::json::object(); ///< may hold ${incident.…} or ${alert.…}, ${entity.…}
  source_place place;
};

/// A playbook that runs by the clock (response/core/schedule.hpp): `every`, counted from 1970, or `at` times of the
/// day.
struct run_schedule {
  std::string id, title, tenant = "default", playbook;
  bool enabled = true;
  std::int64_t every_s = 0; ///< 0: `at_min`
  std::set<int> at_min;     ///< minutes of the day
  std::set<int> days;       ///< 0 = Sunday; empty = every day
  int offset_min = 0;       ///< of the clock that `at_min` and `days` are told by, east of UTC
  autonomy mode = autonomy::recommend;
  std::int64_t veto_s = 300, approve_within_s = 8 * 3600;
  nlohmann::json inputs = nlohmann::json::object(); ///< as they are
  source_place place;
};

struct response_config {
  gate_config gate;
  std::vector<response_rule> rules;
  std::vector<run_schedule> schedules;
  std::vector<response_policy> policies;
};

/// Adds what one file of config/response says: protected, groups, limits, approvals, windows, rules, schedules,
/// policies. Errors are RSP001…; what is wrong is left out, except that a file whose `protected` part is wrong must not
/// be run with: the caller refuses a configuration with errors.
void load_response_file(const std::string& file, const std::string& text, response_config& into, diagnostics& found);

/// What refers to nothing: actions, policies, playbooks.
void check_response(const response_config& config, const catalogue& known, const std::vector<std::string>& playbooks,
                    diagnostics& found);

/// A run that a rule wants. Its id is the same whenever and wherever it is worked out.
struct wanted_run {
  std::string id, tenant, incident_id, rule_id, playbook;
  std::string policy; ///< set when the run is one policy's action; then `playbook` may be empty
  autonomy mode = autonomy::recommend;
  std::int64_t veto_s = 0, approve_within_s = 0;
  nlohmann::json inputs; ///< resolved
  std::string entity_key, entity_label, reason;
  std::string asked_by; ///< "rule:…", "schedule:…"
};

/// The entity in the form conditions and references see: type, role, key, label, verdict, value, last_seen and its
/// parts (ip, host, name, path, pid, start). `last_seen`: time of the last record that names it; 0 = not known.
nlohmann::json entity_json(const model::entity& e, const std::string& verdict, unix_ns last_seen = 0);

using is_known_run = std::function<bool(const std::string& run_id)>;

/// The runs `config` wants for this incident
/// ({"id","tenant","scenario","severity_id","status","automation","entities",…}) but for those that exist already.
/// Failures (an input that can't be resolved) are in `problems`. Rules look at all entities; the inputs of a run hold
/// the `max_run_entities` of most interest (by verdict) and how many were left out.
constexpr std::size_t max_run_entities = 200;
std::vector<wanted_run> wanted_runs(const response_config& config, const nlohmann::json& incident,
                                    const is_known_run& is_known, std::vector<std::string>& problems);

/// The alert as conditions and references see it: what it says and its entities, without the raw records.
nlohmann::json alert_json(const model::alert& a);

bool has_alert_rules(const response_config& config);

/// The runs `config` wants for this alert (alert_json), heard at `now`. They belong to no incident: an alert need not
/// be in one, and which it joins may not be known yet.
std::vector<wanted_run> wanted_runs_of_alert(const response_config& config, const model::alert& alert, unix_ns now,
                                             const is_known_run& is_known, std::vector<std::string>& problems);

/// Deterministic ids.
std::string run_id_of(const std::string& rule, const std::string& incident, const std::string& entity_key);
std::string task_id_of(const std::string& run, const std::string& step_path, const std::string& instance,
                       const std::string& target);

} // namespace soc::response
