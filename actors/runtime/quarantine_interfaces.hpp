// runtime/quarantine_interfaces.hpp - sending quarantined records through the pipeline once more: what control asks of
// the pipeline's replayer. Immutable messages inside one process.
#pragma once
#include "runtime/interfaces.hpp"

namespace soc {

/// Everything quarantined before now, of `connector` alone if it is named → quarantine_replayed, or unavailable while
/// another replay is under way.
struct quarantine_replay {
  std::string connector;
};
/// Records whose batch is durable are out of the quarantine; those that failed again are in it anew, with their new
/// reason.
struct quarantine_replayed {
  std::uint64_t replayed = 0;     ///< went through the pipeline and are acknowledged
  std::uint64_t failed = 0;       ///< not acknowledged in time: still kept
  std::uint64_t no_connector = 0; ///< their connector is not configured on this node: still kept
  std::uint64_t still_kept = 0;   ///< in the quarantine now, whatever the reason
};
using quarantine_replay_interface = accepts<quarantine_replay>;
using quarantine_replay_ref = ref<quarantine_replay_interface>;

} // namespace soc

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::quarantine_replay)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::quarantine_replayed)
