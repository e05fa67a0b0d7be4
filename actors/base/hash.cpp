#include "base/hash.hpp"

#include <xxhash.h>

namespace soc {

digest hash128(std::string_view bytes, std::uint64_t seed) {
  const auto value = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
  return {value.high64, value.low64};
}

std::uint64_t hash64(std::string_view bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::string to_hex(const digest& value) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text(32, '0');
  for (int i = 0; i < 16; ++i) {
    text[15 - i] = digits[(value.high >> (4 * i)) & 15];
    text[31 - i] = digits[(value.low >> (4 * i)) & 15];
  }
  return text;
}

id_builder& id_builder::add(std::string_view part) {
  const std::uint64_t size = part.size();
  bytes_.append(reinterpret_cast<const char*>(&size), sizeof size);
  bytes_.append(part);
  return *this;
}

id_builder& id_builder::add(std::int64_t part) {
  return add(std::string_view(reinterpret_cast<const char*>(&part), sizeof part));
}

} // namespace soc
