// runtime/run_interfaces.hpp - between a playbook run and the response manager: what a run asks to be done outside and
// how it hears of it. Immutable messages inside one process.
#pragma once
#include "runtime/response_interfaces.hpp"
#include "runtime/waiting_watch.hpp"

#include <nlohmann/json.hpp>

namespace soc::response {

/// Everything a run actor needs to begin, or to go on where its journal ends.
struct run_start {
  std::string id, tenant = "default", incident_id, rule, mode, entity, reason, asked_by;
  std::int64_t veto_s = 300, approve_within_s = 8 * 3600;
  bool recommended = false;
  bool fresh = true;                  ///< false: the journal has its beginning
  std::vector<std::string> texts;     ///< fresh: the playbook, then its sub-playbooks
  nlohmann::json inputs;              ///< fresh
  std::vector<journal_entry> history; ///< not fresh: its journal, when the manager has read it anyway
};

/// An action step wants doing: one task for each resource instance that fits. Asked again (after a restart) under the
/// same key, it is answered from the tasks that exist.
struct perform_action {
  std::string run_id, tenant, incident_id;
  std::string step; ///< key within the run: path, "#n" from the second attempt on
  std::string path;
  std::uint32_t attempt = 1;
  std::string action, mode, asked_by, reason;
  nlohmann::json parameters, where, target;
  std::int64_t duration_s = 0, veto_s = 300, approve_within_s = 8 * 3600;
};
/// Takes back what a step did.
struct undo_step {
  std::string run_id, path, reason;
};
/// The run is over or no longer wants them: tasks that have not begun are cancelled.
struct cancel_steps {
  std::string run_id, reason;
};
/// The run is in a new state.
struct run_changed {
  run_view view;
  bool final = false;
  bool asleep = false;        ///< its actor ends until somebody wants something of it, or `wake_at`
  unix_ns wake_at = 0;        ///< 0 = only when somebody does
  std::string playbook_error; ///< why it could not begin
};
using run_manager_interface = accepts<perform_action, undo_step, cancel_steps, run_changed>;
using run_manager_ref = ref<run_manager_interface>;

/// To the run: all tasks of a step are settled.
struct action_settled {
  std::string path;
  std::uint32_t attempt = 1;
  bool ok = false;
  nlohmann::json output;
  std::string error;
};
struct step_undone {
  std::string path;
  bool ok = false;
  std::string detail;
};
/// What it waits for is not near: it may sleep, and is woken when it has come.
struct run_rest {};
/// A person's command about this run → command_answer.
struct run_command {
  operator_command command;
};
using run_interface = accepts<action_settled, step_undone, run_rest, run_command, check_wait>;
using run_ref = ref<run_interface>;

} // namespace soc::response

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::perform_action)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::undo_step)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::cancel_steps)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::run_changed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::action_settled)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::step_undone)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::run_rest)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::run_command)
