#include "response/task_work.hpp"
#include "runtime/error.hpp"

#include <fmt/format.h>

namespace soc::response {

namespace {

constexpr unix_ns unavailable_retry_ns = ns_per_s;

/// What a stored intent says: enough to know the call again.
std::string intent_bytes(const task_state& task, const std::string& action) {
  return nlohmann::json{
      {"task", task.spec.id}, {"tenant", task.spec.tenant}, {"action", action}, {"instance", task.spec.instance}}
      .dump();
}

std::string outcome_bytes(const call_outcome& outcome) {
  return nlohmann::json{
      {"what", static_cast<int>(outcome.what)}, {"output", outcome.output}, {"detail", outcome.detail}}
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

gate_decision no_permit() {
  gate_decision out;
  out.what = verdict::refuse;
  out.reasons = {{"no_permit", "the gate gave no permit"}};
  return out;
}

} // namespace

const action* task_work::find_action(const task_spec& spec) {
  content_ = shared_->content->get();
  return content_->components.find(spec.component, spec.action);
}

const action* task_work::current_action() {
  return find_action(at().task.spec);
}

const action* task_work::inverse_of(const action& what) {
  return content_->components.find(at().task.spec.component, what.inverse);
}

std::optional<component_call> task_work::call_of(bool undo) {
  const auto& spec = at().task.spec;
  const auto* what = current_action();
  const auto component = content_->components.components.find(spec.component);
  const auto* instance = content_->instance(spec.instance);
  const auto* inverse = undo && what != nullptr ? inverse_of(*what) : nullptr;
  if (what == nullptr || instance == nullptr || (undo && inverse == nullptr))
    return std::nullopt;
  component_call out;
  out.component = component->second;
  out.action = undo ? inverse->name : what->name;
  out.instance = std::make_shared<const resource_instance>(*instance);
  out.parameters = undo ? inverse_parameters(at().task, *inverse) : spec.parameters;
  out.idempotency_key = idempotency_key(at().task, undo);
  out.task_id = spec.id;
  out.reason = spec.reason;
  return out;
}

void task_work::gone(bool undo) {
  task_event event;
  event.what = undo ? task_event_kind::undo_failed : task_event_kind::failed;
  event.detail = "the action or the resource instance is no longer configured";
  append(std::move(event), nullptr);
}

void task_work::ask_gate(bool undo, bool again) {
  const auto call = call_of(undo);
  const auto* what = current_action();
  if (!call)
    return gone(undo);
  const auto request = request_of(at().task, *what, undo ? inverse_of(*what) : nullptr, undo);
  auto work = *this;
  question(shared_->gate.actor(), gate_ask{request})
      .then(
          [work, call, undo, again, request](const gate_answer& answer) mutable {
            work.at().busy = false;
            work.take_verdict(answer, *call, fingerprint_of(request), undo, again);
          },
          [work](const caf::error& error) mutable {
            work.at().busy = false;
            (void)error; // the gate restarts: ask again
            work.set_timer(work.self_->now() + unavailable_retry_ns);
          });
}

void task_work::take_verdict(const gate_answer& answer, const component_call& call, const std::string& fingerprint,
                             bool undo, bool again) {
  if (auto event = judged(at().task, answer.decision, undo, self_->now())) {
    if (event->what == task_event_kind::refused)
      audit("refused", event->detail);
    return append(std::move(*event), nullptr);
  }
  if (!answer.leave)
    return append(*judged(at().task, no_permit(), undo, self_->now()), nullptr);
  call_request request{*answer.leave, call, fingerprint};
  if (again)
    return put_intent(std::move(request), undo);
  task_event started;
  started.what = task_event_kind::started;
  started.attempt = (undo ? at().task.undo_attempts : at().task.attempts) + 1;
  auto work = *this;
  append_at(std::move(started), [work, request, undo]() mutable {
    work.report();
    work.put_intent(std::move(request), undo);
  });
}

std::string task_work::intent_key(bool undo) {
  const auto& task = at().task;
  return fmt::format("response/{}/{}", idempotency_key(task, undo), undo ? task.undo_attempts : task.attempts);
}

void task_work::put_intent(call_request request, bool undo) {
  auto work = *this;
  question(shared_->store.actor(), intent_put{intent_key(undo), intent_bytes(at().task, request.call.action)})
      .then([work, request, undo](const stored&) mutable { work.make_call(std::move(request), undo); },
            [work](const caf::error& error) mutable { work.give_up("storing the intent", error); });
}

void task_work::make_call(call_request request, bool undo) {
  auto work = *this;
  question(shared_->calls.actor(), std::move(request), patience_for_calls)
      .then([work, undo](const call_answer& answer) mutable { work.put_result(answer.outcome, undo); },
            [work, undo](const caf::error& error) mutable {
              const auto why = to_failure(error);
              using kind = call_outcome::kind;
              const auto what = why.code == ec::unavailable ? kind::transient
                                : why.code == ec::timed_out ? kind::unknown
                                                            : kind::failed;
              work.put_result({what, nullptr, why.what}, undo);
            });
}

void task_work::put_result(const call_outcome& outcome, bool undo) {
  auto work = *this;
  question(shared_->store.actor(), intent_result{intent_key(undo), outcome_bytes(outcome)})
      .then([work, outcome](const stored&) mutable { work.take_outcome(outcome); },
            [work](const caf::error& error) mutable { work.give_up("storing the outcome", error); });
}

void task_work::take_outcome(const call_outcome& outcome) {
  auto event = judged(at().task, current_action(), outcome, self_->now());
  // In doubt, the target itself may tell.
  const bool doubt = event.what == task_event_kind::doubtful || event.what == task_event_kind::undo_doubtful;
  if (doubt && current_action() != nullptr && current_action()->verify)
    return read_back([this_work = *this, event](std::optional<bool> stands, const nlohmann::json& output) mutable {
      this_work.settle_doubt(event, stands, output);
    });
  append(std::move(event), nullptr);
}

void task_work::audit(const std::string& what, const std::string& why) {
  const auto& spec = at().task.spec;
  shared_->audit.send(self_,
                      audit_note{spec.tenant, spec.asked_by,
                                 fmt::format("{} {} on {} at {}", what, spec.action, spec.target.key, spec.instance),
                                 spec.id, why, what});
}

} // namespace soc::response
