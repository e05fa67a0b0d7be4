// sources/common/source_driver.hpp - what a kind of source must be able to do; the actor around it (source_actor.hpp)
// does the rest: credit, lanes, sending again, checkpoints. Owned by one actor; called by that actor's turn only.
#pragma once
#include "base/result.hpp"
#include "connectors/sources/common/source_counts.hpp"
#include "model/raw.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace soc::sources {

/// What the store keeps of a source: key → bytes.
using checkpoint_map = std::vector<std::pair<std::string, std::string>>;

class source_driver {
public:
  virtual ~source_driver() = default;

  /// Opens files, sockets, threads. `wake` may be called from any thread at any time until stop(): something can be
  /// read.
  virtual outcome start(const checkpoint_map& stored, std::function<void()> wake) = 0;

  /// The next batch, or null when there is none now. `ticket` names it in settled(). Never blocks on a peer.
  virtual model::raw_batch_ptr next(std::uint64_t ticket) = 0;

  /// Everything of the batch is durable. Returns what the store must keep now.
  virtual checkpoint_map settled(std::uint64_t ticket) = 0;

  /// Called every tick_every(): rescans, time-outs. Returns what the store must keep now.
  virtual checkpoint_map tick(unix_ns now) = 0;
  virtual std::chrono::milliseconds tick_every() const { return std::chrono::milliseconds{1000}; }

  /// No more batches: peers are held or turned away. Batches in flight may still be settled. Idempotent.
  virtual void stop() = 0;
};

} // namespace soc::sources
