// response/call_pool.hpp - the call pool: a bounded number of workers, each with a thread of its own, make the calls to
// components. The only way to a driver, and only with a permit that covers the call. What doesn't fit into the queue is
// refused.
#pragma once
#include "response/messages.hpp"

#include <deque>
#include <map>

namespace soc::response {

struct waiting_call {
  call_request request;
  caf::typed_response_promise<call_answer> promise;
};

/// A call that a worker makes. When it doesn't answer in time it is left behind, and another takes its place.
struct running_call {
  caf::actor worker;
  caf::typed_response_promise<call_answer> promise;
  std::chrono::steady_clock::time_point late_at;
};

struct call_pool_state {
  static inline const char* name = "calls";
  std::vector<caf::actor> idle;
  std::map<std::uint64_t, running_call> running;
  std::uint64_t last_call = 0;
  bool ticking = false;
  std::deque<waiting_call> waiting;
  std::uint64_t made = 0, refused = 0;
  services_ptr shared;
};
using call_pool_actor = caf::stateful_actor<call_pool_state, observed_actor>;

caf::behavior call_pool(call_pool_actor* self, services_ptr shared);

} // namespace soc::response
