// ingest/core/quick_hash.hpp - a hash of short names by their length, first and last bytes: for small caches in front
// of real look-ups, where a clash costs time and nothing else. Use its upper bits. Stateless.
#pragma once
#include <cstdint>
#include <cstring>
#include <string_view>

namespace soc::ingest {

inline std::uint64_t quick_hash(std::string_view name) {
  const char* const at = name.data();
  const auto n = name.size();
  std::uint64_t head = 0, tail = 0;
  if (n >= 8) {
    std::memcpy(&head, at, 8);
    std::memcpy(&tail, at + n - 8, 8);
  } else if (n >= 4) {
    std::uint32_t a = 0, b = 0;
    std::memcpy(&a, at, 4);
    std::memcpy(&b, at + n - 4, 4);
    head = a;
    tail = b;
  } else if (n > 0) {
    head = static_cast<unsigned char>(at[0]);
    tail =
        static_cast<std::uint64_t>(static_cast<unsigned char>(at[n / 2])) << 8 | static_cast<unsigned char>(at[n - 1]);
  }
  // Nested names often begin and end alike: a little of the middle goes along.
  if (n > 16) {
    std::uint64_t middle = 0;
    std::memcpy(&middle, at + n / 2 - 4, 8);
    head ^= middle * 0xC2B2AE3D27D4EB4FULL;
  }
  return (head ^ (tail * 0x9E3779B97F4A7C15ULL) ^ n) * 0xD6E8FEB86659FD93ULL;
}

} // namespace soc::ingest
