#include "lake/core/retention.hpp"

#include <algorithm>

namespace soc::lake {

std::vector<expiry> expired(std::vector<kept_segment> all, unix_ns now, std::uint64_t free_bytes,
                            const retention_limits& limits) {
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a.last != b.last ? a.last < b.last : a.name < b.name; });
  std::uint64_t total = 0;
  for (const auto& s : all)
    total += s.bytes;
  std::vector<expiry> out;
  for (const auto& s : all) {
    const char* why = nullptr;
    if (limits.max_age != 0 && s.last < now - limits.max_age)
      why = "too old";
    else if (limits.max_bytes != 0 && total > limits.max_bytes)
      why = "the store is larger than it may be";
    else if (free_bytes < limits.min_free)
      why = "the disk is nearly full";
    if (why == nullptr)
      break;
    out.push_back({s.name, why});
    total -= s.bytes;
    free_bytes += s.bytes;
  }
  return out;
}

} // namespace soc::lake
