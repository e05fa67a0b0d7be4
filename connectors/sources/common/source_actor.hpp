// sources/common/source_actor.hpp - SOURCE: the actor around a source_driver. Spends the credit, deals batches out to
// the normalizer lanes in turn, sends again what was not durable, and stores checkpoints after what is. Supervised; a
// restart makes a new driver from the stored checkpoints.
#pragma once
#include "connectors/sources/common/source_driver.hpp"
#include "runtime/actor.hpp"
#include "runtime/credit.hpp"
#include "runtime/interfaces.hpp"
#include "runtime/metrics.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace soc::sources {

/// What the node gives to every source.
struct source_environment {
  std::shared_ptr<const model::connector_context> context;
  std::vector<normalizer_ref> lanes; ///< used in turn; one at least, but for kinds that only publish
  store_ref store;                   ///< checkpoints; empty = none are kept
  bus_ref bus;                       ///< for kinds that answer their clients once JetStream has it
  std::shared_ptr<const clock_source> clock;
  credit_limits credit;
  std::shared_ptr<metrics_board> metrics; ///< may be null
  std::string root;                       ///< relative paths of options are resolved against it
};

using driver_factory = std::function<std::unique_ptr<source_driver>(const source_environment&, source_counts_ptr)>;

/// Accepts source_interface, drain (answered with drained), source_status_query.
struct source_status_query {};
struct source_status {
  std::uint64_t records = 0, bytes = 0, batches = 0, resent_batches = 0, truncated_records = 0, dropped_records = 0,
                dropped_bytes = 0, refused = 0, errors = 0, open = 0;
  std::size_t batches_in_flight = 0;
  std::uint64_t bytes_in_flight = 0;
};
using source_actor_interface = accepts<batch_done, batch_failed, drain, source_status_query>;

/// From a driver's threads: something can be read.
struct source_wake {};
struct source_tick {};

struct source_state {
  static inline const char* name = "source";
  source_state() : ledger(credit_limits{}) {}

  source_environment environment;
  std::unique_ptr<source_driver> driver;
  credit_ledger ledger;
  source_counts_ptr counts = std::make_shared<source_counts>();
  std::shared_ptr<std::atomic<bool>> woken = std::make_shared<std::atomic<bool>>(false);
  std::map<std::string, std::string> to_store;    ///< newest checkpoint of each key
  std::map<std::string, std::uint64_t> published; ///< counts as the board has them
  std::size_t storing = 0;                        ///< requests to the store under way
  std::minstd_rand random;
  bool draining = false;
  unix_ns drain_until = 0;
  caf::response_promise drained_promise;
};
using source_actor = caf::stateful_actor<source_state, observed_actor>;

caf::behavior run_source(source_actor* self, source_environment environment, driver_factory make);

/// Publishes what changed since the last time as soc_source_*_total{connector}.
void publish_counts(const source_counts& counts, const source_environment& environment,
                    std::map<std::string, std::uint64_t>& published);

} // namespace soc::sources

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::sources::source_wake)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::sources::source_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::sources::source_status_query)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::sources::source_status)
