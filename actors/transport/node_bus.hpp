// transport/node_bus.hpp - NODE BUS: this node's ear and voice for others. Answers soc.node.<node>.control (and
// soc.control, one node of all) through the control actor, soc.node.<node>.aggregate through the aggregate router, and
// sends messages to aggregates of other nodes. At most max_requests are being answered; more get `unavailable`.
#pragma once
#include "runtime/actor.hpp"
#include "transport/nats_link.hpp"
#include "wire/control_wire.hpp"

#include <map>
#include <optional>

namespace soc::transport {

/// To the control actor: an encoded wire::control_request; it answers control_payload_reply (an encoded
/// wire::control_reply).
struct control_payload {
  std::string payload;
};
struct control_payload_reply {
  std::string payload;
};
using control_handler_interface = accepts<control_payload>;

/// To the local aggregate router: it answers wire::envelope_reply, or an error.
struct deliver_envelope {
  wire::envelope message;
};
using envelope_handler_interface = accepts<deliver_envelope>;

/// From local actors: to the aggregate on `node`. Answered with wire::envelope_reply whose code is `none`, or that
/// failure as an error (`unavailable`: nobody there, `timed_out`: outcome unknown).
struct send_envelope {
  std::string node;
  wire::envelope message;
  std::chrono::milliseconds timeout{2000};
};
using node_bus_interface = accepts<send_envelope>;
using node_bus_ref = ref<node_bus_interface>;

struct node_bus_options {
  std::string node;
  std::size_t max_requests = 512;                   ///< being answered
  std::size_t max_calls = 4096;                     ///< of ours, unanswered
  std::chrono::milliseconds answer_timeout{10'000}; ///< what a handler gets when the request states no deadline
};

struct node_bus_state {
  static inline const char* name = "node_bus";
  node_bus_state() = default;
  struct call {
    caf::typed_response_promise<wire::envelope_reply> promise;
    std::chrono::steady_clock::time_point gives_up_at;
  };
  nats_link_ptr link;
  node_bus_options options;
  ref<control_handler_interface> control;
  ref<envelope_handler_interface> router;
  std::optional<nats_inbox> inbox;
  nats_subscription on_control, on_any_control, on_aggregate;
  std::map<std::uint64_t, call> calls;
  std::uint64_t next_token = 1;
  std::size_t answering = 0;
  bool ticking = false;
};
using node_bus_actor = caf::stateful_actor<node_bus_state, observed_actor>;

/// Accepts node_bus_interface.
caf::behavior node_bus(node_bus_actor* self, nats_link_ptr link, node_bus_options options,
                       ref<control_handler_interface> control, ref<envelope_handler_interface> router);

} // namespace soc::transport

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::control_payload)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::control_payload_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::deliver_envelope)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::send_envelope)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::wire::envelope_reply)
