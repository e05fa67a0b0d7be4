#include "response/manager_work.hpp"

#include "response/core/schedule.hpp"
#include "runtime/error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::response {

namespace {

constexpr std::chrono::seconds manager_port_timeout{10};
constexpr std::size_t max_early = 100'000;
constexpr std::chrono::seconds schedule_tick{1};

bool is_open(const std::string& status) {
  return status != "closed" && status != "resolved" && status != "false_positive";
}

action_wish wish_of(const perform_action& ask) {
  action_wish out{ask.tenant, ask.run_id, ask.incident_id, ask.step, ask.action, ask.parameters, ask.where, ask.target};
  out.mode = autonomy_from(ask.mode).value_or(autonomy::approve);
  // A recommended run has been begun by a person: its effects are theirs.
  if (out.mode == autonomy::recommend)
    out.mode = autonomy::automatic;
  out.asked_by = ask.asked_by;
  out.reason = ask.reason;
  out.duration_s = ask.duration_s;
  out.veto_s = ask.veto_s;
  out.approve_within_s = ask.approve_within_s;
  return out;
}

bool may_stand(const known_task& task) {
  const auto status = task.state.status;
  return status == task_status::done || status == task_status::verified || status == task_status::unknown;
}

/// Whether there is anything to take back, or it has been, is not known yet.
bool is_under_way(const known_task& task) {
  const auto status = task.state.status;
  return status == task_status::pending || status == task_status::waiting_approval || status == task_status::running ||
         status == task_status::undoing || (may_stand(task) && task.undo_asked && !task.undo_answered);
}

} // namespace

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
  auto work = *this;
  start_child_run(std::move(start), [work, id = wanted.id](const caf::actor& handle) mutable {
    if (!handle)
      work.forget_unstarted(id);
  });
}

void manager_work::start_child_run(run_start start, std::function<void(caf::actor)> then) {
  const auto id = start.id;
  auto& run = at().runs[id]; // taken at once: a second look at the incident starts no second run
  run.asleep = false;
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
    auto& known = work.at().runs[id];
    if (!known.final && !known.asleep)
      known.handle = handle;
    then(handle);
  };
  // A supervisor answers at once; what one was handling when it failed, its successor handles again.
  self_->request(shared_->runs.actor(), caf::infinite, start_child{shared_->make_run(start)})
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
  note_rest(run, change.view.id, change.asleep, change.wake_at);
  answer_beginning(change);
  settle_alerts(change.view.id);
  if (change.final) {
    run.handle = {};
    ++at().final_runs;
    ++at().counters["runs_" + change.view.status];
    forget_old();
  }
}

// ---- Steps and tasks

/// What a step is to do is worked out each time it is asked for: after a crash the journals may hold only some of its
/// tasks. Ids are made of what they are for, so none is made twice; those that exist go on whatever the content says
/// now.
void manager_work::perform(const perform_action& ask, const caf::actor& run) {
  at().runs[ask.run_id].handle = at().runs[ask.run_id].handle ? at().runs[ask.run_id].handle : run;
  const auto key = step_key(ask.run_id, ask.step);
  auto& known = at().tasks_of_step[key];
  const auto content = shared_->content->get();
  const auto planned = plan_tasks(wish_of(ask), content->components, content->instances);
  if (!planned && known.empty()) {
    at().tasks_of_step.erase(key);
    return run_ref(run).send(self_, action_settled{ask.path, ask.attempt, false, nullptr, planned.error().what});
  }
  std::vector<std::string> tasks;
  if (planned)
    for (const auto& spec : *planned) {
      tasks.push_back(spec.id);
      make_task(spec);
    }
  for (const auto& id : known)
    if (std::find(tasks.begin(), tasks.end(), id) == tasks.end())
      tasks.push_back(id);
  known = tasks;
  at().waiting[key] = {ask.run_id, ask.path, ask.attempt, std::move(tasks), {}};
  settle(key);
}

void manager_work::make_task(const task_spec& spec) {
  if (at().tasks.contains(spec.id))
    return;
  known_task task;
  task.state.spec = spec;
  task.state.created_at = task.state.changed_at = self_->now();
  at().tasks.emplace(spec.id, std::move(task));
  start_task({spec, true, {}}, [](const caf::actor&) {});
}

void manager_work::start_task(task_start start, std::function<void(caf::actor)> then) {
  const auto id = start.spec.id;
  auto work = *this;
  const std::function<void(caf::actor)> keep = [work, id, then](const caf::actor& handle) mutable {
    const auto known = work.at().tasks.find(id);
    if (known != work.at().tasks.end() && !known->second.over && !known->second.asleep)
      known->second.handle = handle;
    then(handle);
  };
  self_->request(shared_->tasks.actor(), caf::infinite, start_child{task_child(shared_, std::move(start))})
      .then([keep](const child_started& started) { keep(started.handle); },
            [work, id, keep](const caf::error&) mutable { work.adopt(work.shared_->tasks, id, keep); });
}

void manager_work::take_report(const task_report& report) {
  auto& known = at().tasks[report.state.spec.id];
  const bool news =
      known.state.status != report.state.status || known.state.detail != report.state.detail || !known.state.exists;
  known.state = report.state;
  known.settled = report.settled;
  at().over_tasks += !known.over && report.over ? 1 : 0;
  known.over = report.over;
  note_rest(known, report.state.spec.id, report.asleep, report.wake_at);
  known.undo_answered = known.undo_answered || (known.undo_asked && report.state.status == task_status::undoing);
  if (news) {
    ++at().counters[fmt::format("tasks_{}", to_string(report.state.status))];
    tell_incident(report.state);
  }
  if (known.over) {
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
  bool all_settled = true, none_is_near = true;
  for (const auto& id : at_key->second.tasks) {
    const auto known = at().tasks.find(id);
    if (known == at().tasks.end())
      return;
    all_settled = all_settled && known->second.settled;
    none_is_near = none_is_near && (known->second.settled || known->second.asleep);
    states.push_back(&known->second.state);
  }
  const auto step = at_key->second;
  if (!all_settled) {
    if (none_is_near)
      tell_run(step.run_id, [&](const run_ref& run) { run.send(self_, run_rest{}); });
    return;
  }
  // One that sleeps asks again when it is awake, and is answered then.
  if (const auto run = at().runs.find(step.run_id); run != at().runs.end() && run->second.asleep)
    return wake_run(step.run_id, [](const caf::actor&) {});
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

/// Of a step that failed or was stopped on the way, some tasks stand, some never came about, and some are under way.
void manager_work::undo(const undo_step& what) {
  waiting_step step{what.run_id, what.path, 1, {}, what.reason};
  const auto content = shared_->content->get();
  for (const auto& id : tasks_where([&](const task_state& t) {
         return t.spec.run_id == what.run_id && t.spec.step.substr(0, t.spec.step.find('#')) == what.path;
       })) {
    auto& task = at().tasks.at(id);
    const auto* action = content->components.find(task.state.spec.component, task.state.spec.action);
    if (action != nullptr && action->effect == action_effect::read)
      continue;
    task.undo_asked = task.undo_answered = task.state.status == task_status::undoing;
    step.tasks.push_back(id);
  }
  const auto key = step_key(what.run_id, what.path);
  at().undoing[key] = std::move(step);
  settle_undo(key);
}

/// Once, when it stands: at once, or when what was under way has come about.
void manager_work::ask_undo(const std::string& id, const std::string& key, const std::string& reason) {
  const auto task = at().tasks.find(id);
  if (task == at().tasks.end() || task->second.over || task->second.undo_asked || !may_stand(task->second))
    return;
  task->second.undo_asked = true;
  operator_command order;
  order.kind = command_kind::undo;
  order.reason = reason;
  auto work = *this;
  tell_task_to(id, {order, true},
               [work, id, key](const command_answer& answer) mutable { work.note_undo(id, key, answer.obeyed); });
}

/// Refused: nothing more will come. Obeyed: the task's reports tell.
void manager_work::note_undo(const std::string& id, const std::string& key, bool obeyed) {
  const auto task = at().tasks.find(id);
  if (task != at().tasks.end() && !obeyed)
    task->second.undo_answered = true;
  settle_undo(key);
}

/// A task that was refused, failed or cancelled has left nothing: it counts as taken back.
void manager_work::settle_undo(const std::string& key) {
  const auto asked = at().undoing.find(key);
  if (asked == at().undoing.end())
    return;
  const auto step = asked->second; // an answer that comes at once may end it
  for (const auto& id : step.tasks)
    ask_undo(id, key, step.reason);
  if (!at().undoing.contains(key))
    return;
  step_undone done{step.path, true, {}};
  for (const auto& id : step.tasks) {
    const auto task = at().tasks.find(id);
    if (task == at().tasks.end())
      continue;
    if (is_under_way(task->second))
      return;
    if (may_stand(task->second)) {
      done.ok = false;
      done.detail = task->second.state.detail;
    }
  }
  at().undoing.erase(key);
  tell_run(step.run_id, [&](const run_ref& run) { run.send(self_, done); });
}

void manager_work::cancel(const cancel_steps& what) {
  for (const auto& id : tasks_where([&](const task_state& t) { return t.spec.run_id == what.run_id; })) {
    const auto& task = at().tasks.at(id);
    if (task.state.status != task_status::pending && task.state.status != task_status::waiting_approval)
      continue;
    operator_command order;
    order.kind = command_kind::cancel;
    order.user = "run";
    order.reason = what.reason;
    tell_task_to(id, {order, true}, [](const command_answer&) {});
  }
  std::erase_if(at().waiting, [&](const auto& item) { return item.second.run_id == what.run_id; });
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
