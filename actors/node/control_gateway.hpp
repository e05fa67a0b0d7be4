// node/control_gateway.hpp - CONTROL GATEWAY: bytes of a control request from the transport become a question to the
// control actor, and its answer bytes again. One a node, supervised, stateless.
#pragma once
#include "control/control_actor.hpp"
#include "transport/node_bus.hpp"

namespace soc::node {

struct control_gateway_state {
  static inline const char* name = "control_gateway";
};
using control_gateway_self = caf::stateful_actor<control_gateway_state, observed_actor>;

/// transport::control_payload → transport::control_payload_reply.
caf::behavior control_gateway(control_gateway_self* self, ref<control::control_interface> control);

} // namespace soc::node
