// base/hash.hpp - content hashes: deterministic ids are the 128-bit XXH3 of what identifies a thing, in 32 hex digits.
// Not for secrets: integrity and authenticity use OpenSSL or libsodium.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace soc {

/// 128 bits of XXH3.
struct digest {
  std::uint64_t high = 0, low = 0;
  auto operator<=>(const digest&) const = default;
};

digest hash128(std::string_view bytes, std::uint64_t seed = 0);
std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0);

/// 32 lower-case hex digits.
std::string to_hex(const digest& value);

/// Builds an id from several parts; parts are length-prefixed, so ("ab","c") and ("a","bc") differ.
class id_builder {
public:
  id_builder& add(std::string_view part);
  id_builder& add(std::int64_t part);
  std::string hex() const { return to_hex(hash128(bytes_)); }

private:
  std::string bytes_;
};

} // namespace soc
