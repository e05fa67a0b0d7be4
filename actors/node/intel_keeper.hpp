// node/intel_keeper.hpp - INTEL KEEPER: takes over changed indicator files while the node runs. Looks at the files
// every so often, loads them beside the ones in use, and hands the new set to the detectors, which swap between two
// batches. What can't be read leaves the old set in use. One a node, in the pipeline; detached, since loading takes
// seconds.
#pragma once
#include "node/wiring.hpp"
#include "runtime/actor.hpp"

#include <functional>

namespace soc::node {

struct look_at_sources {};
/// A reload has loaded these and handed them to the detectors: watch them from now on.
struct watch_sources {
  intel::intel_request sources;
};

struct intel_keeper_options {
  intel::intel_request sources;
  std::chrono::seconds every{60};
  std::shared_ptr<detection::intelligence_in_use> in_use;
  std::vector<caf::actor> detectors;
  std::shared_ptr<metrics_board> metrics;
  logger_ptr log; ///< may be null
};

struct intel_keeper_state {
  static inline const char* name = "intel_keeper";
  intel_keeper_options options;
  std::uint64_t loaded = 0, seen = 0; ///< stamps of the sources
};
using intel_keeper_self = caf::stateful_actor<intel_keeper_state, observed_actor>;

caf::behavior intel_keeper(intel_keeper_self* self, intel_keeper_options options);

/// What is in use, by source and kind, for /metrics.
void note_intelligence(metrics_board& metrics, const intel::intelligence& what);

} // namespace soc::node

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::node::look_at_sources)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::node::watch_sources)
