// lake/core/byte_stream.hpp - little-endian numbers, varints and length-prefixed text in a byte string, and back. A
// reader never reads past its bytes: after the first bad read it has failed and gives zeros. Short-lived values.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace soc::lake {

static_assert(std::endian::native == std::endian::little, "the segment format is little-endian");

class byte_writer {
public:
  explicit byte_writer(std::string& out) : out_(out) {}

  template <class Number>
  void fixed(Number n) {
    out_.append(reinterpret_cast<const char*>(&n), sizeof n);
  }
  void varint(std::uint64_t n) {
    while (n >= 0x80) {
      out_ += static_cast<char>(n | 0x80);
      n >>= 7;
    }
    out_ += static_cast<char>(n);
  }
  void zigzag(std::int64_t n) { varint((static_cast<std::uint64_t>(n) << 1) ^ static_cast<std::uint64_t>(n >> 63)); }
  void text(std::string_view bytes) {
    varint(bytes.size());
    out_.append(bytes);
  }

private:
  std::string& out_;
};

class byte_reader {
public:
  explicit byte_reader(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  template <class Number>
  Number fixed() {
    Number n{};
    if (left() < sizeof n) {
      fail();
      return n;
    }
    std::memcpy(&n, at_, sizeof n);
    at_ += sizeof n;
    return n;
  }
  std::uint64_t varint() {
    std::uint64_t n = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at_ == end_)
        break;
      const auto byte = static_cast<std::uint8_t>(*at_++);
      n |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80)
        return n;
    }
    fail();
    return 0;
  }
  std::int64_t zigzag() {
    const auto n = varint();
    return static_cast<std::int64_t>((n >> 1) ^ (~(n & 1) + 1));
  }
  std::string_view text() { return bytes(varint()); }
  std::string_view bytes(std::uint64_t count) {
    if (count > left()) {
      fail();
      return {};
    }
    const std::string_view out(at_, count);
    at_ += count;
    return out;
  }
  /// A count of things that take at least `each` bytes; fails when they can't be there.
  std::uint64_t count(std::uint64_t each = 1) {
    const auto n = varint();
    if (n > left() / (each == 0 ? 1 : each)) {
      fail();
      return 0;
    }
    return n;
  }

  std::uint64_t left() const { return static_cast<std::uint64_t>(end_ - at_); }
  bool failed() const { return failed_; }

private:
  void fail() {
    failed_ = true;
    at_ = end_;
  }
  const char *at_, *end_;
  bool failed_ = false;
};

} // namespace soc::lake
