#include "response/manager_work.hpp"
#include "runtime/error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::response {

namespace {

constexpr std::chrono::seconds command_timeout{8};

std::string_view to_string(command_kind kind) {
  static constexpr std::string_view names[] = {"approve",          "reject", "undo",   "cancel",  "pause",
                                               "resume",           "retry",  "signal", "resolve", "emergency stop",
                                               "emergency release"};
  return names[static_cast<std::size_t>(kind) % 11];
}

bool is_for_runs(command_kind kind) {
  return kind == command_kind::pause || kind == command_kind::resume || kind == command_kind::retry ||
         kind == command_kind::signal;
}

/// Collects the answers of many, and answers once.
struct gathered {
  std::size_t left = 0, obeyed = 0;
  std::string refusals;
  std::function<void(command_answer)> deliver;

  void take(const command_answer& answer) {
    obeyed += answer.obeyed ? 1 : 0;
    if (!answer.obeyed)
      refusals += (refusals.empty() ? "" : "; ") + answer.text;
    if (--left == 0)
      deliver({obeyed > 0, fmt::format("{} obeyed{}{}", obeyed, refusals.empty() ? "" : "; not: ", refusals)});
  }
};

} // namespace

void manager_work::command(const operator_command& order, caf::typed_response_promise<command_answer> promise) {
  auto work = *this;
  if (order.user.empty()) {
    promise.deliver(command_answer{false, "a command needs the name of who gives it"});
    return;
  }
  if (order.kind == command_kind::emergency_stop || order.kind == command_kind::emergency_release)
    return emergency_command(order, promise);
  if (order.id.empty()) {
    promise.deliver(command_answer{false, "name a task, a run or an incident"});
    return;
  }
  const auto tasks = keys_beginning_with(at().tasks, order.id);
  const auto runs = keys_beginning_with(at().runs, order.id);
  const auto incidents = incidents_beginning_with(order.id);
  const auto found = tasks.size() + runs.size() + incidents.size();
  if (found != 1) {
    auto why = found == 0 ? fmt::format("no task, run or incident begins with '{}'{}", order.id, if_short(order.id))
                          : fmt::format("'{}' is the beginning of {} tasks, {} runs and {} incidents", order.id,
                                        tasks.size(), runs.size(), incidents.size());
    promise.deliver(command_answer{false, std::move(why), {}, found == 0});
    return;
  }
  if (!tasks.empty())
    return command_task(tasks[0], order, promise);
  if (!runs.empty())
    return command_run(runs[0], order, promise);
  command_incident(incidents[0], order, promise);
}

/// Of all of this node that something is known of, also when it is over. One that another node has taken over is that
/// node's, whatever was done for it here before.
std::vector<std::string> manager_work::incidents_beginning_with(const std::string& id) const {
  std::set<std::string> known;
  const auto add = [&](const std::string& tenant, const std::string& incident) {
    if (incident.starts_with(id) && shared_->owns(tenant, incident))
      known.insert(incident);
  };
  for (const auto& [key, task] : at().tasks)
    add(task.state.spec.tenant, task.state.spec.incident_id);
  for (const auto& [key, run] : at().runs)
    add(run.view.tenant, run.view.incident_id);
  for (const auto& [key, incident] : at().incidents)
    add(incident->tenant, key);
  return keys_beginning_with(known, id);
}

void manager_work::command_incident(const std::string& id, const operator_command& order, promise_type promise) {
  std::vector<std::string> runs;
  for (const auto& [run_id, run] : at().runs)
    if (run.view.incident_id == id && (run.handle || run.asleep))
      runs.push_back(run_id);
  command_many(tasks_where([&](const task_state& t) { return t.spec.incident_id == id; }), runs, order, promise);
}

void manager_work::command_task(const std::string& id, const operator_command& order, promise_type promise) {
  const auto& task = at().tasks.at(id);
  auto work = *this;
  const std::function<void(command_answer)> answer = [work, order, promise](const command_answer& a) mutable {
    work.audit(order, a);
    promise.deliver(a);
  };
  if (is_for_runs(order.kind))
    return command_run(task.state.spec.run_id, order, promise);
  tell_task_to(id, {order, false}, answer);
}

void manager_work::command_run(const std::string& id, const operator_command& order, promise_type promise) {
  if (order.kind == command_kind::undo)
    return command_many(tasks_where([&](const task_state& t) { return t.spec.run_id == id; }), {}, order, promise);
  auto work = *this;
  const std::function<void(command_answer)> answer = [work, order, promise](const command_answer& a) mutable {
    work.audit(order, a);
    promise.deliver(a);
  };
  if (!at().runs.contains(id))
    return answer({false, "no run " + id, {}, true});
  tell_run_to(id, order, answer);
}

void manager_work::command_many(const std::vector<std::string>& tasks, const std::vector<std::string>& runs,
                                const operator_command& order, promise_type promise) {
  if (order.kind == command_kind::undo)
    return begin_undo_chain(tasks, order, promise);
  auto work = *this;
  auto all = std::make_shared<gathered>();
  all->deliver = [work, order, promise](const command_answer& a) mutable {
    work.audit(order, a);
    promise.deliver(a);
  };
  std::vector<std::string> receivers;
  for (const auto& id : tasks) {
    const auto& task = at().tasks.at(id);
    const auto status = task.state.status;
    const bool waits = status == task_status::waiting_approval || status == task_status::pending;
    if (!is_for_runs(order.kind) && waits)
      receivers.push_back(id);
  }
  if (receivers.empty() && runs.empty()) {
    promise.deliver(command_answer{
        false, fmt::format("no task or run of '{}' can be told to {}", order.id, to_string(order.kind))});
    return;
  }
  all->left = receivers.size() + runs.size();
  const auto take = [all](const command_answer& a) { all->take(a); };
  for (const auto& id : receivers)
    tell_task_to(id, {order, false}, take);
  for (const auto& id : runs)
    tell_run_to(id, order, take);
}

void manager_work::begin_undo_chain(std::vector<std::string> newest_first, const operator_command& order,
                                    promise_type promise) {
  const auto content = shared_->content->get();
  std::erase_if(newest_first, [&](const auto& id) {
    const auto& task = at().tasks.at(id);
    const auto status = task.state.status;
    const auto* what = content->components.find(task.state.spec.component, task.state.spec.action);
    const bool stands =
        status == task_status::done || status == task_status::verified || status == task_status::unknown;
    return task.over || !stands || (what != nullptr && what->effect == action_effect::read);
  });
  command_answer answer{!newest_first.empty(),
                        newest_first.empty()
                            ? fmt::format("nothing of '{}' stands that could be undone", order.id)
                            : fmt::format("{} effects are taken back, the newest first", newest_first.size())};
  audit(order, answer);
  promise.deliver(answer);
  if (newest_first.empty())
    return;
  at().chains.push_back({{newest_first.rbegin(), newest_first.rend()}, {}, order});
  if (!next_of_chain(at().chains.back()))
    at().chains.pop_back();
}

/// False: nothing is left.
bool manager_work::next_of_chain(undo_chain& chain) {
  while (!chain.left.empty()) {
    chain.current = chain.left.back();
    chain.left.pop_back();
    const auto task = at().tasks.find(chain.current);
    if (task == at().tasks.end() || task->second.over)
      continue;
    auto work = *this;
    const auto id = chain.current;
    const std::function<void(command_answer)> heard = [work, id](const command_answer& a) mutable {
      if (!a.obeyed) // irreversible, or undone already: the next
        work.move_chains(id);
    };
    tell_task_to(id, {chain.order, false}, heard);
    return true;
  }
  return false;
}

/// The task has changed: whoever waits for it goes on, unless it is still being undone.
void manager_work::move_chains(const std::string& task_id) {
  const auto task = at().tasks.find(task_id);
  if (task != at().tasks.end() && task->second.state.status == task_status::undoing)
    return;
  for (std::size_t i = 0; i < at().chains.size();)
    if (at().chains[i].current == task_id && !next_of_chain(at().chains[i]))
      at().chains.erase(at().chains.begin() + static_cast<std::ptrdiff_t>(i));
    else
      ++i;
}

void manager_work::emergency_command(const operator_command& order, promise_type promise) {
  auto work = *this;
  gate_emergency ask{order.tenant, order.user, order.reason, order.kind == command_kind::emergency_stop};
  self_->request(shared_->gate.actor(), command_timeout, std::move(ask))
      .then(
          [work, order, promise](const command_answer& a) mutable {
            work.audit(order, a);
            promise.deliver(a);
          },
          [promise](const caf::error& e) mutable {
            promise.deliver(command_answer{false, describe(e)});
          });
}

void manager_work::audit(const operator_command& order, const command_answer& answer) {
  shared_->audit.send(self_, audit_note{order.tenant, order.user, std::string(to_string(order.kind)), order.id,
                                        order.reason, (answer.obeyed ? "obeyed: " : "not obeyed: ") + answer.text});
}

// ---- Questions

task_views manager_work::list(const list_tasks& query) const {
  task_views out;
  for (const auto& id : tasks_where([&](const task_state& t) {
         return (query.tenant.empty() || t.spec.tenant == query.tenant) &&
                t.spec.incident_id.starts_with(query.incident_id) && t.spec.run_id.starts_with(query.run_id);
       })) {
    ++out.total;
    if (out.all.size() < query.limit)
      out.all.push_back(view_of(at().tasks.at(id).state));
  }
  return out;
}

run_views manager_work::list(const list_runs& query) const {
  run_views out;
  for (const auto& [id, run] : at().runs)
    if (!run.view.status.empty() && (query.tenant.empty() || run.view.tenant == query.tenant) &&
        run.view.incident_id.starts_with(query.incident_id))
      out.all.push_back(run.view);
  out.total = out.all.size();
  std::sort(out.all.begin(), out.all.end(), [](const auto& a, const auto& b) { return a.started_at > b.started_at; });
  if (out.all.size() > query.limit)
    out.all.resize(query.limit);
  return out;
}

/// "runs_open", "tasks_now_waiting_approval", …
std::map<std::string, std::uint64_t> manager_work::open_now() const {
  std::map<std::string, std::uint64_t> out;
  std::map<task_status, std::uint64_t> open;
  for (const auto& [id, task] : at().tasks)
    if (!is_final(task.state.status))
      ++open[task.state.status];
  for (const auto& [status, count] : open)
    out[fmt::format("tasks_now_{}", to_string(status))] = count;
  auto& runs = out["runs_open"];
  for (const auto& [id, run] : at().runs)
    runs += run.final ? 0 : 1;
  return out;
}

/// Onto the node's board, whose counters outlive this incarnation.
void manager_work::tell_metrics() {
  if (!shared_->metrics)
    return;
  auto& board = *shared_->metrics;
  for (const auto& [name, value] : at().counters) {
    auto& told = at().told_metrics[name];
    board.counter("soc_response_total", {{"what", name}}, "runs and tasks by what became of them").add(value - told);
    told = value;
  }
  auto open = open_now();
  for (const auto& [name, gauge] : at().gauges)
    open.try_emplace(name, 0); // none is left
  for (const auto& [name, value] : open) {
    auto& gauge = at().gauges[name];
    if (gauge == nullptr)
      gauge = &board.gauge("soc_response_" + name, {}, "of this node, at the moment");
    gauge->set(static_cast<double>(value));
  }
}

} // namespace soc::response
