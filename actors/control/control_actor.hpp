// control/control_actor.hpp - CONTROL: answers the shell and the console for this node and, asked by a person, for all
// living nodes. One a node, supervised; stateless but for what is under way. Changes are written to the audit stream
// before they run.
#pragma once
#include "control/command.hpp"

namespace soc::control {

/// control_query → wire::control_reply.
using control_interface = accepts<control_query>;

struct control_state {
  static inline const char* name = "control";
  node_services services;
  command_table commands;
};

caf::behavior control_actor(control_self* self, node_services services);

} // namespace soc::control
