// detection/core/ip_network.hpp - networks in CIDR notation and whether an address is in one; IPv4 is held as
// IPv4-mapped IPv6. Values.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace soc::detection {

struct ip_network {
  std::array<std::uint8_t, 16> address{}; ///< IPv4 as ::ffff:a.b.c.d
  std::uint8_t prefix = 128;              ///< of 128
  bool operator==(const ip_network&) const = default;
};

/// "10.0.0.0/8", "fe80::/10", a bare address; nothing if it is none.
std::optional<ip_network> parse_network(std::string_view text);
/// Does `network` hold the address written in `text`? False when it is none.
bool contains_address(const ip_network& network, std::string_view text);

} // namespace soc::detection
