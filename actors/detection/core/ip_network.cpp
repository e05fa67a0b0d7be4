#include "detection/core/ip_network.hpp"

#include <arpa/inet.h>
#include <charconv>
#include <cstring>

namespace soc::detection {

namespace {

/// 16 bytes, IPv4 mapped. An IPv6 zone ("%eth0") is ignored.
bool parse_address(std::string_view text, std::array<std::uint8_t, 16>& out, bool& is_v4) {
  text = text.substr(0, text.find('%'));
  char buffer[64];
  if (text.empty() || text.size() >= sizeof buffer)
    return false;
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = '\0';
  is_v4 = text.find(':') == std::string_view::npos;
  if (!is_v4)
    return inet_pton(AF_INET6, buffer, out.data()) == 1;
  out = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  return inet_pton(AF_INET, buffer, out.data() + 12) == 1;
}

} // namespace

std::optional<ip_network> parse_network(std::string_view text) {
  ip_network out;
  bool is_v4 = false;
  const auto slash = text.find('/');
  if (!parse_address(text.substr(0, slash), out.address, is_v4))
    return std::nullopt;
  unsigned bits = is_v4 ? 32 : 128;
  if (slash != std::string_view::npos) {
    const auto digits = text.substr(slash + 1);
    unsigned given = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), given);
    if (error != std::errc{} || end != digits.data() + digits.size() || given > bits)
      return std::nullopt;
    bits = given;
  }
  out.prefix = static_cast<std::uint8_t>(is_v4 ? bits + 96 : bits);
  for (unsigned bit = out.prefix; bit < 128; ++bit)
    out.address[bit / 8] = static_cast<std::uint8_t>(out.address[bit / 8] & ~(0x80U >> bit % 8));
  return out;
}

bool contains_address(const ip_network& network, std::string_view text) {
  std::array<std::uint8_t, 16> address{};
  bool is_v4 = false;
  if (!parse_address(text, address, is_v4))
    return false;
  const auto whole = network.prefix / 8;
  if (std::memcmp(address.data(), network.address.data(), whole) != 0)
    return false;
  const auto rest = network.prefix % 8;
  return rest == 0 || ((address[whole] ^ network.address[whole]) >> (8 - rest)) == 0;
}

} // namespace soc::detection
