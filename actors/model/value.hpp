// model/value.hpp - one typed value of an event, 16 bytes. Strings and lists point into the batch's arena or raw bytes:
// a value lives as long as its batch. Trivially copyable; compared by content.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace soc::model {

enum class value_kind : std::uint8_t { null, boolean, integer, real, string, list };

class value {
public:
  constexpr value() = default;
  static constexpr value of_bool(bool v) {
    value x;
    x.kind_ = value_kind::boolean;
    x.boolean_ = v;
    return x;
  }
  static constexpr value of_int(std::int64_t v) {
    value x;
    x.kind_ = value_kind::integer;
    x.integer_ = v;
    return x;
  }
  static constexpr value of_real(double v) {
    value x;
    x.kind_ = value_kind::real;
    x.real_ = v;
    return x;
  }
  static constexpr value of_string(std::string_view v) {
    value x;
    x.kind_ = value_kind::string;
    x.size_ = static_cast<std::uint32_t>(v.size());
    x.text_ = v.data();
    return x;
  }
  static constexpr value of_list(std::span<const value> v) {
    value x;
    x.kind_ = value_kind::list;
    x.size_ = static_cast<std::uint32_t>(v.size());
    x.items_ = v.data();
    return x;
  }

  constexpr value_kind kind() const { return kind_; }
  constexpr bool is_null() const { return kind_ == value_kind::null; }
  constexpr bool is_string() const { return kind_ == value_kind::string; }
  constexpr bool is_list() const { return kind_ == value_kind::list; }
  // Each accessor is only for its own kind.
  constexpr bool boolean() const { return boolean_; }
  constexpr std::int64_t integer() const { return integer_; }
  constexpr double real() const { return real_; }
  constexpr std::string_view text() const { return {text_, size_}; }
  constexpr std::span<const value> items() const { return {items_, size_}; }

  /// As text: numbers in shortest form, booleans true/false, null empty, a list's items joined by ", ".
  std::string to_text() const;
  bool operator==(const value& other) const;

private:
  union {
    bool boolean_;
    std::int64_t integer_ = 0;
    double real_;
    const char* text_;
    const value* items_;
  };
  std::uint32_t size_ = 0;
  value_kind kind_ = value_kind::null;
};
static_assert(sizeof(value) == 16);

} // namespace soc::model
