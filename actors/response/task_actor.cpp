#include "response/task_actor.hpp"

#include "response/codec.hpp"
#include "response/task_work.hpp"
#include "runtime/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace soc::response {

namespace {

/// A timer keeps what it is for: no longer than it takes to set another.
constexpr unix_ns longest_timer_ns = 60 * ns_per_s;
constexpr std::size_t max_waiting_commands = 64;
constexpr std::chrono::seconds time_to_doze_off{1};

} // namespace

void task_work::start(const task_start& from) {
  at().task.spec.id = from.spec.id;
  at().busy = true;
  at().watch.asked(patience_for_calls); // reading has a timer of its own
  auto work = *this;
  if (from.fresh)
    return begin(from.spec);
  if (!from.history.empty())
    return replay({from.history}, from);
  self_
      ->request(shared_->journal.actor(), std::chrono::seconds(60),
                journal_read{task_subject(from.spec.tenant, from.spec.id), 0})
      .then([work, from](const journal_entries& found) mutable { work.replay(found, from); },
            [work](const caf::error& error) mutable { work.give_up("reading its journal", error); });
}

void task_work::command(const task_command& order, caf::typed_response_promise<command_answer> promise) {
  if (at().busy || !at().ready) {
    if (at().waiting.size() >= max_waiting_commands)
      return (void)promise.deliver(command_answer{false, "too many commands are waiting"});
    auto work = *this;
    return at().waiting.push_back([work, order, promise]() mutable { work.command(order, promise); });
  }
  auto events = decide_command(order.command, order.by_run);
  if (!events)
    return (void)promise.deliver(command_answer{false, events.error().what});
  auto work = *this;
  append(events->front(), [work, promise]() mutable {
    promise.deliver(command_answer{
        true, fmt::format("task {} is now {}", work.at().task.spec.id, to_string(work.at().task.status))});
  });
}

void task_work::wake(unix_ns due) {
  if (at().timer_at != due)
    return; // an older timer
  at().timer_at = 0;
  go_on();
}

void task_work::check() {
  if (at().watch.too_long(at().busy))
    give_up("waiting", to_error(ec::timed_out, "no answer"));
}

/// Nothing has happened for a while: the manager keeps its state, and wakes it.
void task_work::doze(std::uint64_t sequence) {
  if (at().sequence != sequence || at().busy || !at().ready || at().unsaved || !at().waiting.empty())
    return;
  const auto until = rests_until(at().task, current_action(), self_->now());
  if (!until)
    return;
  report(until);
  self_->quit();
}

task_actor_state& task_work::at() {
  return self_->state;
}

void task_work::begin(const task_spec& spec) {
  at().task = {};
  at().task.spec = spec;
  at().task.exists = true;
  at().task.created_at = at().task.changed_at = self_->now();
  at().unsaved = true;
  ready();
}

void task_work::replay(const journal_entries& found, const task_start& from) {
  task_state state;
  const action* what = nullptr;
  std::uint64_t sequence = 0;
  for (const auto& entry : found.entries) {
    if (const auto event = decode_task_event(entry.payload)) {
      if (event->spec)
        what = find_action(*event->spec);
      apply(state, *event, what);
    }
    sequence = entry.sequence;
  }
  if (!state.exists && !from.spec.action.empty())
    return begin(from.spec);
  if (!state.exists)
    return self_->quit(to_error(ec::not_found, "the journal has no such task"));
  at().task = std::move(state);
  at().sequence = sequence;
  ready();
}

void task_work::ready() {
  at().ready = true;
  at().busy = false;
  if (!at().unsaved)
    report();
  go_on();
}

void task_work::append(task_event event, std::function<void()> then) {
  auto work = *this;
  append_at(std::move(event), [work, then]() mutable {
    work.at().busy = false;
    work.report();
    if (then)
      then();
    work.go_on();
  });
}

void task_work::append_at(task_event event, std::function<void()> then) {
  event.at = self_->now();
  event.node = shared_->node;
  const auto& spec = at().task.spec;
  if (at().unsaved)
    event.spec = spec;
  journal_append entry{task_subject(spec.tenant, spec.id), at().sequence, encode(event), {}};
  entry.message_id = fmt::format("{}-{}-{}", spec.id, shared_->node, at().sequence);
  auto work = *this;
  question(shared_->journal.actor(), std::move(entry))
      .then(
          [work, event, then](const journal_appended& stored) mutable {
            work.at().sequence = stored.sequence;
            const auto* what = work.current_action();
            if (std::exchange(work.at().unsaved, false))
              work.at().task = {}; // exactly what a successor would read
            apply(work.at().task, event, what);
            then();
          },
          [work](const caf::error& error) mutable {
            if (to_failure(error).code == ec::conflict)
              work.somebody_else_wrote();
            else
              work.give_up("appending to its journal", error); // in doubt: the successor reads what is there
          });
}

/// A task that exists already, perhaps begun by another node, goes on with what is there; one that another node has
/// taken over is no longer ours.
void task_work::somebody_else_wrote() {
  if (!std::exchange(at().unsaved, false))
    return self_->quit(to_error(ec::conflict, "another node goes on with this task"));
  const auto spec = at().task.spec;
  at().task = {};
  at().ready = false;
  start({spec, false, {}});
}

void task_work::report(std::optional<unix_ns> rests_until) {
  const auto& task = at().task;
  self_->send(shared_->manager, task_report{task, is_settled(task), is_over(task, current_action()),
                                            rests_until.has_value(), rests_until.value_or(0)});
}

void task_work::give_up(const std::string& doing, const caf::error& error) {
  self_->quit(to_error(ec::unavailable, fmt::format("{}: {}", doing, describe(error))));
}

void task_work::go_on() {
  if (at().busy || !at().ready)
    return;
  if (!at().waiting.empty()) {
    auto next = std::move(at().waiting.front());
    at().waiting.erase(at().waiting.begin());
    next();
    return at().busy ? void() : go_on(); // one that was refused has begun nothing
  }
  const auto now = self_->now();
  if (auto event = due(at().task, current_action(), now))
    return append(std::move(*event), nullptr);
  if (!at().unsaved && rests_until(at().task, current_action(), now))
    return self_->delayed_send(self_, time_to_doze_off, task_doze{at().sequence});
  const auto step = next_step(at().task, now, false);
  using kind = task_step::kind;
  switch (step.what) {
  case kind::none:
    return finish();
  case kind::wait:
    return set_timer(step.until);
  case kind::ask_gate:
    return ask_gate(step.undo, false);
  case kind::recover:
    return recover(step.undo);
  case kind::read_back:
    return read_back(nullptr);
  }
}

void task_work::finish() {
  if (!is_over(at().task, current_action()))
    return;
  release();
  self_->quit();
}

/// What stands no more, can't be taken back or never came about need not stay in the gate's books.
void task_work::release() {
  const auto& task = at().task;
  for (const auto& id : grants_of(task))
    shared_->gate.send(self_, gate_release{task.spec.tenant, id, std::string(to_string(task.status))});
}

void task_work::set_timer(unix_ns until) {
  const auto now = self_->now();
  const auto wait = std::clamp<unix_ns>(until - now, ns_per_ms, longest_timer_ns);
  at().timer_at = now + wait;
  self_->delayed_send(self_, std::chrono::nanoseconds(wait), task_wake{at().timer_at});
}

result<std::vector<task_event>> task_work::decide_command(const operator_command& order, bool by_run) {
  const auto now = self_->now();
  const auto& task = at().task;
  switch (order.kind) {
  case command_kind::approve:
    return approve(task, order.user, order.reason, now);
  case command_kind::reject:
    return reject(task, order.user, order.reason, now);
  case command_kind::cancel:
    return cancel(task, order.user, order.reason, now);
  case command_kind::undo:
    return undo(task, current_action(), by_run ? std::string{} : order.user, order.reason, now);
  case command_kind::resolve:
    if (order.detail != "done" && order.detail != "failed")
      return failure{ec::invalid_input, "say what became of it: done or failed"};
    return resolve(task, order.detail == "done", order.user, order.reason, now);
  default:
    return failure{ec::invalid_input, "that is no command for a task"};
  }
}

std::string task_subject(const std::string& tenant, const std::string& id) {
  return fmt::format("soc.{}.task.{}", tenant, id);
}

caf::behavior task(task_actor* self, services_ptr shared, task_start start) {
  task_work(self, shared).start(start);
  return {
      [=](const task_command& order) -> caf::result<command_answer> {
        auto promise = self->make_response_promise<command_answer>();
        task_work(self, shared).command(order, promise);
        return promise;
      },
      [=](const task_wake& w) { task_work(self, shared).wake(w.due); },
      [=](const task_doze& d) { task_work(self, shared).doze(d.sequence); },
      [=](const check_wait&) { task_work(self, shared).check(); },
  };
}

child_spec task_child(services_ptr shared, task_start start) {
  child_spec out;
  out.name = start.spec.id;
  auto first = std::make_shared<bool>(true);
  out.restart = restart_when::transient;
  out.start = [shared, start, first](caf::actor_system& system, actor_context context) {
    auto now = start;
    now.fresh = start.fresh && *first; // its successors find all of it in the journal
    if (!*first)
      now.history.clear();
    *first = false;
    return spawn_observed(system, std::move(context), task, shared, now);
  };
  return out;
}

task_view view_of(const task_state& state) {
  task_view out;
  const auto& spec = state.spec;
  out.id = spec.id;
  out.run_id = spec.run_id;
  out.incident_id = spec.incident_id;
  out.tenant = spec.tenant;
  out.step = spec.step;
  out.component = spec.component;
  out.action = spec.action;
  out.target_type = model::to_string(spec.target.type);
  out.target = spec.target.key;
  out.instance = spec.instance;
  out.status = to_string(state.status);
  out.mode = to_string(spec.mode);
  out.detail = state.detail;
  out.asked_by = spec.asked_by;
  out.attempts = state.attempts;
  out.created_at = state.created_at;
  out.changed_at = state.changed_at;
  out.expires_at = state.expires_at;
  out.decide_by = state.status == task_status::waiting_approval ? state.decide_by : 0;
  out.output_json =
      state.output.is_null() ? "" : state.output.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return out;
}

} // namespace soc::response
