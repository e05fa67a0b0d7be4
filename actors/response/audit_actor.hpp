// response/audit_actor.hpp - AUDIT of response: every command, refusal and effect as one line of JSON on
// soc.<tenant>.audit, each with the SHA-256 of the one before it, so that a changed or missing entry shows. One a node;
// its chain is called by the node's name and goes on across restarts.
#pragma once
#include "response/messages.hpp"

namespace soc::response {

struct audit_chain {
  std::uint64_t number = 0;
  std::string head; ///< hash of the last entry, hex
  bool loaded = false, loading = false;
};

struct audit_state {
  static inline const char* name = "audit";
  std::map<std::string, audit_chain> chains; ///< by tenant
  std::vector<audit_note> waiting;           ///< until their chain is loaded
  std::uint64_t lost = 0;                    ///< could not be published
};
using audit_actor = caf::stateful_actor<audit_state, observed_actor>;

caf::behavior audit(audit_actor* self, services_ptr shared);

/// One entry: {"number","time","tenant","node","user","what","object","reason","outcome","previous","hash"}, the hash
/// over all before it.
std::string audit_entry(const audit_note& note, const std::string& node, const audit_chain& before, unix_ns time,
                        std::string& hash);

} // namespace soc::response
