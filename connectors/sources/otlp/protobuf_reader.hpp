// sources/otlp/protobuf_reader.hpp - walks the fields of a Protocol Buffers message, checked at every step. A view;
// pure. Format: protobuf.dev/programming-guides/encoding.
#pragma once
#include <cstdint>
#include <cstring>
#include <string_view>

namespace soc::sources {

struct protobuf_field {
  std::uint32_t number = 0;
  std::uint64_t scalar = 0; ///< varint, fixed64, fixed32
  std::string_view bytes;   ///< length-delimited
};

class protobuf_reader {
public:
  explicit protobuf_reader(std::string_view message) : rest_(message) {}

  /// False at the end or where the message is broken.
  bool next(protobuf_field& field) {
    if (rest_.empty() || broken_)
      return false;
    const auto tag = varint();
    field = {};
    field.number = static_cast<std::uint32_t>(tag >> 3);
    switch (tag & 7) {
    case 0:
      field.scalar = varint();
      break;
    case 1:
      field.scalar = fixed(8);
      break;
    case 2:
      field.bytes = take(varint());
      break;
    case 5:
      field.scalar = fixed(4);
      break;
    default:
      broken_ = true;
    }
    return !broken_ && field.number != 0;
  }
  bool broken() const { return broken_ || !rest_.empty(); }

private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest_.empty())
        break;
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80)
        return value;
    }
    broken_ = true;
    return 0;
  }
  std::string_view take(std::uint64_t size) {
    if (size > rest_.size()) {
      broken_ = true;
      return {};
    }
    const auto out = rest_.substr(0, static_cast<std::size_t>(size));
    rest_.remove_prefix(out.size());
    return out;
  }
  std::uint64_t fixed(std::size_t size) {
    const auto bytes = take(size);
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i)
      value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
    return value;
  }

  std::string_view rest_;
  bool broken_ = false;
};

} // namespace soc::sources
