#include "response/call_pool.hpp"

#include "runtime/error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::response {

namespace {

constexpr std::size_t max_waiting_calls = 10'000;
/// A driver keeps its own time-outs; this is for one that doesn't.
constexpr std::chrono::seconds call_grace{10};

struct make_call {
  component_call call;
};

} // namespace

} // namespace soc::response

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::response::make_call)

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

void run_call(call_pool_actor* self, const services_ptr& shared, waiting_call job) {
  const auto worker = self->state.idle.back();
  self->state.idle.pop_back();
  const auto& action = job.request.call.component->actions.at(job.request.call.action);
  const auto limit = std::chrono::milliseconds(action.timeout_ms) + call_grace;
  ++self->state.made;
  auto promise = job.promise;
  self->request(worker, limit, make_call{std::move(job.request.call)})
      .then(
          [=](const call_answer& answer) mutable {
            self->state.idle.push_back(worker);
            promise.deliver(answer);
            start_waiting(self);
          },
          [=](const caf::error&) mutable {
            // It hangs: nobody knows what came of the call. It is left behind, and another takes its place.
            self->unlink_from(worker);
            self->send_exit(worker, caf::exit_reason::kill);
            spawn_worker(self, shared);
            promise.deliver(call_answer{outcome_of(call_outcome::kind::unknown, "no answer in time")});
            start_waiting(self);
          });
}

} // namespace

caf::behavior call_pool(call_pool_actor* self, services_ptr shared) {
  self->state.shared = shared;
  for (std::size_t i = 0; i < std::max<std::size_t>(1, shared->call_workers); ++i)
    spawn_worker(self, shared);
  return {[=](const call_request& request) -> caf::result<call_answer> {
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
    run_call(self, st.shared, std::move(job));
  }
}

} // namespace

} // namespace soc::response
