// sources/common/origin_batches.hpp - what a receiving thread collects: one batch an origin, handed on at once when the
// pipeline is idle, else when full or 50 ms old. Owned by the receiving thread.
#pragma once
#include "connectors/sources/common/batch_builder.hpp"
#include "connectors/sources/common/handoff_queue.hpp"
#include "connectors/sources/common/source_counts.hpp"

#include <memory>
#include <string>
#include <unordered_map>

namespace soc::sources {

class origin_batches {
public:
  origin_batches(std::shared_ptr<const model::connector_context> context, handoff_queue& queue,
                 source_counts_ptr counts);

  /// Takes a record of a sender that can be held: always taken; false = hold the senders now.
  bool add(const std::string& origin, std::string_view record, unix_ns now);
  /// Takes a record of a sender that can't be held: dropped and counted when the queue is full.
  void add_or_drop(const std::string& origin, std::string_view record, unix_ns now);

  /// Hands on what is due. False when the queue refused some: hold the senders and flush again when there is room.
  bool flush(unix_ns now);
  bool empty() const { return batches_.empty(); }

private:
  batch_builder& of(const std::string& origin);
  bool hand_on(batch_builder& batch);

  std::shared_ptr<const model::connector_context> context_;
  handoff_queue& queue_;
  source_counts_ptr counts_;
  std::unordered_map<std::string, batch_builder> batches_; ///< only origins with records waiting
};

} // namespace soc::sources
