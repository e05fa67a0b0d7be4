// ingest/normalizer_actor.hpp - NORMALIZER: raw batches of a lane become event batches for its detector; what no
// mapping could read goes to quarantine before the batch goes on. Owned by the node's tree, one beside each detector.
// Mappings are swapped by a message.
#pragma once
#include "ingest/core/normalizer.hpp"
#include "runtime/actor.hpp"
#include "runtime/metrics.hpp"

#include <array>
#include <map>
#include <mutex>
#include <optional>

namespace soc::ingest {

/// What mappings did not expect since the node started, of all lanes. Outlives the actors; any thread. Bounded: beyond
/// `most_rows` new names are counted in one row of their type and kind.
class drift_board {
public:
  struct row {
    std::string type, kind, name;
    std::uint64_t records = 0;
  };
  void add(const std::vector<drift_count>& counts);
  /// The most frequent first.
  std::vector<row> rows() const;

private:
  static constexpr std::size_t most_rows = 10'000;
  mutable std::mutex mutex_;
  std::map<std::array<std::string, 3>, std::uint64_t> counts_;
};

/// The mappings and names in use; outlives the actors' restarts, so that one after a reload does not bring the old ones
/// back.
class mappings_in_use {
public:
  mappings_in_use(std::shared_ptr<const mapping_set> mappings, model::dictionary_ptr names)
      : mappings_(std::move(mappings)), names_(std::move(names)) {}
  normalizer make(normalizer_options options = {}) const {
    const std::lock_guard lock(mutex_);
    return normalizer(mappings_, names_, options);
  }
  const std::shared_ptr<drift_board>& drift() const { return drift_; }
  void set(std::shared_ptr<const mapping_set> mappings, model::dictionary_ptr names) {
    const std::lock_guard lock(mutex_);
    mappings_ = std::move(mappings);
    names_ = std::move(names);
  }

private:
  mutable std::mutex mutex_;
  std::shared_ptr<const mapping_set> mappings_;
  model::dictionary_ptr names_;
  std::shared_ptr<drift_board> drift_ = std::make_shared<drift_board>();
};

struct normalizer_actor_options {
  std::shared_ptr<mappings_in_use> mappings;
  detector_ref detector;
  store_ref store;                        ///< of the quarantine
  std::shared_ptr<metrics_board> metrics; ///< outlives the actor
  std::chrono::milliseconds quarantine_timeout{10'000};
};

/// Normalize with the mappings in use now, from the next batch on.
struct use_mappings {};

struct normalizer_actor_state {
  static inline const char* name = "normalizer";
  normalizer_actor_options options;
  std::optional<normalizer> work;
  std::map<std::string, metric_counter*> events; ///< by "vendor/product"
  std::map<std::string, metric_counter*> drift;  ///< by "vendor/product kind"
  std::size_t batches = 0;
  metric_counter *quarantined = nullptr, *bytes = nullptr;
};
using normalizer_self = caf::stateful_actor<normalizer_actor_state, observed_actor>;

/// normalizer_interface, and use_mappings.
caf::behavior normalizer_actor(normalizer_self* self, normalizer_actor_options options);

} // namespace soc::ingest

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::ingest::use_mappings)
