// response/messages.hpp - messages among the actors of response: gate, call pool, audit, tasks, manager. What
// neighbours see is runtime/response_interfaces.hpp; what runs see is runtime/run_interfaces.hpp.
#pragma once
#include "playbook/core/machine.hpp"
#include "response/content.hpp"
#include "runtime/actor.hpp"
#include "runtime/audit_interfaces.hpp"
#include "runtime/metrics.hpp"
#include "runtime/run_interfaces.hpp"
#include "runtime/signing_key.hpp"
#include "runtime/supervisor.hpp"

namespace soc::response {

// ---- Gate

/// → gate_answer, after the grant is in the journal.
struct gate_ask {
  gate_request request;
};
struct gate_answer {
  gate_decision decision;
  std::optional<permit> leave; ///< when allowed
};
/// An effect stands no more, or never did. No answer.
struct gate_release {
  std::string tenant, id, why;
};
/// → command_answer.
struct gate_emergency {
  std::string tenant, who, why;
  bool stop = true;
};
using gate_interface = accepts<gate_ask, gate_release, gate_emergency>;
using gate_ref = ref<gate_interface>;

// ---- Call pool

/// → call_answer. Refused when the permit doesn't cover the call; `read_back` calls the verifying read action instead.
struct call_request {
  permit leave;
  component_call call;
  std::string fingerprint; ///< of the call the permit is for
  bool read_back = false;
};
struct call_answer {
  call_outcome outcome;
};
using call_pool_interface = accepts<call_request>;
using call_pool_ref = ref<call_pool_interface>;

// ---- Audit

using soc::audit_note;
using soc::audit_ref;

// ---- Tasks

/// The task is in a new state.
struct task_report {
  task_state state;
  bool settled = false; ///< its step need not wait any longer
  bool over = false;    ///< nothing more can happen: its actor ends
  bool asleep = false;  ///< its actor ends until somebody wants something of it, or `wake_at`
  unix_ns wake_at = 0;  ///< 0 = only when somebody does
};
/// A person's command, or the run's, about this task → command_answer.
struct task_command {
  operator_command command;
  bool by_run = false; ///< compensation, not a person
};
using task_interface = accepts<task_command, check_wait>;
using task_ref = ref<task_interface>;

// ---- Manager

/// Work on this node has been handed over, or comes with a restart: look for open runs and tasks that are ours.
struct recover_responses {};
/// The manager to itself: rules look at the next incident that has changed.
struct look_at_incident {};
/// The manager to itself: the time of runs and tasks that sleep may have come.
struct wake_sleepers {
  unix_ns due = 0;
};
/// The manager to itself: has anybody waited for too long?
struct look_at_waits {};
/// The manager to itself: what is due by the clock.
struct look_at_clock_now {};
using task_manager_interface = accepts<task_report>;
using task_manager_ref = ref<task_manager_interface>;

/// What all actors of response share. Built once by the node; refs are stable handles.
struct services {
  std::string node;
  std::shared_ptr<content_holder> content;
  journal_ref journal;
  store_ref store;
  bus_ref bus;
  gate_ref gate;
  call_pool_ref calls;
  audit_ref audit;
  caf::actor manager;
  supervisor_ref tasks, runs;
  task_listener_ref incidents; ///< hears of every task change; may be empty
  driver_set drivers;
  std::shared_ptr<const signing_key> key; ///< signs audit heads; null: they are not signed
  std::string anchors_file;               ///< where heads are kept besides; empty: nowhere
  std::size_t call_workers = 8;
  std::shared_ptr<metrics_board> metrics; ///< null: nobody looks
  std::shared_ptr<playbook::definition_cache> definitions = std::make_shared<playbook::definition_cache>();
  /// The child that a run is (playbook/run_actor.hpp); the composition root knows both sides.
  std::function<child_spec(const run_start&)> make_run;
  /// How a run began, from its journal: tenant, incident, entity, playbook's texts and inputs.
  std::function<result<run_start>(const std::vector<journal_entry>&)> read_beginning;
  /// What there is to know of a run, from its journal. Neither final nor asleep: an actor must go on with it.
  std::function<run_changed(const std::string& id, const std::vector<journal_entry>&, unix_ns now)> run_as_read;
  /// Is what belongs to this incident ours? By ownership of the incident.
  std::function<bool(const std::string& tenant, const std::string& incident_id)> owns;
};
using services_ptr = std::shared_ptr<const services>;

} // namespace soc::response

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::gate_ask)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::gate_answer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::gate_release)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::gate_emergency)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::call_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::call_answer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::task_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::task_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::recover_responses)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::look_at_incident)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::look_at_clock_now)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::wake_sleepers)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::look_at_waits)
