// sources/common/source_counts.hpp - what one source has seen, counted by whichever of its threads sees it and read by
// anyone. Made with the source; survives as long as somebody shows it.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>

namespace soc::sources {

struct source_counts {
  using counter = std::atomic<std::uint64_t>;
  counter records{0}; ///< handed on, once each
  counter bytes{0};   ///< of those records
  counter batches{0};
  counter resent_batches{0};    ///< not durable the first time
  counter truncated_records{0}; ///< over the size limit: the head was kept
  counter dropped_records{0};   ///< by a full queue or an unreadable frame; never silently
  counter dropped_bytes{0};
  counter refused{0}; ///< connections and requests turned away: limits, wrong credentials
  counter errors{0};  ///< of reading, decoding, the peer's protocol
  counter open{0};    ///< files, connections or partitions at the moment
};

using source_counts_ptr = std::shared_ptr<source_counts>;

inline void count(source_counts::counter& counter, std::uint64_t by = 1) {
  counter.fetch_add(by, std::memory_order_relaxed);
}

} // namespace soc::sources
