// response/rehearsal.hpp - what response would do about an incident, without doing any of it: the rules (or one
// playbook) are run over it, each action is planned onto the resource instances and judged by the gate, and nothing is
// called. For replays of past incidents and of whole months; the gate's limits count up along the way. Functions; the
// state is the caller's.
#pragma once
#include "base/computed_value.hpp"
#include "response/content.hpp"

namespace soc::response {

struct rehearsal {
  content_ptr what;
  jq_function jq;
  gate_state gate; ///< as it would be: what was allowed so far counts
};

/// {"incident", "runs": [{"rule","playbook","mode","entity","status","reason","output","actions":
/// [{"step","action","target","tasks":
/// [{"instance","verdict","why"}], "error"}]}], "problems"}. `playbook`: this one alone, with the incident as its input
/// and each entity that fits as `entity`, `ip`, …; empty: what the rules say.
nlohmann::json rehearse(rehearsal& state, const nlohmann::json& incident, const std::string& playbook, unix_ns now);

} // namespace soc::response
