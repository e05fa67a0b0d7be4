#include "base/network.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstring>

namespace soc {

namespace {

void clear_host_bits(network& n) {
  const std::size_t size = n.v6 ? 16 : 4;
  for (std::size_t i = 0; i < size; ++i) {
    const int keep = std::clamp(static_cast<int>(n.prefix) - static_cast<int>(i) * 8, 0, 8);
    n.address[i] = static_cast<std::uint8_t>(n.address[i] & (0xff00U >> keep));
  }
}

/// IPv4-mapped IPv6 (::ffff:a.b.c.d) becomes IPv4 where the prefix allows it.
void unmap(network& n) {
  static constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (!n.v6 || n.prefix < 96 || !std::equal(mapped.begin(), mapped.end(), n.address.begin()))
    return;
  std::array<std::uint8_t, 16> v4{};
  std::copy_n(n.address.begin() + 12, 4, v4.begin());
  n = {v4, static_cast<std::uint8_t>(n.prefix - 96), false};
}

} // namespace

bool network::contains(const network& other) const {
  if (v6 != other.v6 || other.prefix < prefix)
    return false;
  const std::size_t whole = prefix / 8;
  if (std::memcmp(address.data(), other.address.data(), whole) != 0)
    return false;
  const unsigned rest = prefix % 8;
  return rest == 0 || ((address[whole] ^ other.address[whole]) & (0xff00U >> rest) & 0xffU) == 0;
}

std::optional<network> parse_network(std::string_view text) {
  std::string address(text.substr(0, text.find('@')));
  std::optional<unsigned> prefix;
  if (const auto slash = address.find('/'); slash != std::string::npos) {
    unsigned bits = 0;
    const char* end = address.data() + address.size();
    const auto [at, error] = std::from_chars(address.data() + slash + 1, end, bits);
    if (error != std::errc{} || at != end)
      return std::nullopt;
    prefix = bits;
    address.resize(slash);
  }
  if (const auto zone = address.find('%'); zone != std::string::npos)
    address.resize(zone);
  if (address.find('\0') != std::string::npos)
    return std::nullopt;
  network out;
  out.v6 = address.find(':') != std::string::npos;
  if (inet_pton(out.v6 ? AF_INET6 : AF_INET, address.c_str(), out.address.data()) != 1)
    return std::nullopt;
  const unsigned most = out.v6 ? 128 : 32;
  if (prefix.value_or(most) > most)
    return std::nullopt;
  out.prefix = static_cast<std::uint8_t>(prefix.value_or(most));
  clear_host_bits(out);
  unmap(out);
  return out;
}

std::string to_string(const network& n) {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(n.v6 ? AF_INET6 : AF_INET, n.address.data(), text, sizeof text);
  const unsigned most = n.v6 ? 128 : 32;
  return n.prefix == most ? std::string(text) : std::string(text) + "/" + std::to_string(n.prefix);
}

} // namespace soc
