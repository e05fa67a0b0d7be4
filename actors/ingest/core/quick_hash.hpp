// ingest/core/quick_hash.hpp - a hash and an equality of short names: for small caches in front of real look-ups, where
// a clash costs time and nothing else. Of the hash use the upper bits. Stateless.
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

/// Equality without a call: names are short, and most are the one that is expected.
inline bool same_name(std::string_view a, std::string_view b) {
  const auto n = a.size();
  if (n != b.size())
    return false;
  const auto differs = [&](auto word, std::size_t at) {
    auto other = word;
    std::memcpy(&word, a.data() + at, sizeof word);
    std::memcpy(&other, b.data() + at, sizeof other);
    return word != other;
  };
  if (n >= 8) {
    for (std::size_t at = 0; at + 8 < n; at += 8)
      if (differs(std::uint64_t{}, at))
        return false;
    return !differs(std::uint64_t{}, n - 8);
  }
  if (n >= 4)
    return !differs(std::uint32_t{}, 0) && !differs(std::uint32_t{}, n - 4);
  for (std::size_t at = 0; at < n; ++at)
    if (a[at] != b[at])
      return false;
  return true;
}

} // namespace soc::ingest
