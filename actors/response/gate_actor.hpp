// response/gate_actor.hpp - the gate (core/gate.hpp) with its journal: soc.<tenant>.journal.gate.effects. One a node;
// all gates of a tenant share the journal, and its expected sequence lets only one of them grant at a time. What comes
// while an append is under way is judged together and stored in one entry; an answer leaves when its grant is stored.
// The emergency stop of tenant "default" is heeded for every tenant, also for those that nobody has heard of yet.
#pragma once
#include "response/messages.hpp"

#include <deque>

namespace soc::response {

/// One request. Judged against the state as all before it have left it; answered when what that led to is stored.
/// Judged once more when it could not be stored.
struct gate_job {
  std::function<std::vector<gate_event>(const gate_state&)> judge;
  std::function<void(const gate_state&)> answer; ///< may be empty
  std::function<void(const caf::error&)> refuse; ///< when the gate ends before; may be empty
  bool urgent = true;                            ///< somebody waits for it
};

struct tenant_gate {
  gate_state state;
  std::uint64_t sequence = 0;        ///< last of the journal subject
  std::uint64_t since_snapshot = 0;  ///< events
  bool loaded = false, busy = false; ///< busy: a read or an append is under way
  bool flush_is_due = false;
  std::deque<gate_job> waiting;
  std::vector<gate_job> judged; ///< and in the draft, while that is being stored
  gate_draft draft;
};

struct gate_actor_state {
  static inline const char* name = "gate";
  std::map<std::string, tenant_gate> tenants;
};
using gate_actor = caf::stateful_actor<gate_actor_state, observed_actor>;

caf::behavior gate(gate_actor* self, services_ptr shared);

std::string gate_subject(const std::string& tenant);

} // namespace soc::response
