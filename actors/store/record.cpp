#include "store/record.hpp"

#include "base/hash.hpp"

namespace soc::store {

namespace {

constexpr std::size_t longest_key = 511;
constexpr char long_id_mark = '\x01'; ///< before the hash; no id of ours starts with it

} // namespace

std::string key_prefix(std::string_view kind) {
  return std::string(kind) + '\0';
}

std::string make_key(std::string_view kind, std::string_view id) {
  auto key = key_prefix(kind);
  if (key.size() + id.size() <= longest_key && !id.starts_with(long_id_mark))
    return key.append(id);
  return key + long_id_mark + to_hex(hash128(id));
}

std::string number_key(std::uint64_t number) {
  std::string key(8, '\0');
  for (int i = 7; i >= 0; --i, number >>= 8)
    key[static_cast<std::size_t>(i)] = static_cast<char>(number & 0xFF);
  return key;
}

std::uint64_t key_number(std::string_view key) {
  std::uint64_t number = 0;
  for (const char c : key)
    number = number << 8 | static_cast<unsigned char>(c);
  return number;
}

std::string to_record(capnp::MessageBuilder& message) {
  const auto flat = capnp::messageToFlatArray(message);
  const auto bytes = flat.asBytes();
  return {reinterpret_cast<const char*>(bytes.begin()), bytes.size()};
}

capnp::Text::Reader as_text(const std::string& text) {
  return {text.c_str(), text.size()};
}

capnp::Data::Reader as_data(std::string_view bytes) {
  return {reinterpret_cast<const kj::byte*>(bytes.data()), bytes.size()};
}

} // namespace soc::store
