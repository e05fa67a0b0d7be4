#include "response/task_work.hpp"
#include "runtime/error.hpp"

#include <fmt/format.h>

namespace soc::response {

namespace {

constexpr unix_ns look_again_ns = 30 * ns_per_s;

std::optional<call_outcome> outcome_from(const std::string& bytes) {
  const auto parsed = nlohmann::json::parse(bytes, nullptr, false);
  if (!parsed.is_object() || !parsed.value("what", nlohmann::json()).is_number_integer())
    return std::nullopt;
  return call_outcome{static_cast<call_outcome::kind>(parsed["what"].get<int>()),
                      parsed.value("output", nlohmann::json()), parsed.value("detail", std::string{})};
}

} // namespace

void task_work::settle_doubt(task_event event, std::optional<bool> stands, const nlohmann::json& output) {
  const bool undoing = at().task.status == task_status::undoing;
  if (stands) {
    const bool reached = *stands != undoing;
    call_outcome seen{reached ? call_outcome::kind::succeeded : call_outcome::kind::transient, output,
                      "no answer came; the target was read back"};
    event = judged(at().task, current_action(), seen, self_->now());
  }
  append(std::move(event), nullptr);
}

void task_work::recover(bool undo) {
  if (at().task.started_on != shared_->node)
    return take_outcome({call_outcome::kind::unknown, nullptr, "the node that made the call is gone"});
  auto work = *this;
  question(shared_->store.actor(), intent_get{intent_key(undo)})
      .then(
          [work, undo](const intent& found) mutable {
            work.at().busy = false;
            if (!found.found)
              return work.ask_gate(undo, true); // the call comes after the intent: it was never made
            if (const auto outcome = found.has_result ? outcome_from(found.result_bytes) : std::nullopt)
              return work.take_outcome(*outcome);
            work.look_then_judge();
          },
          [work](const caf::error& error) mutable { work.give_up("reading the intent", error); });
}

void task_work::look_then_judge() {
  auto work = *this;
  const call_outcome lost{call_outcome::kind::unknown, nullptr, "the node stopped while the call was under way"};
  if (current_action() == nullptr || !current_action()->verify)
    return take_outcome(lost);
  read_back([work, lost](std::optional<bool> stands, const nlohmann::json& output) mutable {
    if (stands)
      work.settle_doubt({}, stands, output);
    else
      work.append(judged(work.at().task, work.current_action(), lost, work.self_->now()), nullptr);
  });
}

void task_work::read_back(seen_handler then) {
  auto work = *this;
  if (!then)
    then = [work](std::optional<bool> stands, const nlohmann::json& output) mutable {
      work.take_sight(stands, output);
    };
  auto call = call_of(false);
  const auto* what = current_action();
  if (!call || !what->verify) {
    const nlohmann::json nothing;
    return then(std::nullopt, nothing);
  }
  auto request = request_of(at().task, *what, nullptr, false);
  const auto* read = content_->components.find(at().task.spec.component, what->verify->read_action);
  call->action = read->name;
  call->parameters = read_parameters(*read);
  request.action = read->name;
  request.effect = action_effect::read;
  request.parameters = call->parameters;
  question(shared_->gate.actor(), gate_ask{request})
      .then(
          [work, call = *call, request, then](const gate_answer& answer) mutable {
            if (!answer.leave) {
              work.at().busy = false;
              return then(std::nullopt, nlohmann::json());
            }
            work.make_reading({*answer.leave, call, fingerprint_of(request), true}, then);
          },
          [work, then](const caf::error&) mutable {
            work.at().busy = false;
            then(std::nullopt, nlohmann::json());
          });
}

nlohmann::json task_work::read_parameters(const action& read) {
  nlohmann::json given = nlohmann::json::object();
  for (const auto& p : read.parameters) {
    if (const auto own = at().task.spec.parameters.find(p.name); own != at().task.spec.parameters.end())
      given[p.name] = *own;
    else if (at().task.output.is_object() && at().task.output.contains(p.name))
      given[p.name] = at().task.output[p.name];
  }
  const auto checked = checked_parameters(read, given);
  return checked ? *checked : given;
}

void task_work::make_reading(call_request request, seen_handler then) {
  auto work = *this;
  question(shared_->calls.actor(), std::move(request), patience_for_calls)
      .then(
          [work, then](const call_answer& answer) mutable {
            work.at().busy = false;
            const auto* what = work.current_action();
            const bool read = answer.outcome.what == call_outcome::kind::succeeded && what != nullptr && what->verify;
            if (!read)
              return then(std::nullopt, nlohmann::json(answer.outcome.detail));
            const bool stands = what->verify->in_effect.matches(nlohmann::json{{"output", answer.outcome.output}});
            then(stands, answer.outcome.output);
          },
          [work, then](const caf::error&) mutable {
            work.at().busy = false;
            then(std::nullopt, nlohmann::json());
          });
}

void task_work::take_sight(std::optional<bool> stands, const nlohmann::json& output) {
  task_event event;
  if (!stands) {
    // It answered that it was done; that it can't be read just now makes it no less so. Looked at again later.
    event.what = task_event_kind::unseen;
    event.until = self_->now() + look_again_ns;
    event.detail = "done; it could not be read back yet";
  } else {
    event.what = *stands ? task_event_kind::in_effect : task_event_kind::not_in_effect;
    event.detail = *stands ? "read back: it is in effect" : "read back: it is not in effect";
    event.output = output;
  }
  append(std::move(event), nullptr);
}

} // namespace soc::response
