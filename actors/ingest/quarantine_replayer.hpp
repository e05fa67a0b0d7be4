// ingest/quarantine_replayer.hpp - QUARANTINE REPLAYER: takes records out of the quarantine and sends them through a
// normalizer lane again, one batch at a time, as their connector would; a record leaves the quarantine when its batch
// is durable. Owned by the node's tree, one a node; a replay ends with the actor, the records stay.
#pragma once
#include "model/raw.hpp"
#include "runtime/actor.hpp"
#include "runtime/quarantine_interfaces.hpp"

#include <caf/response_promise.hpp>
#include <caf/typed_response_promise.hpp>

#include <optional>

namespace soc::ingest {

struct quarantine_replayer_options {
  store_ref store;
  normalizer_ref lane;
  /// What connector `name` of this node says of its records now; null if there is none.
  std::function<std::shared_ptr<const model::connector_context>(const std::string& name)> context_of;
  std::size_t records_a_read = 500;
  std::uint64_t bytes_a_batch = 1 << 20;
  std::chrono::milliseconds batch_timeout{30'000};
};

/// A batch has had its time.
struct replay_batch_late {
  std::uint64_t ticket = 0;
};

struct replay_state {
  std::string connector;                   ///< empty: all
  std::uint64_t after = 0;                 ///< read up to here
  std::uint64_t last = 0;                  ///< the newest number when the replay began
  std::vector<stored_dead_letter> waiting; ///< read, not yet sent; oldest first
  std::vector<std::uint64_t> in_flight;    ///< numbers of the batch under way
  std::uint64_t ticket = 0;
  quarantine_replayed counts;
  caf::typed_response_promise<quarantine_replayed> answer;
};

struct quarantine_replayer_state {
  static inline const char* name = "quarantine_replayer";
  quarantine_replayer_options options;
  std::optional<replay_state> now;
  std::uint64_t last_ticket = 0;
};
using quarantine_replayer_self = caf::stateful_actor<quarantine_replayer_state, observed_actor>;

/// quarantine_replay_interface, and source_interface toward the lane.
caf::behavior quarantine_replayer(quarantine_replayer_self* self, quarantine_replayer_options options);

} // namespace soc::ingest

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::ingest::replay_batch_late)
