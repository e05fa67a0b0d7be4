// Runs and tasks that wait for long have no actor: the manager knows what there is to know of them, and wakes them.
// Those that are awake it asks now and then whether they wait for an answer that doesn't come.
#include "response/manager_work.hpp"
#include "runtime/error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::response {

namespace {

constexpr std::chrono::seconds sleeper_timeout{8};
constexpr std::chrono::seconds between_looks{30};
constexpr std::size_t most_woken_together = 256; ///< each is an actor and a reading of its journal
constexpr unix_ns between_wakings_ns = 100 * ns_per_ms, longest_alarm_ns = 3600 * ns_per_s;

} // namespace

/// It has gone to sleep, or is awake.
template <class Known>
void manager_work::note_rest(Known& known, const std::string& id, bool asleep, unix_ns wake_at) {
  if (known.wake_at != 0)
    at().alarms.erase({known.wake_at, id});
  known.asleep = asleep;
  known.wake_at = asleep ? wake_at : 0;
  if (asleep)
    known.handle = {};
  if (known.wake_at == 0)
    return;
  at().alarms.emplace(known.wake_at, id);
  set_alarm();
}
template void manager_work::note_rest(known_run&, const std::string&, bool, unix_ns);
template void manager_work::note_rest(known_task&, const std::string&, bool, unix_ns);

void manager_work::set_alarm() {
  if (at().alarms.empty())
    return;
  const auto now = self_->now();
  const auto due = std::clamp(at().alarms.begin()->first, now + between_wakings_ns, now + longest_alarm_ns);
  if (at().alarm_at != 0 && at().alarm_at <= due)
    return;
  at().alarm_at = due;
  self_->delayed_send(self_, std::chrono::nanoseconds(due - now), wake_sleepers{due});
}

void manager_work::wake_due(unix_ns due) {
  if (at().alarm_at != due)
    return; // an earlier one was set
  at().alarm_at = 0;
  const auto now = self_->now();
  const auto nothing = [](const caf::actor&) {};
  for (std::size_t i = 0; i < most_woken_together && !at().alarms.empty() && at().alarms.begin()->first <= now; ++i) {
    const auto id = at().alarms.extract(at().alarms.begin()).value().second;
    if (at().runs.contains(id))
      wake_run(id, nothing);
    else if (at().tasks.contains(id))
      wake_task(id, nothing);
  }
  set_alarm();
}

void manager_work::look_at_waits() {
  self_->delayed_send(self_, between_looks, soc::response::look_at_waits{});
  for (const auto& [id, task] : at().tasks)
    if (task.handle && (!task.settled || task.state.status == task_status::undoing))
      self_->send(task.handle, check_wait{});
  for (const auto& [id, run] : at().runs)
    if (run.handle)
      self_->send(run.handle, check_wait{});
}

/// Its actor is made again from the journal. One that has ended is, too: for a retry, or to say why not.
void manager_work::wake_run(const std::string& id, handle_user then) {
  auto& run = at().runs.at(id);
  run_start start;
  start.id = id;
  start.tenant = run.view.tenant;
  start.fresh = false;
  run.final = false;
  start_child_run(std::move(start), std::move(then));
}

void manager_work::wake_task(const std::string& id, handle_user then) {
  auto& task = at().tasks.at(id);
  task.asleep = false;
  start_task({task.state.spec, false, {}}, std::move(then));
}

void manager_work::tell_run_to(const std::string& id, const operator_command& order, answer_user answer, int tries) {
  auto work = *this;
  const handle_user ask = [work, id, order, answer, tries](const caf::actor& run) mutable {
    if (!run)
      return answer({false, "the run can't be reached"});
    work.self_->request(run, sleeper_timeout, run_command{order})
        .then(answer, [work, id, order, answer, tries, run](const caf::error& e) mutable {
          auto& known = work.at().runs[id];
          if (to_failure(e).code != ec::closed || tries == 0) // closed: it has just gone to sleep
            return answer({false, describe(e)});
          if (known.handle == run)
            known.handle = {};
          work.tell_run_to(id, order, answer, tries - 1);
        });
  };
  const auto& known = at().runs.at(id);
  return known.handle ? ask(known.handle) : wake_run(id, ask);
}

void manager_work::tell_task_to(const std::string& id, const task_command& order, answer_user answer, int tries) {
  auto work = *this;
  const handle_user ask = [work, id, order, answer, tries](const caf::actor& task) mutable {
    if (!task)
      return answer({false, "the task can't be reached"});
    work.self_->request(task, sleeper_timeout, order)
        .then(answer, [work, id, order, answer, tries, task](const caf::error& e) mutable {
          const auto known = work.at().tasks.find(id);
          if (to_failure(e).code != ec::closed || tries == 0 || known == work.at().tasks.end() || known->second.over)
            return answer({false, describe(e)});
          if (known->second.handle == task)
            known->second.handle = {};
          work.tell_task_to(id, order, answer, tries - 1);
        });
  };
  const auto& known = at().tasks.at(id);
  if (!known.handle && known.over)
    return answer(
        {false, fmt::format("task {} is {}; nothing can be done with it", id, to_string(known.state.status))});
  return known.handle ? ask(known.handle) : wake_task(id, ask);
}

} // namespace soc::response
