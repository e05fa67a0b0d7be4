// response/response_manager.hpp - RESPONSE MANAGER: hears of incidents and alerts, starts the runs that response rules
// want, makes tasks of what runs ask for, tells the incident of every task, and obeys people. One a node, for the
// incidents the node owns. Keeps no truth of its own: runs and tasks are in their journals, read at the start.
#pragma once
#include "response/core/plan.hpp"
#include "response/task_actor.hpp"

#include <set>
#include <utility>

namespace soc::response {

struct known_task {
  task_state state;
  bool settled = false, over = false; ///< over: nothing more can happen
  bool asleep = false;                ///< no actor until somebody wants something of it, or `wake_at`
  unix_ns wake_at = 0;
  bool undo_asked = false, undo_answered = false; ///< by its run
  caf::actor handle;                              ///< empty once it has ended
};

/// What is known of a run. One that sleeps has no actor: it is woken by whoever wants something of it, and at its time.
struct known_run {
  run_view view;
  caf::actor handle;
  bool final = false, asleep = false;
  unix_ns wake_at = 0;
};

/// A step of a run that waits for its tasks.
struct waiting_step {
  std::string run_id, path;
  std::uint32_t attempt = 1;
  std::vector<std::string> tasks;
  std::string reason; ///< of those that are taken back
};

/// Effects that a person takes back together: the newest first, the next only when the one before it is settled, for it
/// may rest on it.
struct undo_chain {
  std::vector<std::string> left; ///< task ids; the next is the last
  std::string current;
  operator_command order;
};

/// Who began a run by hand waits for its beginning, or for its end.
struct waiting_person {
  caf::typed_response_promise<command_answer> promise;
  bool for_end = false;
};

/// An alert whose runs are beginning. An answer that was given already (left = 0, a run did not start) is given once.
struct open_alert {
  caf::typed_response_promise<alert_answered> promise;
  std::size_t left = 0, runs = 0;
};

struct manager_state {
  static inline const char* name = "response-manager";
  std::map<std::string, known_task> tasks;
  std::map<std::string, known_run> runs;
  std::map<std::string, std::vector<std::string>> tasks_of_step; ///< run\nstep -> task ids
  std::map<std::string, waiting_step> waiting;                   ///< run\nstep
  std::map<std::string, waiting_step> undoing;                   ///< run\npath
  std::set<std::pair<unix_ns, std::string>> alarms;              ///< of runs and tasks that sleep
  unix_ns alarm_at = 0;                                          ///< the one that is set
  std::size_t over_tasks = 0, final_runs = 0;                    ///< about: counted anew when there are too many
  std::vector<undo_chain> chains;
  std::map<std::string, incident_view_ptr> incidents; ///< the open ones, as last heard of
  std::map<std::string, std::uint64_t> counters, told_metrics;
  std::map<std::string, metric_gauge*> gauges; ///< of the node's board
  std::set<std::string> changed;               ///< incidents rules have not looked at since they changed
  std::vector<incident_changed> early;         ///< heard before recovery was done
  bool recovered = false;
  std::vector<std::pair<begin_run, caf::typed_response_promise<command_answer>>> early_begins;
  std::map<std::string, waiting_person> beginning; ///< by run
  std::vector<std::pair<model::alert_ptr, caf::typed_response_promise<alert_answered>>> early_alerts;
  std::multimap<std::string, std::shared_ptr<open_alert>> alerts_of_run; ///< by run that has not begun
};
using manager_actor = caf::stateful_actor<manager_state, observed_actor>;

/// Interfaces: manager_interface, run_manager_interface, task_manager_interface, recover_responses. Runs that a rule,
/// the clock or a person begins are one thing; only their id, their mode and who asked differ.
caf::behavior response_manager(manager_actor* self, services_ptr shared);

/// Children of the supervisor "response", in order: audit, gate, calls, tasks, runs, manager. `shared` holds their
/// stable handles.
supervisor_spec plan_response(services_ptr shared);

/// The incident as conditions and references see it.
nlohmann::json incident_json(const incident_view& incident);

} // namespace soc::response
