// wire/message.hpp - between Cap'n Proto messages and bytes. Payloads from NATS are rarely 8-byte aligned: they are
// copied before they are read. Whatever a peer sends, reading ends in a value or a failure, never in an exception.
#pragma once
#include "base/result.hpp"

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>

#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace soc::wire {

/// Bytes of one message that a node accepts; the largest JetStream payload we configure.
constexpr std::size_t max_message_bytes = 8U << 20;

/// Reading limits: a field read many times may not cost more than 64 MiB in all, nesting ends at 32.
capnp::ReaderOptions reader_options();

/// The finished message as bytes.
std::string to_bytes(capnp::MessageBuilder& message);

/// The bytes of a text or data field.
inline std::string_view view(capnp::Text::Reader text) {
  return {text.begin(), text.size()};
}
inline std::string_view view(capnp::Data::Reader data) {
  return {reinterpret_cast<const char*>(data.begin()), data.size()};
}
capnp::Text::Reader text_of(const std::string& text);
capnp::Data::Reader data_of(std::string_view bytes);

/// Runs `read` on the root of type `Root`; it returns a result. Malformed input gives ec::corrupt.
template <class Root, class F>
auto read_message(std::string_view bytes, F read) -> std::invoke_result_t<F, typename Root::Reader> {
  if (bytes.size() > max_message_bytes)
    return failure{ec::too_large, "a message of " + std::to_string(bytes.size()) + " bytes"};
  try {
    const auto words = (bytes.size() + sizeof(capnp::word) - 1) / sizeof(capnp::word);
    auto aligned = kj::heapArray<capnp::word>(words);
    if (!bytes.empty()) {
      std::memset(&aligned[words - 1], 0, sizeof(capnp::word));
      std::memcpy(aligned.begin(), bytes.data(), bytes.size());
    }
    capnp::FlatArrayMessageReader reader(aligned, reader_options());
    return read(reader.template getRoot<Root>());
  } catch (const kj::Exception& broken) {
    return failure{ec::corrupt, std::string("not a readable message: ") + broken.getDescription().cStr()};
  }
}

/// The first `limit` bytes of `text` at most, cut on a UTF-8 boundary.
std::string_view cut(std::string_view text, std::size_t limit);

} // namespace soc::wire
