// playbook/run_actor.hpp - RUN: one actor a playbook run. Appends what it hears to soc.<tenant>.run.<id>, applies it,
// and asks the response manager for what is outstanding. Supervised; restarted, it goes on where its journal ends. Ends
// in order when the run is final, or when another node owns it.
#pragma once
#include "playbook/core/machine.hpp"
#include "playbook/transform_actor.hpp"
#include "runtime/actor.hpp"
#include "runtime/run_interfaces.hpp"
#include "runtime/supervisor.hpp"

#include <deque>
#include <set>

namespace soc::playbook {

struct run_services {
  std::string node;
  journal_ref journal;
  response::run_manager_ref manager;
  transform_ref transforms;
  std::shared_ptr<definition_cache> definitions =
      std::make_shared<definition_cache>(); ///< of all runs, and the manager's
  std::function<bool(const std::string& tenant, const std::string& incident_id)> owns;
};
using run_services_ptr = std::shared_ptr<const run_services>;

struct run_actor_state {
  static inline const char* name = "run";
  run_state run;
  std::string tenant, id;
  std::uint64_t sequence = 0;       ///< last of the journal subject
  bool ready = false, busy = false; ///< busy: an append is under way
  std::deque<std::function<void()>> waiting;
  std::set<std::string> asked; ///< step keys asked for by this incarnation
  waiting_watch watch;         ///< of the append that is under way
  unix_ns timer_at = 0;
};
using run_actor = caf::stateful_actor<run_actor_state, observed_actor>;

caf::behavior run(run_actor* self, run_services_ptr shared, response::run_start start);

/// The child of the supervisor of runs; its name is the run's id. For response::services::make_run.
child_spec run_child(run_services_ptr shared, response::run_start start);

/// How the run began whose journal this is: its origin, its playbook's texts and its inputs, as a fresh start.
result<response::run_start> beginning_of(const std::vector<journal_entry>& entries);

std::string run_subject(const std::string& tenant, const std::string& id);

} // namespace soc::playbook
