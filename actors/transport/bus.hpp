// transport/bus.hpp - BUS: publishes to JetStream and answers when the message is stored; requests to other nodes
// (bus_interface). What is not acknowledged is published again with the same message id until it is; while NATS is away
// everything is kept. Over the bounds requests wait unanswered, which holds their senders; over the waiting bound they
// are answered `unavailable`.
#pragma once
#include "runtime/actor.hpp"
#include "transport/nats_link.hpp"
#include "transport/outbox.hpp"

#include <deque>
#include <map>
#include <optional>

namespace soc::transport {

struct bus_options {
  outbox_limits limits;
  std::size_t max_waiting = 16'384; ///< publishes held beside the outbox
  std::size_t max_waiting_bytes = 64U << 20;
  std::size_t max_requests = 4096; ///< to other nodes, unanswered
  std::chrono::milliseconds tick{50};
};

struct bus_query {};
struct bus_status {
  std::size_t pending_messages = 0, pending_bytes = 0, waiting = 0, requests = 0;
  std::uint64_t published = 0, resent = 0, refused = 0;
  std::string last_error;
};

struct bus_state {
  static inline const char* name = "bus";
  bus_state() = default;
  using publish_promise = caf::typed_response_promise<bus_published>;
  struct request_entry {
    caf::typed_response_promise<bus_reply> promise;
    std::chrono::steady_clock::time_point gives_up_at;
  };
  nats_link_ptr link;
  bus_options options;
  std::optional<nats_inbox> acks, replies; ///< on the bulk and the prompt lane
  nats_watch watch;
  std::optional<outbox> box;
  std::map<std::uint64_t, publish_promise> promises; ///< by token of the outbox
  std::map<std::uint64_t, request_entry> requests;
  std::deque<std::pair<bus_publish, publish_promise>> waiting;
  std::size_t waiting_bytes = 0;
  std::uint64_t next_request = 1, published = 0, refused = 0;
  std::string last_error;
  bool ticking = false;
};
using bus_actor = caf::stateful_actor<bus_state, observed_actor>;

/// Accepts bus_interface, and bus_query.
caf::behavior bus(bus_actor* self, nats_link_ptr link, bus_options options);

} // namespace soc::transport

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::bus_query)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::bus_status)
