// lake/core/retention.hpp - which segments go: those whose newest event is too old, then the oldest ones until the
// store fits its size and the disk keeps what must stay free. Pure.
#pragma once
#include "base/time.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace soc::lake {

struct retention_limits {
  unix_ns max_age = 0;         ///< ns; 0 = none
  std::uint64_t max_bytes = 0; ///< of all segments; 0 = none
  std::uint64_t min_free = 0;  ///< bytes of the disk
};

struct kept_segment {
  std::string name;
  unix_ns last = 0; ///< its newest event
  std::uint64_t bytes = 0;
};

struct expiry {
  std::string name;
  std::string why; ///< "older than 30 d", …
};

/// Segments to be removed, in order. `free_bytes`: of the disk now.
std::vector<expiry> expired(std::vector<kept_segment> all, unix_ns now, std::uint64_t free_bytes,
                            const retention_limits& limits);

} // namespace soc::lake
