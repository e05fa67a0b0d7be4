// transport/ownership.hpp - which living node owns a key: rendezvous hashing (Thaler and Ravishankar 1998). Pure: every
// node that knows the same living nodes gives the same answer; when a node dies only its own keys move. The journal is
// the fence while views differ.
#pragma once
#include "base/hash.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace soc::transport {

/// How much `node` wants `key`.
inline std::uint64_t rendezvous_weight(std::string_view key, std::string_view node) {
  return hash64(key, hash64(node));
}

/// The owner of `key`; empty only without any node. The order of `nodes` does not matter.
inline std::string_view owner_of(std::string_view key, const std::vector<std::string>& nodes) {
  std::string_view best;
  std::uint64_t best_weight = 0;
  for (const auto& node : nodes) {
    const auto weight = rendezvous_weight(key, node);
    if (best.empty() || weight > best_weight || (weight == best_weight && node < best)) {
      best = node;
      best_weight = weight;
    }
  }
  return best;
}

} // namespace soc::transport
