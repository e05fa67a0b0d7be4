#include "response/call_pool.hpp"

#include "runtime/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace soc::response {

namespace {

constexpr std::size_t max_waiting_calls = 10'000;
/// A driver keeps its own time-outs; this is for one that doesn't.
constexpr std::chrono::seconds call_grace{10};

constexpr std::chrono::seconds between_looks_at_calls{1};

struct make_call {
  component_call call;
};
struct look_for_late_calls {};

} // namespace

} // namespace soc::response

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::make_call)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::look_for_late_calls)

namespace soc::response {

namespace {

call_outcome outcome_of(call_outcome::kind what, std::string detail) {
  return {what, nullptr, std::move(detail)};
}

/// One worker; blocks in its own thread.
struct call_worker_state {
  static inline const char* name = "call-worker";
};
using call_worker_actor = caf::stateful_actor<call_worker_state, observed_actor>;

caf::behavior call_worker(call_worker_actor*, driver_set drivers) {
  return {[drivers = std::move(drivers)](const make_call& order) -> call_answer {
    const auto driver = drivers.find(order.call.component->driver);
    if (driver == drivers.end())
      return {outcome_of(call_outcome::kind::failed, "no driver is called '" + order.call.component->driver + "'")};
    try {
      return {driver->second->call(order.call)};
    } catch (const std::exception&) { // its text may hold what the call was made with
      return {outcome_of(call_outcome::kind::unknown, "the driver failed")};
    }
  }};
}

/// Whether the permit covers this call, or the reading that verifies it.
std::optional<failure> uncovered(const call_request& request) {
  const auto& call = request.call;
  if (!call.component || !call.instance || !call.component->actions.contains(call.action))
    return failure{ec::invalid_input, "no such action"};
  if (!request.leave.covers_instance(call.instance->name))
    return failure{ec::refused, "the permit is for another instance"};
  if (request.read_back && call.component->actions.at(call.action).effect == action_effect::read)
    return std::nullopt;
  if (!request.leave.covers(fingerprint_of(call.component->name, call.action, call.instance->name, call.parameters)))
    return failure{ec::refused, "the permit is for another call"};
  return std::nullopt;
}

void start_waiting(call_pool_actor* self);

void spawn_worker(call_pool_actor* self, const services_ptr& shared) {
  actor_context context;
  context.path = self->path() + "/worker";
  context.clock = self->context().clock;
  self->state.idle.push_back(spawn_observed<caf::detached>(self->system(), context, call_worker, shared->drivers));
  self->link_to(self->state.idle.back());
}

void keep_looking(call_pool_actor* self) {
  if (self->state.running.empty() || std::exchange(self->state.ticking, true))
    return;
  self->delayed_send(self, between_looks_at_calls, look_for_late_calls{});
}

void end_call(call_pool_actor* self, std::uint64_t number, const call_answer& answer) {
  auto& st = self->state;
  const auto at = st.running.find(number);
  if (at == st.running.end())
    return; // too late: it has been answered for
  st.idle.push_back(at->second.worker);
  auto promise = at->second.promise;
  st.running.erase(at);
  promise.deliver(answer);
  start_waiting(self);
}

/// Nobody knows what comes of the call.
void leave_behind(call_pool_actor* self, std::uint64_t number) {
  auto& st = self->state;
  const auto at = st.running.find(number);
  if (at == st.running.end())
    return;
  auto late = std::move(at->second);
  st.running.erase(at);
  self->unlink_from(late.worker);
  self->send_exit(late.worker, caf::exit_reason::kill);
  spawn_worker(self, st.shared);
  late.promise.deliver(call_answer{outcome_of(call_outcome::kind::unknown, "no answer in time")});
  start_waiting(self);
}

void look_at_running(call_pool_actor* self) {
  auto& st = self->state;
  st.ticking = false;
  std::vector<std::uint64_t> late;
  for (const auto& [number, call] : st.running)
    if (call.late_at <= self->clock().now())
      late.push_back(number);
  for (const auto number : late)
    leave_behind(self, number);
  keep_looking(self);
}

void run_call(call_pool_actor* self, waiting_call job) {
  auto& st = self->state;
  const auto worker = st.idle.back();
  st.idle.pop_back();
  const auto& action = job.request.call.component->actions.at(job.request.call.action);
  const auto limit = std::chrono::milliseconds(action.timeout_ms) + call_grace;
  const auto number = ++st.last_call;
  ++st.made;
  st.running.emplace(number, running_call{worker, job.promise, self->clock().now() + limit});
  keep_looking(self);
  self->request(worker, caf::infinite, make_call{std::move(job.request.call)})
      .then([=](const call_answer& answer) { end_call(self, number, answer); },
            [=](const caf::error&) { leave_behind(self, number); });
}

} // namespace

caf::behavior call_pool(call_pool_actor* self, services_ptr shared) {
  self->state.shared = shared;
  for (std::size_t i = 0; i < std::max<std::size_t>(1, shared->call_workers); ++i)
    spawn_worker(self, shared);
  return {[=](const look_for_late_calls&) { look_at_running(self); },
          [=](const call_request& request) -> caf::result<call_answer> {
            auto& st = self->state;
            if (const auto why = uncovered(request)) {
              ++st.refused;
              return to_error(*why);
            }
            if (st.waiting.size() >= max_waiting_calls) {
              ++st.refused;
              return to_error(ec::unavailable, "too many calls are waiting");
            }
            auto promise = self->make_response_promise<call_answer>();
            st.waiting.push_back({request, promise});
            start_waiting(self);
            return promise;
          }};
}

namespace {

void start_waiting(call_pool_actor* self) {
  auto& st = self->state;
  while (!st.waiting.empty() && !st.idle.empty()) {
    auto job = std::move(st.waiting.front());
    st.waiting.pop_front();
    run_call(self, std::move(job));
  }
}

} // namespace

} // namespace soc::response
