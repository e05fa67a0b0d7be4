#include "response/manager_work.hpp"

#include "playbook/core/machine.hpp"
#include "response/codec.hpp"
#include "response/core/schedule.hpp"
#include "runtime/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace soc::response {

namespace {

constexpr std::chrono::seconds manager_port_timeout{10};
constexpr std::chrono::seconds journal_read_timeout{120};
constexpr std::size_t max_known_ended = 20'000;
constexpr std::size_t max_early = 100'000;
constexpr std::chrono::seconds schedule_tick{1};

std::string step_key(const std::string& run, const std::string& step) {
  return run + "\n" + step;
}

/// "soc.<tenant>.<kind>.<id>"
std::pair<std::string, std::string> tenant_and_id(const std::string& subject) {
  const auto first = subject.find('.');
  const auto second = subject.find('.', first + 1);
  return {subject.substr(first + 1, second - first - 1), subject.substr(subject.rfind('.') + 1)};
}

std::map<std::string, std::vector<journal_entry>> by_subject(const journal_entries& found) {
  std::map<std::string, std::vector<journal_entry>> out;
  for (const auto& entry : found.entries)
    out[entry.subject].push_back(entry);
  return out;
}

bool is_open(const std::string& status) {
  return status != "closed" && status != "resolved" && status != "false_positive";
}

} // namespace

// ---- Recovery

void manager_work::recover() {
  auto work = *this;
  const auto failed = [work](const caf::error& error) mutable {
    work.self_->quit(to_error(ec::unavailable, "reading the journals: " + describe(error)));
  };
  self_->request(shared_->journal.actor(), journal_read_timeout, journal_read{"soc.*.task.*", 0})
      .then(
          [work, failed](const journal_entries& tasks) mutable {
            work.recover_tasks(tasks);
            work.self_->request(work.shared_->journal.actor(), journal_read_timeout, journal_read{"soc.*.run.*", 0})
                .then([work](const journal_entries& runs) mutable { work.recover_runs(runs); }, failed);
          },
          failed);
}

void manager_work::recover_tasks(const journal_entries& found) {
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
    at().tasks[state.spec.id] = {state, is_final(state.status), {}};
    if (!is_final(state.status))
      start_task({state.spec, false, std::move(entries)});
  }
}

void manager_work::recover_runs(const journal_entries& found) {
  auto left = std::make_shared<std::size_t>(1);
  auto work = *this;
  const std::function<void(caf::actor)> one_less = [work, left](const caf::actor&) mutable {
    if (--*left == 0)
      work.recovered();
  };
  for (auto& [subject, entries] : by_subject(found)) {
    const auto [tenant, id] = tenant_and_id(subject);
    if (at().runs.contains(id))
      continue;
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

void manager_work::recovered() {
  const bool first = !std::exchange(at().recovered, true);
  const auto early = std::move(at().early);
  at().early.clear();
  for (const auto& change : early)
    hear(change);
  for (const auto& [ask, promise] : std::exchange(at().early_begins, {}))
    begin(ask, promise);
  if (first) // it goes on by itself; journals are read again whenever nodes come and go
    look_at_clock();
}

// ---- Incidents and runs

void manager_work::hear(const incident_changed& change) {
  const auto& incident = change.incident;
  if (!incident || !shared_->owns(incident->tenant, incident->id))
    return;
  if (!at().recovered) {
    if (at().early.size() < max_early)
      at().early.push_back(change);
    return;
  }
  if (!is_open(incident->status)) {
    at().incidents.erase(incident->id);
    return;
  }
  at().incidents[incident->id] = incident;
  const bool a_look_is_coming = !at().changed.empty();
  at().changed.insert(incident->id);
  if (!a_look_is_coming)
    self_->send(self_, look_at_incident{});
}

/// Rules look at one incident as it is now, however often it has changed since they last did: changes come faster than
/// a large incident can be looked at.
void manager_work::look() {
  if (at().changed.empty())
    return;
  const auto id = at().changed.extract(at().changed.begin()).value();
  if (!at().changed.empty())
    self_->send(self_, look_at_incident{});
  const auto incident = at().incidents.find(id);
  if (incident == at().incidents.end())
    return;
  std::vector<std::string> problems;
  const auto content = shared_->content->get();
  const auto is_known = [this](const std::string& run_id) { return at().runs.contains(run_id); };
  for (const auto& wanted : wanted_runs(content->config, incident_json(*incident->second), is_known, problems))
    start_run(wanted);
  at().counters["rule_problems"] += problems.size();
}

/// Runs that the clock wants belong to no incident: the node that owns "no incident" of their tenant begins them.
void manager_work::look_at_clock() {
  self_->delayed_send(self_, schedule_tick, look_at_clock_now{});
  tell_metrics();
  const auto content = shared_->content->get();
  const auto is_known = [this](const std::string& run_id) { return at().runs.contains(run_id); };
  for (const auto& wanted : due_runs(content->config.schedules, self_->now(), is_known))
    if (shared_->owns(wanted.tenant, {}))
      start_run(wanted);
}

void manager_work::start_run(const wanted_run& wanted) {
  const auto content = shared_->content->get();
  run_start start;
  start.id = wanted.id;
  start.tenant = wanted.tenant;
  start.incident_id = wanted.incident_id;
  start.rule = wanted.rule_id;
  start.mode = to_string(wanted.mode);
  start.entity = wanted.entity_label;
  start.reason = wanted.reason;
  start.asked_by = wanted.asked_by;
  start.veto_s = wanted.veto_s;
  start.approve_within_s = wanted.approve_within_s;
  start.recommended = wanted.mode == autonomy::recommend;
  start.inputs = wanted.inputs;
  if (!wanted.playbook.empty()) {
    const auto texts = content->playbooks.find(wanted.playbook);
    if (texts == content->playbooks.end())
      return;
    start.texts = texts->second;
  }
  for (const auto& policy : content->config.policies)
    if (wanted.playbook.empty() && policy.id == wanted.policy)
      start.texts = {playbook::policy_playbook(policy.id, policy.title, policy.action, policy.parameters, policy.where,
                                               policy.duration)};
  ++at().counters["runs_started"];
  start_child_run(std::move(start), [](const caf::actor&) {});
}

void manager_work::start_child_run(run_start start, std::function<void(caf::actor)> then) {
  const auto id = start.id;
  auto& run = at().runs[id]; // taken at once: a second look at the incident starts no second run
  if (start.fresh) {
    run.view.id = id;
    run.view.tenant = start.tenant;
    run.view.incident_id = start.incident_id;
    run.view.rule = start.rule;
    run.view.mode = start.mode;
    run.view.status = "starting";
    run.view.started_at = run.view.changed_at = self_->now();
  }
  auto work = *this;
  const std::function<void(caf::actor)> keep = [work, id, then](const caf::actor& handle) mutable {
    if (!work.at().runs[id].final)
      work.at().runs[id].handle = handle;
    then(handle);
  };
  self_->request(shared_->runs.actor(), manager_port_timeout, start_child{shared_->make_run(start)})
      .then([keep](const child_started& started) { keep(started.handle); },
            [work, id, keep](const caf::error&) mutable { work.adopt(work.shared_->runs, id, keep); });
}

/// The supervisor has a child of that name already: it lived on while the manager was restarted.
void manager_work::adopt(const supervisor_ref& supervisor, const std::string& name,
                         std::function<void(caf::actor)> then) {
  self_->request(supervisor.actor(), manager_port_timeout, which_children{})
      .then(
          [name, then](const children& found) {
            for (const auto& child : found.all)
              if (child.name == name)
                return then(child.handle);
            then({});
          },
          [then](const caf::error&) { then({}); });
}

void manager_work::take_run(const run_changed& change) {
  auto& run = at().runs[change.view.id];
  run.view = change.view;
  run.final = change.final;
  answer_beginning(change);
  if (change.final) {
    run.handle = {};
    ++at().counters["runs_" + change.view.status];
    forget_old();
  }
}

// ---- Steps and tasks

void manager_work::perform(const perform_action& ask, const caf::actor& run) {
  at().runs[ask.run_id].handle = at().runs[ask.run_id].handle ? at().runs[ask.run_id].handle : run;
  const auto key = step_key(ask.run_id, ask.step);
  waiting_step step{ask.run_id, ask.path, ask.attempt, at().tasks_of_step[key]};
  if (step.tasks.empty()) {
    action_wish wish{ask.tenant, ask.run_id,     ask.incident_id, ask.step,
                     ask.action, ask.parameters, ask.where,       ask.target};
    wish.mode = autonomy_from(ask.mode).value_or(autonomy::approve);
    // A recommended run has been begun by a person: its effects are theirs.
    if (wish.mode == autonomy::recommend)
      wish.mode = autonomy::automatic;
    wish.asked_by = ask.asked_by;
    wish.reason = ask.reason;
    wish.duration_s = ask.duration_s;
    wish.veto_s = ask.veto_s;
    wish.approve_within_s = ask.approve_within_s;
    const auto content = shared_->content->get();
    const auto planned = plan_tasks(wish, content->components, content->instances);
    if (!planned) {
      at().tasks_of_step.erase(key);
      return run_ref(run).send(self_, action_settled{ask.path, ask.attempt, false, nullptr, planned.error().what});
    }
    for (const auto& spec : *planned) {
      step.tasks.push_back(spec.id);
      if (at().tasks.contains(spec.id))
        continue;
      known_task task;
      task.state.spec = spec;
      task.state.created_at = task.state.changed_at = self_->now();
      at().tasks.emplace(spec.id, std::move(task));
      start_task({spec, true, {}});
    }
    at().tasks_of_step[key] = step.tasks;
  }
  at().waiting[key] = std::move(step);
  settle(key);
}

void manager_work::start_task(task_start start) {
  const auto id = start.spec.id;
  auto work = *this;
  const std::function<void(caf::actor)> keep = [work, id](const caf::actor& handle) mutable {
    const auto known = work.at().tasks.find(id);
    if (known != work.at().tasks.end() && !is_final(known->second.state.status))
      known->second.handle = handle;
  };
  self_->request(shared_->tasks.actor(), manager_port_timeout, start_child{task_child(shared_, std::move(start))})
      .then([keep](const child_started& started) { keep(started.handle); },
            [work, id, keep](const caf::error&) mutable { work.adopt(work.shared_->tasks, id, keep); });
}

void manager_work::take_report(const task_report& report) {
  auto& known = at().tasks[report.state.spec.id];
  const bool news =
      known.state.status != report.state.status || known.state.detail != report.state.detail || !known.state.exists;
  known.state = report.state;
  known.settled = report.settled;
  known.undo_answered = known.undo_answered || (known.undo_asked && report.state.status == task_status::undoing);
  if (news) {
    ++at().counters[fmt::format("tasks_{}", to_string(report.state.status))];
    tell_incident(report.state);
  }
  if (is_final(report.state.status)) {
    known.handle = {};
    forget_old();
  }
  settle_steps(report.state.spec.id);
}

void manager_work::tell_incident(const task_state& task) {
  const auto& spec = task.spec;
  if (!spec.incident_id.empty())
    shared_->incidents.send(self_, task_changed{spec.tenant, spec.incident_id, spec.run_id, spec.id, spec.action,
                                                spec.target.key, spec.instance, std::string(to_string(task.status)),
                                                task.detail, task.changed_at});
  shared_->audit.send(
      self_,
      audit_note{spec.tenant, spec.asked_by, fmt::format("task {}", to_string(task.status)), spec.id, spec.reason,
                 fmt::format("{} {} at {}: {}", spec.action, spec.target.key, spec.instance, task.detail)});
}

void manager_work::settle_steps(const std::string& task_id) {
  move_chains(task_id);
  const auto& spec = at().tasks.at(task_id).state.spec;
  settle(step_key(spec.run_id, spec.step));
  settle_undo(step_key(spec.run_id, spec.step.substr(0, spec.step.find('#'))));
}

void manager_work::settle(const std::string& key) {
  const auto at_key = at().waiting.find(key);
  if (at_key == at().waiting.end())
    return;
  std::vector<const task_state*> states;
  for (const auto& id : at_key->second.tasks) {
    const auto known = at().tasks.find(id);
    if (known == at().tasks.end() || !known->second.settled)
      return;
    states.push_back(&known->second.state);
  }
  const auto step = at_key->second;
  const auto answer = answer_of(states);
  at().waiting.erase(at_key);
  tell_run(step.run_id, [&](const run_ref& run) {
    run.send(self_, action_settled{step.path, step.attempt, answer.ok, answer.output, answer.error});
  });
}

void manager_work::tell_run(const std::string& run_id, const std::function<void(const run_ref&)>& tell) {
  const auto run = at().runs.find(run_id);
  if (run != at().runs.end() && run->second.handle)
    tell(run_ref(run->second.handle));
}

// ---- Taking back

void manager_work::undo(const undo_step& what) {
  waiting_step step{what.run_id, what.path, 1, {}};
  const auto content = shared_->content->get();
  for (const auto& id : tasks_where([&](const task_state& t) {
         return t.spec.run_id == what.run_id && t.spec.step.substr(0, t.spec.step.find('#')) == what.path;
       })) {
    auto& task = at().tasks.at(id);
    const auto* action = content->components.find(task.state.spec.component, task.state.spec.action);
    const bool stands = task.state.status == task_status::done || task.state.status == task_status::verified ||
                        task.state.status == task_status::unknown;
    if (action != nullptr && action->effect == action_effect::read)
      continue;
    step.tasks.push_back(id);
    if (!stands || !task.handle)
      continue;
    operator_command order;
    order.kind = command_kind::undo;
    order.reason = what.reason;
    task.undo_asked = true;
    task.undo_answered = false;
    auto work = *this;
    const auto key = step_key(what.run_id, what.path);
    self_->request(task.handle, manager_port_timeout, task_command{order, true})
        .then([work, id, key](const command_answer& answer) mutable { work.note_undo(id, key, answer.obeyed); },
              [work, id, key](const caf::error&) mutable { work.note_undo(id, key, false); });
  }
  const auto key = step_key(what.run_id, what.path);
  at().undoing[key] = std::move(step);
  settle_undo(key);
}

/// Refused: nothing more will come. Obeyed: the task's reports tell.
void manager_work::note_undo(const std::string& id, const std::string& key, bool obeyed) {
  const auto task = at().tasks.find(id);
  if (task != at().tasks.end() && !obeyed)
    task->second.undo_answered = true;
  settle_undo(key);
}

void manager_work::settle_undo(const std::string& key) {
  const auto at_key = at().undoing.find(key);
  if (at_key == at().undoing.end())
    return;
  step_undone done{at_key->second.path, true, {}};
  for (const auto& id : at_key->second.tasks) {
    auto& task = at().tasks.at(id);
    const auto status = task.state.status;
    const bool stands = status == task_status::done || status == task_status::verified;
    if (status == task_status::undoing || (stands && task.undo_asked && !task.undo_answered))
      return;
    if (stands || status == task_status::unknown) {
      done.ok = false;
      done.detail = task.state.detail;
    }
  }
  const auto run_id = at_key->second.run_id;
  at().undoing.erase(at_key);
  tell_run(run_id, [&](const run_ref& run) { run.send(self_, done); });
}

void manager_work::cancel(const cancel_steps& what) {
  for (const auto& id : tasks_where([&](const task_state& t) { return t.spec.run_id == what.run_id; })) {
    const auto& task = at().tasks.at(id);
    if (!task.handle ||
        (task.state.status != task_status::pending && task.state.status != task_status::waiting_approval))
      continue;
    operator_command order;
    order.kind = command_kind::cancel;
    order.user = "run";
    order.reason = what.reason;
    self_->request(task.handle, manager_port_timeout, task_command{order, true})
        .then([](const command_answer&) {}, [](const caf::error&) {});
  }
  std::erase_if(at().waiting, [&](const auto& item) { return item.second.run_id == what.run_id; });
}

/// Ended tasks and runs beyond a bound are forgotten here; their journals keep them.
void manager_work::forget_old() {
  if (at().tasks.size() <= max_known_ended * 2 && at().runs.size() <= max_known_ended * 2)
    return;
  std::vector<std::pair<unix_ns, std::string>> ended;
  for (const auto& [id, task] : at().tasks)
    if (is_final(task.state.status))
      ended.emplace_back(task.state.changed_at, id);
  std::sort(ended.begin(), ended.end());
  for (std::size_t i = 0; i + max_known_ended < ended.size(); ++i) {
    const auto& spec = at().tasks.at(ended[i].second).state.spec;
    at().tasks_of_step.erase(step_key(spec.run_id, spec.step));
    at().tasks.erase(ended[i].second);
  }
  std::vector<std::pair<unix_ns, std::string>> over;
  for (const auto& [id, run] : at().runs)
    if (run.final && !at().incidents.contains(run.view.incident_id)) // an open incident would start it again
      over.emplace_back(run.view.changed_at, id);
  std::sort(over.begin(), over.end());
  for (std::size_t i = 0; i + max_known_ended < over.size(); ++i)
    at().runs.erase(over[i].second);
}

std::vector<std::string> manager_work::tasks_where(const std::function<bool(const task_state&)>& fits) const {
  std::vector<std::pair<unix_ns, std::string>> found;
  for (const auto& [id, task] : at().tasks)
    if (fits(task.state))
      found.emplace_back(task.state.created_at, id);
  std::sort(found.rbegin(), found.rend());
  std::vector<std::string> out;
  for (auto& [time, id] : found)
    out.push_back(std::move(id));
  return out;
}

} // namespace soc::response
