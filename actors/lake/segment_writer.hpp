// lake/segment_writer.hpp - appends events to an open segment of a lane: groups of batches go in as blocks, on the disk
// when store() returns. Blocking I/O; owned by a writer actor or an offline command.
#pragma once
#include "lake/catalog.hpp"
#include "lake/sealing.hpp"

#include <chrono>
#include <functional>
#include <optional>

namespace soc::lake {

struct segment_limits {
  std::uint64_t bytes = 256ULL << 20; ///< raw bytes; then it is to be sealed
  std::uint64_t commits = 16384;      ///< or after so many store()
  std::chrono::seconds age{3600};     ///< or when so old
};

/// Gives a lazily mapped event its OCSF slots, in the batch's arena, so that its entities are known.
using event_completer = std::function<void(model::event_batch&, model::event&)>;

struct store_counts {
  std::uint64_t events = 0, raw_bytes = 0, bytes = 0;
};

class segment_writer {
public:
  segment_writer(std::shared_ptr<catalog> store, std::uint32_t lane, block_sizes sizes, segment_limits limits,
                 event_completer complete);

  /// Batches nobody changes any more. After a failure none of them counts as stored, and the segment is to be ended.
  result<store_counts> store(const std::vector<std::shared_ptr<model::event_batch>>& group, unix_ns now);
  /// Is the segment to be ended?
  bool is_due(unix_ns now) const;
  /// Ends it: its name, to be sealed; empty when there is none, or a later writer of this lane has ended it.
  std::string end();
  /// Ends what a writer of this lane before this one appended to, even if it still is at it.
  std::string end_earlier();

private:
  struct commit;
  outcome begin(unix_ns now);
  void add(commit& to, const std::shared_ptr<model::event_batch>& batch);
  void finish_block(commit& to);

  std::shared_ptr<catalog> store_;
  std::uint32_t lane_;
  block_sizes sizes_;
  segment_limits limits_;
  event_completer complete_;
  std::optional<block_builder> builder_;
  std::unique_ptr<append_file> file_;
  std::string segment_;
  unix_ns begun_at_ = 0;
  std::uint64_t raw_bytes_ = 0, commits_ = 0;
};

} // namespace soc::lake
