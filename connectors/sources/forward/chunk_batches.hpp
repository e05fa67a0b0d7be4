// sources/forward/chunk_batches.hpp - which batches hold the records of which chunk: a chunk is acknowledged when all
// of its batches are durable. Filled by the receiving thread, settled by the actor; thread-safe.
#pragma once
#include "connectors/sources/common/batch_builder.hpp"
#include "connectors/sources/common/handoff_queue.hpp"

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace soc::sources {

/// To whom an acknowledgement goes; `connection` is a number that is never used again.
struct chunk_ack {
  std::uint64_t connection = 0;
  std::string chunk;
};

class chunk_batches {
public:
  chunk_batches(std::shared_ptr<const model::connector_context> context, handoff_queue& queue,
                std::function<void()> on_ack)
      : context_(std::move(context)), queue_(queue), on_ack_(std::move(on_ack)) {}

  /// Receiving thread: the records of one message, and its acknowledgement if one is wanted.
  void add(const std::string& origin, const std::vector<std::string>& records, chunk_ack ack, unix_ns now);
  /// Receiving thread: hands on what is waiting; false when the queue is full.
  bool flush();

  /// Actor.
  model::raw_batch_ptr next(std::uint64_t ticket);
  void settled(std::uint64_t ticket);

  /// Receiving thread: acknowledgements that are due, moved out.
  std::vector<chunk_ack> take_due();

private:
  struct pending_ack {
    chunk_ack ack;
    std::size_t batches = 1; ///< one more while its message is being added
  };
  using pending_ptr = std::shared_ptr<pending_ack>;
  struct open_batch {
    batch_builder builder;
    std::vector<pending_ptr> acks;
  };
  void close(open_batch& open);
  void release(const pending_ptr& ack);

  std::shared_ptr<const model::connector_context> context_;
  handoff_queue& queue_;
  std::function<void()> on_ack_;
  std::map<std::string, open_batch> open_;  ///< by origin; receiving thread only
  std::deque<model::raw_batch_ptr> closed_; ///< not yet in the queue; receiving thread only
  std::mutex mutex_;
  std::unordered_map<const model::raw_batch*, std::vector<pending_ptr>> waiting_;
  std::map<std::uint64_t, std::vector<pending_ptr>> in_flight_;
  std::vector<chunk_ack> due_;
};

} // namespace soc::sources
