// lake/keeper_actor.hpp - EVENT KEEPER: seals what the writers have ended and what an earlier run left open, and
// removes what is too old or too much. One a node, supervised, in a thread of its own: ingest does not wait for it.
#pragma once
#include "lake/catalog.hpp"
#include "lake/core/retention.hpp"
#include "lake/sealing.hpp"
#include "runtime/actor.hpp"
#include "runtime/metrics.hpp"

namespace soc::lake {

struct keeper_options {
  std::shared_ptr<catalog> store;
  block_sizes sizes;
  retention_limits limits;
  std::chrono::seconds check_every{30};
  std::shared_ptr<metrics_board> metrics; ///< outlives the actor
  std::function<void(const std::string&)> log;
  /// Free bytes of the store's disk; empty: asked of the system.
  std::function<std::uint64_t()> free_bytes;
};

struct apply_retention {};

struct keeper_state {
  static inline const char* name = "event_keeper";
  keeper_options options;
  metric_counter *sealed = nullptr, *removed = nullptr, *failed = nullptr;
  metric_gauge *bytes = nullptr, *rows = nullptr;
};
using keeper_actor = caf::stateful_actor<keeper_state, observed_actor>;

/// keeper_interface. At its start, and with each check, it seals what was left open.
caf::behavior event_keeper(keeper_actor* self, keeper_options options);

} // namespace soc::lake

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::lake::apply_retention)
