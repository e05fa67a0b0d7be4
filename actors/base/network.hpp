// base/network.hpp - IP addresses and networks as values: parse, contain, overlap. IPv4-mapped IPv6 counts as IPv4, so
// no other spelling of an address slips past a list. Pure.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace soc {

/// A network in CIDR notation; a single address has the full prefix.
struct network {
  std::array<std::uint8_t, 16> address{}; ///< IPv4 in the first four bytes, host bits zero
  std::uint8_t prefix = 0;                ///< bits
  bool v6 = false;
  bool operator==(const network&) const = default;

  bool contains(const network& other) const;
  bool overlaps(const network& other) const { return contains(other) || other.contains(*this); }
};

/// "203.0.113.9", "10.0.0.0/8", "2001:db8::/32", "::ffff:10.0.0.1"; a "%zone" or "@scope" suffix is ignored. Nothing
/// for other text or a prefix out of range.
std::optional<network> parse_network(std::string_view text);
std::string to_string(const network& n);

} // namespace soc
