// node/correlation_keeper.hpp - CORRELATION KEEPER: brings the windows of the node's correlator back at the start and
// stores them every few seconds and when it is drained. What was fed after the last snapshot comes again with the
// sources' unacknowledged batches. One a node, first child of the pipeline.
#pragma once
#include "detection/correlator.hpp"
#include "runtime/actor.hpp"

#include <chrono>

namespace soc::node {

struct keep_windows {};

struct correlation_keeper_state {
  static inline const char* name = "correlation_keeper";
  std::shared_ptr<detection::shared_correlator> windows;
  store_ref store;
  std::uint64_t stored_hash = 0; ///< of the last snapshot: unchanged windows are not written again
  std::uint64_t number = 0;
};
using correlation_keeper_self = caf::stateful_actor<correlation_keeper_state, observed_actor>;

/// Takes drain (answered with drained).
caf::behavior correlation_keeper(correlation_keeper_self* self, std::shared_ptr<detection::shared_correlator> windows,
                                 store_ref store);

} // namespace soc::node

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::node::keep_windows)
