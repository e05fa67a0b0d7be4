// response/gate_actor.hpp - the gate (core/gate.hpp) with its journal: soc.<tenant>.journal.gate.effects. One a node;
// all gates of a tenant share the journal, and its expected sequence lets only one of them grant at a time. Answers
// when the grant is stored.
#pragma once
#include "response/messages.hpp"

#include <deque>

namespace soc::response {

struct tenant_gate {
  gate_state state;
  std::uint64_t sequence = 0;        ///< last of the journal subject
  std::uint64_t since_snapshot = 0;  ///< events
  bool loaded = false, busy = false; ///< busy: a read or an append is under way
  std::deque<std::function<void()>> waiting;
};

struct gate_actor_state {
  static inline const char* name = "gate";
  std::map<std::string, tenant_gate> tenants;
};
using gate_actor = caf::stateful_actor<gate_actor_state, observed_actor>;

caf::behavior gate(gate_actor* self, services_ptr shared);

std::string gate_subject(const std::string& tenant);

} // namespace soc::response
