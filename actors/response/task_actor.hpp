// response/task_actor.hpp - TASK: one actor a response task. It asks the gate, writes the intent, makes the call,
// writes the result, reads back, and ends the effect when its time is up; each fact is journaled
// (soc.<tenant>.task.<id>) before what follows from it. Its first fact is what the gate said: until then its run would
// ask for it again. Supervised; restarted, it goes on where its journal ends. Ends in order when nothing more can
// happen.
#pragma once
#include "response/messages.hpp"

namespace soc::response {

struct task_start {
  task_spec spec;                     ///< id and tenant at least; all of it for a new task
  bool fresh = true;                  ///< false: the journal has its beginning
  std::vector<journal_entry> history; ///< its journal, when the manager has read it anyway
};

struct task_actor_state {
  static inline const char* name = "task";
  task_state task;
  std::uint64_t sequence = 0;                 ///< last of the journal subject
  bool ready = false, busy = false;           ///< busy: an append, a question or a call is under way
  bool unsaved = false;                       ///< the journal has nothing yet: its first event brings the spec
  waiting_watch watch;                        ///< of what it is busy with
  unix_ns timer_at = 0;                       ///< the wake-up that is set
  std::vector<std::function<void()>> waiting; ///< commands that came while busy
};
using task_actor = caf::stateful_actor<task_actor_state, observed_actor>;

caf::behavior task(task_actor* self, services_ptr shared, task_start start);

std::string task_subject(const std::string& tenant, const std::string& id);
/// The child of the supervisor of tasks; its name is the task's id.
child_spec task_child(services_ptr shared, task_start start);
task_view view_of(const task_state& state);

} // namespace soc::response
