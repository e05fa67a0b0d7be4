// sources/kafka/partition_progress.hpp - how far each partition may be committed: behind the last of an unbroken run of
// durable batches. A partition that is taken away and comes back is a new one; answers for the old one change nothing.
// Pure.
#pragma once
#include "connectors/sources/common/ack_window.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>

namespace soc::sources {

struct topic_partition {
  std::string topic;
  std::int32_t partition = 0;
  auto operator<=>(const topic_partition&) const = default;
};

class partition_progress {
public:
  /// A batch that ends before `next_offset` was handed on.
  void sent(std::uint64_t ticket, const topic_partition& from, std::int64_t next_offset) {
    partitions_[from].sent(ticket, next_offset);
    tickets_[ticket] = from;
  }

  /// The partition and the offset to commit, if that moved.
  std::optional<std::pair<topic_partition, std::int64_t>> settled(std::uint64_t ticket) {
    const auto known = tickets_.find(ticket);
    if (known == tickets_.end())
      return std::nullopt;
    const auto from = known->second;
    tickets_.erase(known);
    const auto window = partitions_.find(from);
    if (window == partitions_.end())
      return std::nullopt;
    const auto offset = window->second.acknowledged(ticket);
    return offset ? std::optional(std::pair(from, *offset)) : std::nullopt;
  }

  /// Taken away: somebody else reads it from the committed offset.
  void revoked(const topic_partition& which) {
    partitions_.erase(which);
    std::erase_if(tickets_, [&](const auto& entry) { return entry.second == which; });
  }

  std::size_t in_flight() const { return tickets_.size(); }

private:
  std::map<topic_partition, ack_window<std::int64_t>> partitions_;
  std::map<std::uint64_t, topic_partition> tickets_;
};

} // namespace soc::sources
