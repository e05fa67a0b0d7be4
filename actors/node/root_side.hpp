// node/root_side.hpp - ROOT SIDE: what only the composition root can do for the shell: rule statistics of all lanes,
// and reload: everything is read and checked, then swapped (mappings before rules, so that no rule sees events without
// its fields); connectors that changed are started again, the others are left alone; the answer names those that did
// not follow. One a node, supervised, in a thread of its own: loading takes a while.
#pragma once
#include "node/wiring.hpp"

#include <set>
#include <string>

namespace soc::node {

struct root_side_state {
  static inline const char* name = "root_side";
  wiring w;
  bool reloading = false;       ///< connectors are being changed: one reload at a time
  std::set<std::string> astray; ///< connectors that did not follow the last reload: the next one tries again
};
using root_side_self = caf::stateful_actor<root_side_state, observed_actor>;

/// control::rules_query, control::reload_query → control::json_answer.
caf::behavior root_side(root_side_self* self, wiring w);

} // namespace soc::node
