#include "transport/nats_options.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <openssl/evp.h>
#include <optional>

namespace soc::transport {

namespace {

failure bad_option(std::string what) {
  return {ec::invalid_input, std::move(what)};
}

bool has_known_scheme(const std::string& url) {
  const auto at = url.find("://");
  return at == std::string::npos || url.substr(0, at) == "nats" || url.substr(0, at) == "tls";
}

constexpr std::string_view base32_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

std::optional<std::string> base32_decode(std::string_view text) {
  std::string out;
  std::uint32_t buffer = 0;
  int bits = 0;
  for (const char c : text) {
    const auto digit = base32_digits.find(c);
    if (digit == std::string_view::npos)
      return std::nullopt;
    buffer = (buffer << 5U) | static_cast<std::uint32_t>(digit);
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<char>((buffer >> bits) & 0xFFU));
    }
  }
  return out;
}

std::string base32_encode(std::string_view bytes) {
  std::string out;
  std::uint32_t buffer = 0;
  int bits = 0;
  for (const char c : bytes) {
    buffer = (buffer << 8U) | static_cast<unsigned char>(c);
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      out.push_back(base32_digits[(buffer >> bits) & 31U]);
    }
  }
  if (bits > 0)
    out.push_back(base32_digits[(buffer << (5 - bits)) & 31U]);
  return out;
}

/// CRC-16/XMODEM, as nkeys use it.
std::uint16_t crc16_of(std::string_view bytes) {
  std::uint16_t crc = 0;
  for (const char c : bytes) {
    crc = static_cast<std::uint16_t>(crc ^ (static_cast<unsigned char>(c) << 8));
    for (int i = 0; i < 8; ++i)
      crc = static_cast<std::uint16_t>((crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1);
  }
  return crc;
}

std::string_view seed_line(std::string_view text) {
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of("\r\n \t"), text.size());
    if (text.substr(0, 2) == "SU")
      return text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {};
}

std::optional<std::string> ed25519_public(std::string_view seed) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(seed.data()),
                                   seed.size()),
      EVP_PKEY_free);
  std::array<unsigned char, 32> bytes{};
  std::size_t size = bytes.size();
  if (!key || EVP_PKEY_get_raw_public_key(key.get(), bytes.data(), &size) != 1)
    return std::nullopt;
  return std::string(reinterpret_cast<const char*>(bytes.data()), size);
}

} // namespace

outcome validate(const nats_options& options) {
  if (options.urls.empty())
    return bad_option("no NATS url");
  for (const auto& url : options.urls)
    if (url.empty() || !has_known_scheme(url))
      return bad_option("a NATS url starts with nats:// or tls://");
  if (options.user.empty() != options.password.empty())
    return bad_option("NATS user and password go together");
  const int ways = static_cast<int>(!options.user.empty()) + static_cast<int>(!options.credentials_file.empty()) +
                   static_cast<int>(!options.nkey_seed_file.empty());
  if (ways > 1)
    return bad_option("only one of user, credentials_file and nkey_seed_file can be used for NATS");
  if (options.tls_certificate.empty() != options.tls_key.empty())
    return bad_option("tls_certificate and tls_key of NATS go together");
  return done{};
}

std::chrono::milliseconds reconnect_wait(const nats_options& options, int attempt, double jitter) {
  auto wait = options.reconnect_min;
  for (int i = 1; i < attempt && wait < options.reconnect_max; ++i)
    wait *= 2;
  wait = std::min(wait, options.reconnect_max);
  return std::chrono::milliseconds(
      static_cast<std::int64_t>(static_cast<double>(wait.count()) * (0.75 + 0.5 * jitter)));
}

// Layout of a seed: two prefix bytes (kind of key), 32 bytes of seed, CRC-16 little endian; github.com/nats-io/nkeys.
result<std::string> public_nkey_of_seed(std::string_view text) {
  constexpr std::size_t seed_bytes = 32, raw_bytes = 2 + seed_bytes + 2;
  const failure none{ec::invalid_input, "the nkey seed file holds no user seed (SU…)"};
  const auto raw = base32_decode(seed_line(text));
  if (!raw || raw->size() != raw_bytes)
    return none;
  const auto crc = crc16_of(std::string_view(*raw).substr(0, raw_bytes - 2));
  const auto stored = static_cast<std::uint16_t>(static_cast<unsigned char>((*raw)[raw_bytes - 2]) |
                                                 (static_cast<unsigned char>((*raw)[raw_bytes - 1]) << 8));
  const auto key = ed25519_public(std::string_view(*raw).substr(2, seed_bytes));
  if (crc != stored || !key)
    return none;
  constexpr char user_prefix = static_cast<char>(20 << 3);
  std::string out = user_prefix + *key;
  const auto check = crc16_of(out);
  out.push_back(static_cast<char>(check & 0xFF));
  out.push_back(static_cast<char>(check >> 8));
  return base32_encode(out);
}

} // namespace soc::transport
