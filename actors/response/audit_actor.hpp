// response/audit_actor.hpp - AUDIT: every command, refusal and effect as one line of JSON on soc.<tenant>.audit, a
// chain for each node and tenant (core/audit_chain.hpp) that goes on across restarts. What comes while a message is on
// its way goes into the next one, a line an entry. After a while the stored head is signed and kept as an anchor in a
// file besides, which may be shipped elsewhere. One a node.
#pragma once
#include "response/core/audit_chain.hpp"
#include "response/messages.hpp"

#include <deque>

namespace soc::response {

struct dated_note {
  audit_note note;
  unix_ns at = 0;
};

/// Entries in order, a line each, and the head they lead to.
struct audit_message {
  std::vector<dated_note> notes;
  std::string text;
  chain_head head;
};

/// Notes become entries when they are published: one that must be shortened then changes no hash of a later one.
struct kept_chain {
  chain_head stored;        ///< of the last entry that the stream has
  audit_message on_its_way; ///< published and not acknowledged
  std::deque<dated_note> unsent;
  std::size_t most_bytes = 256U << 10; ///< of a message; half when NATS took none that large
  std::uint64_t anchored = 0;          ///< number of the last anchor
  std::uint64_t stream_sequence = 0;   ///< of the last message that is known to be stored
  std::uint64_t kept = 0;              ///< number of the entry that the snapshot knows of
  bool loaded = false, loading = false;
};

struct audit_state {
  static inline const char* name = "audit";
  std::map<std::string, kept_chain> chains; ///< by tenant
  std::vector<audit_note> waiting;          ///< until their chain is loaded
  std::uint64_t written = 0, lost = 0;      ///< lost: could not be kept
  bool anchoring = false;
};
using audit_actor = caf::stateful_actor<audit_state, observed_actor>;

caf::behavior audit(audit_actor* self, services_ptr shared);

} // namespace soc::response
