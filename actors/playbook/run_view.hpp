// playbook/run_view.hpp - what others see of a run, worked out from its state or from its journal: also for runs that
// have no actor because they have ended, or wait for long. Stateless.
#pragma once
#include "playbook/core/machine.hpp"
#include "runtime/run_interfaces.hpp"

namespace soc::playbook {

/// The run's state for the manager.
response::run_changed change_of(const std::string& id, const run_state& run, const outstanding& open);

/// Nothing is under way, and nothing will happen by itself for a while: the run needs no actor. `for_tasks`: what it
/// asked its tasks for is not near either.
bool may_sleep(const run_state& run, const outstanding& open, unix_ns now, bool for_tasks = false);

/// The same from its journal. Neither final nor asleep: an actor must go on with it.
response::run_changed as_read(const std::string& id, const std::vector<journal_entry>& entries,
                              definition_cache& definitions, unix_ns now);

} // namespace soc::playbook
