// graph/core/byte_stream.hpp - numbers and texts to and from bytes, for the graph's snapshots: little-endian, bounds
// checked. A reader that ran over stays broken and gives zeros: it is asked once, at the end.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace soc::graph {

static_assert(std::endian::native == std::endian::little, "snapshots are little-endian");

class byte_writer {
public:
  template <class T>
  requires std::is_arithmetic_v<T> byte_writer& add(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  byte_writer& add(std::string_view text) {
    add(static_cast<std::uint32_t>(text.size()));
    bytes_.append(text);
    return *this;
  }
  std::string& bytes() { return bytes_; }

private:
  std::string bytes_;
};

class byte_reader {
public:
  explicit byte_reader(std::string_view bytes) : left_(bytes) {}

  template <class T>
  T get() {
    T value{};
    if (left_.size() < sizeof value) {
      broken_ = true;
      left_ = {};
      return value;
    }
    std::memcpy(&value, left_.data(), sizeof value);
    left_.remove_prefix(sizeof value);
    return value;
  }
  std::string text() {
    const auto size = get<std::uint32_t>();
    if (left_.size() < size) {
      broken_ = true;
      left_ = {};
      return {};
    }
    std::string out(left_.substr(0, size));
    left_.remove_prefix(size);
    return out;
  }
  /// A count of elements of at least `element_bytes` each: no more than the bytes left can hold.
  std::size_t count(std::size_t element_bytes) {
    const auto n = get<std::uint64_t>();
    if (n > left_.size() / element_bytes) {
      broken_ = true;
      return 0;
    }
    return static_cast<std::size_t>(n);
  }
  bool whole() const { return !broken_ && left_.empty(); }
  bool broken() const { return broken_; }

private:
  std::string_view left_;
  bool broken_ = false;
};

} // namespace soc::graph
