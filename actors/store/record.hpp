// store/record.hpp - between what the store keeps (schemas/store.capnp) and bytes, and the keys it keeps it under.
// Stateless.
#pragma once
#include "base/result.hpp"

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace soc::store {

/// The largest value the store takes: a snapshot, a letter.
constexpr std::size_t max_value_bytes = 256ull << 20;

/// LMDB keys end at 511 bytes: "kind\0id", with the id's hash where it is long. The value holds the id in full.
std::string make_key(std::string_view kind, std::string_view id);
/// What all keys of a kind start with.
std::string key_prefix(std::string_view kind);
/// A number as a key that sorts as the number does.
std::string number_key(std::uint64_t number);
std::uint64_t key_number(std::string_view key);

std::string to_record(capnp::MessageBuilder& message);

inline std::string text_of(capnp::Text::Reader text) {
  return {text.begin(), text.size()};
}
inline std::string bytes_of(capnp::Data::Reader data) {
  return {reinterpret_cast<const char*>(data.begin()), data.size()};
}
capnp::Text::Reader as_text(const std::string& text);
capnp::Data::Reader as_data(std::string_view bytes);

/// Runs `read` on the root of a stored record; it returns a result. Bytes that are none give ec::corrupt.
template <class Root, class F>
auto read_record(std::string_view bytes, F read) -> std::invoke_result_t<F, typename Root::Reader> {
  try {
    // LMDB's values are not 8-byte aligned.
    auto aligned = kj::heapArray<capnp::word>((bytes.size() + sizeof(capnp::word) - 1) / sizeof(capnp::word));
    std::memcpy(aligned.begin(), bytes.data(), bytes.size());
    capnp::ReaderOptions options;
    options.traversalLimitInWords = 2 * max_value_bytes / sizeof(capnp::word);
    capnp::FlatArrayMessageReader reader(aligned, options);
    return read(reader.template getRoot<Root>());
  } catch (const kj::Exception& broken) {
    return failure{ec::corrupt, std::string("a stored record is not readable: ") + broken.getDescription().cStr()};
  }
}

} // namespace soc::store
