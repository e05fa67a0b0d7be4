// What the manager knows after a start, or when nodes come and go, is in the journals; and how much of it it keeps.
#include "response/codec.hpp"
#include "response/manager_work.hpp"
#include "runtime/error.hpp"

#include <algorithm>
#include <utility>

namespace soc::response {

namespace {

constexpr std::chrono::seconds journal_read_timeout{120};
constexpr std::size_t max_known_ended = 20'000;

/// "soc.<tenant>.<kind>.<id>"
std::pair<std::string, std::string> tenant_and_id(const std::string& subject) {
  const auto first = subject.find('.');
  const auto second = subject.find('.', first + 1);
  return {subject.substr(first + 1, second - first - 1), subject.substr(subject.rfind('.') + 1)};
}

std::map<std::string, std::vector<journal_entry>> by_subject(journal_entries& found) {
  std::map<std::string, std::vector<journal_entry>> out;
  for (auto& entry : std::exchange(found.entries, {})) {
    auto& list = out[entry.subject];
    list.push_back({{}, entry.sequence, std::move(entry.payload)});
  }
  return out;
}

} // namespace

void manager_work::recover() {
  auto work = *this;
  const auto failed = [work](const caf::error& error) mutable {
    work.self_->quit(to_error(ec::unavailable, "reading the journals: " + describe(error)));
  };
  self_->request(shared_->journal.actor(), journal_read_timeout, journal_read{"soc.*.task.*", 0})
      .then(
          [work, failed](journal_entries& tasks) mutable {
            work.recover_tasks(tasks);
            work.self_->request(work.shared_->journal.actor(), journal_read_timeout, journal_read{"soc.*.run.*", 0})
                .then([work](journal_entries& runs) mutable { work.recover_runs(runs); }, failed);
          },
          failed);
}

void manager_work::recover_tasks(journal_entries& found) {
  const auto content = shared_->content->get();
  for (auto& [subject, entries] : by_subject(found)) {
    task_state state;
    const action* what = nullptr;
    for (const auto& entry : entries)
      if (const auto event = decode_task_event(entry.payload)) {
        if (event->spec)
          what = content->components.find(event->spec->component, event->spec->action);
        apply(state, *event, what);
      }
    if (!state.exists || at().tasks.contains(state.spec.id) ||
        !shared_->owns(state.spec.tenant, state.spec.incident_id))
      continue;
    at().tasks_of_step[step_key(state.spec.run_id, state.spec.step)].push_back(state.spec.id);
    auto& known = at().tasks[state.spec.id];
    known.state = state;
    known.settled = is_settled(state);
    known.over = is_over(state, what);
    at().over_tasks += known.over ? 1 : 0;
    if (const auto until = rests_until(state, what, self_->now())) {
      note_rest(known, state.spec.id, true, *until);
    } else if (!known.over)
      start_task({state.spec, false, std::move(entries)}, [](const caf::actor&) {});
    else if (state.attempts > 0) // the node may have stopped before the gate heard of it
      for (const auto& id : grants_of(state))
        shared_->gate.send(self_, gate_release{state.spec.tenant, id, std::string(to_string(state.status))});
  }
}

/// Those that need no actor get none.
void manager_work::recover_runs(journal_entries& found) {
  auto left = std::make_shared<std::size_t>(1);
  auto work = *this;
  const std::function<void(caf::actor)> one_less = [work, left](const caf::actor&) mutable {
    if (--*left == 0)
      work.recovered();
  };
  std::set<std::string> wanted; // a run that has ended cancels what it has not begun
  for (const auto& [id, task] : at().tasks)
    if (!task.settled)
      wanted.insert(task.state.spec.run_id);
  for (auto& [subject, entries] : by_subject(found)) {
    const auto [tenant, id] = tenant_and_id(subject);
    if (at().runs.contains(id))
      continue;
    const auto found_run = shared_->run_as_read(id, entries, self_->now());
    if (!shared_->owns(tenant, found_run.view.incident_id))
      continue; // should it become ours, its journal is read again
    if ((found_run.final || found_run.asleep) && !wanted.contains(id)) {
      keep_rest(found_run);
      continue;
    }
    run_start start;
    start.id = id;
    start.tenant = tenant;
    start.fresh = false;
    start.history = std::move(entries);
    ++*left;
    start_child_run(std::move(start), one_less);
  }
  one_less(caf::actor{});
}

void manager_work::keep_rest(const run_changed& change) {
  auto& run = at().runs[change.view.id];
  run.view = change.view;
  run.final = change.final;
  at().final_runs += change.final ? 1 : 0;
  note_rest(run, change.view.id, change.asleep, change.wake_at);
}

void manager_work::recovered() {
  forget_old();
  const bool first = !std::exchange(at().recovered, true);
  const auto early = std::move(at().early);
  at().early.clear();
  for (const auto& change : early)
    hear(change);
  for (const auto& [ask, promise] : std::exchange(at().early_begins, {}))
    begin(ask, promise);
  for (const auto& [alert, promise] : std::exchange(at().early_alerts, {}))
    take_alert(alert, promise);
  if (first) // it goes on by itself; journals are read again whenever nodes come and go
    look_at_clock();
}

/// Ended tasks and runs beyond a bound are forgotten here; their journals keep them.
void manager_work::forget_old() {
  if (at().over_tasks > max_known_ended * 2)
    forget_tasks();
  if (at().final_runs > max_known_ended * 2)
    forget_runs();
}

void manager_work::forget_tasks() {
  std::vector<std::pair<unix_ns, std::string>> ended;
  for (const auto& [id, task] : at().tasks)
    if (task.over)
      ended.emplace_back(task.state.changed_at, id);
  std::sort(ended.begin(), ended.end());
  at().over_tasks = std::min(ended.size(), max_known_ended);
  for (std::size_t i = 0; i + max_known_ended < ended.size(); ++i) {
    const auto& spec = at().tasks.at(ended[i].second).state.spec;
    at().tasks_of_step.erase(step_key(spec.run_id, spec.step));
    at().tasks.erase(ended[i].second);
  }
}

void manager_work::forget_runs() {
  std::vector<std::pair<unix_ns, std::string>> over;
  std::size_t final_ones = 0;
  for (const auto& [id, run] : at().runs) {
    final_ones += run.final ? 1 : 0;
    if (run.final && !at().incidents.contains(run.view.incident_id)) // an open incident would start it again
      over.emplace_back(run.view.changed_at, id);
  }
  std::sort(over.begin(), over.end());
  const auto left = over.size() - std::min(over.size(), max_known_ended);
  for (std::size_t i = 0; i < left; ++i)
    at().runs.erase(over[i].second);
  // Those of open incidents count no more: they would bring us back here for nothing.
  at().final_runs = std::min(final_ones - left, max_known_ended);
}

} // namespace soc::response
