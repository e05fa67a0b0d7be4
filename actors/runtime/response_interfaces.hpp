// runtime/response_interfaces.hpp - what response says to its neighbours: incidents come in, task changes go back to
// the incident, people's commands and questions come from the shell and the console. Immutable messages inside one
// process; the manager (response/response_manager.hpp) takes them, the node wires them.
#pragma once
#include "runtime/interfaces.hpp"

#include <map>

namespace soc::response {

// ---- From the incident.

struct incident_entity {
  model::entity_type type = model::entity_type::unknown;
  model::entity_role role = model::entity_role::unknown;
  std::string key;       ///< canonical (model/entity.hpp)
  std::string label;     ///< as people know it
  std::string verdict;   ///< "malicious", "suspicious", "benign", empty = none
  unix_ns last_seen = 0; ///< time of the last record that names it
};

/// An incident as response rules see it. The whole view each time: a lost or repeated message does no harm.
struct incident_view {
  std::string id, tenant = "default";
  std::string title, scenario; ///< scenario: "web_intrusion", "crypto_mining", "ransomware", …
  model::severity level = model::severity::unknown;
  std::string status; ///< "new", "in_progress", "contained", "resolved", "closed", "false_positive"
  double score = 0;   ///< 0–100
  std::vector<std::string> stages, techniques, hosts;
  std::vector<incident_entity> entities;
  std::vector<std::string> overdue;  ///< deadlines that passed: "acknowledge", "resolve"
  std::vector<std::string> due_soon; ///< deadlines that are near, of which it was warned
  bool automation = true;            ///< false: a person has taken this incident out of automation
  unix_ns opened_at = 0, changed_at = 0;
};
using incident_view_ptr = std::shared_ptr<const incident_view>;

struct incident_changed {
  incident_view_ptr incident;
};

// ---- From the detection.

/// → alert_answered, once the runs that rules with `trigger: alert` want are in their journals; unavailable: not now.
struct alert_raised {
  model::alert_ptr alert;
};
struct alert_answered {
  std::size_t runs = 0; ///< that began with it
};

// ---- To the incident.

/// A task of the incident is in a new state.
struct task_changed {
  std::string tenant, incident_id, run_id, task_id;
  std::string action, target, instance; ///< "block_ip", "203.0.113.9", "edge-firewall"
  std::string status; ///< pending, waiting_approval, running, done, verified, failed, undone, expired, unknown, refused
  std::string detail; ///< why, for people; never a secret
  unix_ns time = 0;
};
using task_listener_interface = accepts<task_changed>;
using task_listener_ref = ref<task_listener_interface>;

// ---- From people. Every command carries who and why, and is in the audit whether it is obeyed or not.

enum class command_kind : std::uint8_t {
  approve,
  reject, ///< a waiting task, run or step
  undo,   ///< a task, all of a run, or all an incident did, newest first
  cancel, ///< a run or a task that has not begun
  pause,
  resume,
  retry,
  signal,
  resolve, ///< says what became of a task parked as unknown: `detail` is "done" or "failed"
  emergency_stop,
  emergency_release
};

struct operator_command {
  command_kind kind = command_kind::approve;
  std::string tenant = "default";
  std::string id; ///< of a task, run or incident, or an unambiguous beginning of one of at least 4 characters; empty
                  ///< for the emergency stop
  std::string detail; ///< step for approve, reject and retry of a run; signal name; see resolve
  std::string user, reason;
};
struct command_answer {
  bool obeyed = false;
  std::string text;       ///< what was done, or why not
  std::string run;        ///< that was begun; else empty
  bool not_found = false; ///< this node knows nothing of the id: another may
};

/// A person begins a playbook, or what a run did once more → command_answer, once the run has begun (wait: has ended)
/// or was refused.
struct begin_run {
  std::string tenant = "default";
  std::string playbook;    ///< by name; with `again` empty
  std::string again;       ///< a run, or an unambiguous beginning of its id: its playbook as it is now, its inputs
  std::string incident_id; ///< or a beginning of it; empty: of none
  std::vector<std::string> inputs; ///< NAME=VALUE
  std::string user, reason;
  bool wait = false; ///< obeyed then means completed
};

/// → playbook_views: what can be begun.
struct list_playbooks {};
struct playbook_view {
  std::string name, title, version, trigger;
  std::vector<std::string> inputs; ///< "ip:ip", "duration?:duration" when it needn't be given
};
struct playbook_views {
  std::vector<playbook_view> all; ///< by name
};

struct list_tasks {
  std::string tenant, incident_id, run_id; ///< empty = all
  std::size_t limit = 1000;
};
struct task_view {
  std::string id, run_id, incident_id, tenant, step;
  std::string component, action, target_type, target, instance;
  std::string status, mode, detail, asked_by;
  std::uint32_t attempts = 0;
  unix_ns created_at = 0, changed_at = 0, expires_at = 0; ///< 0 = never
  unix_ns decide_by = 0;                                  ///< approval deadline or veto time while waiting_approval
  std::string output_json;
};
struct task_views {
  std::vector<task_view> all; ///< newest first
  std::uint64_t total = 0;
};

struct list_runs {
  std::string tenant, incident_id;
  std::size_t limit = 1000;
};
struct run_view {
  std::string id, incident_id, tenant, rule, playbook, version, mode;
  std::string status, reason; ///< recommended, running, waiting, paused, completed, failed, cancelled
  std::string entity;         ///< the one it was started for, may be empty
  std::vector<std::string> waiting_steps;
  unix_ns started_at = 0, changed_at = 0;
};
struct run_views {
  std::vector<run_view> all; ///< newest first
  std::uint64_t total = 0;
};

/// Answers: alert_raised → alert_answered, operator_command, begin_run → command_answer, list_playbooks →
/// playbook_views, list_tasks → task_views, list_runs → run_views, drain → drained. incident_changed has no answer.
using manager_interface =
    accepts<incident_changed, alert_raised, operator_command, begin_run, list_playbooks, list_tasks, list_runs, drain>;
using manager_ref = ref<manager_interface>;
using alert_listener_ref = ref<accepts<alert_raised>>;

} // namespace soc::response

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::incident_changed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::alert_raised)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::alert_answered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::task_changed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::operator_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::command_answer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::begin_run)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::list_playbooks)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::playbook_views)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::list_tasks)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::task_views)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::list_runs)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::run_views)
