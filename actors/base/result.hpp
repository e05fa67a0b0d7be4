// base/result.hpp - a value or a failure. Expected failures are values with a code and context; exceptions of libraries
// are caught at the adapter and become one of these. Pure: no CAF, no I/O.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace soc {

/// Why an operation was refused. Values cross the wire and the disk: append, never renumber.
enum class ec : std::uint8_t {
  none = 0,
  invalid_input = 1,     ///< malformed bytes, a wrong type, an unknown name
  not_found = 2,         ///< no such id, file, actor
  conflict = 3,          ///< the stored sequence is not the expected one
  unavailable = 4,       ///< a peer or the network is away; try again
  timed_out = 5,         ///< no answer in time: the outcome is unknown
  refused = 6,           ///< a guardrail or a policy said no
  too_large = 7,         ///< over a stated limit
  io_error = 8,          ///< the operating system said no
  corrupt = 9,           ///< stored bytes do not check out
  version_mismatch = 10, ///< data of a newer format
  closed = 11,           ///< the aggregate is final
  internal = 12,         ///< a bug: report it
};

std::string to_string(ec code);

/// One refusal: a code programs can branch on, and a sentence a person can act on.
struct failure {
  ec code = ec::none;
  std::string what;
  bool operator==(const failure&) const = default;
};

/// A T or the failure that prevented it.
template <class T>
class [[nodiscard]] result {
public:
  result(T value) : data_(std::in_place_index<0>, std::move(value)) {}
  result(failure why) : data_(std::in_place_index<1>, std::move(why)) {}

  explicit operator bool() const noexcept { return data_.index() == 0; }
  // Lvalue only: `for (auto& x : *f())` over a temporary would dangle.
  T& operator*() & { return std::get<0>(data_); }
  const T& operator*() const& { return std::get<0>(data_); }
  T* operator->() { return &std::get<0>(data_); }
  const T* operator->() const { return &std::get<0>(data_); }
  T take() && { return std::move(std::get<0>(data_)); }
  const failure& error() const { return std::get<1>(data_); }

private:
  std::variant<T, failure> data_;
};

/// The result of an operation that returns nothing.
struct done {
  bool operator==(const done&) const = default;
};
using outcome = result<done>;

} // namespace soc
