// sources/forward/msgpack.hpp - MessagePack as far as Fluent Forward needs it (github.com/msgpack/msgpack, spec.md):
// where a value ends in a stream, what it holds, and it as JSON. Pure; views into the text.
#pragma once
#include "base/json_writer.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace soc::sources {

enum class msgpack_kind : std::uint8_t {
  nil,
  boolean,
  integer,
  unsigned_integer,
  real,
  string,
  binary,
  array,
  map,
  extension
};

struct msgpack_value {
  msgpack_kind kind = msgpack_kind::nil;
  std::int64_t integer = 0; ///< boolean as 0 and 1
  std::uint64_t number = 0; ///< unsigned_integer
  double real = 0;
  std::string_view bytes; ///< string, binary, extension
  std::uint32_t size = 0; ///< members of an array, pairs of a map
  std::int8_t type = 0;   ///< of an extension
};

class msgpack_reader {
public:
  explicit msgpack_reader(std::string_view text) : text_(text) {}

  /// The next value; of arrays and maps only the head: their members follow. Nothing when the text is cut or no
  /// MessagePack.
  std::optional<msgpack_value> next();
  /// Passes over a value with all it holds; false as above.
  bool skip();
  std::size_t at() const { return at_; }
  bool at_end() const { return at_ == text_.size(); }
  std::string_view slice(std::size_t from) const { return text_.substr(from, at_ - from); }

private:
  std::optional<std::uint64_t> number(std::size_t bytes);
  std::optional<std::string_view> take(std::uint64_t bytes);
  std::optional<msgpack_value> text_value(msgpack_kind kind, std::uint64_t size);
  std::optional<msgpack_value> extension(std::uint64_t size);
  std::optional<msgpack_value> long_value(std::uint8_t head);

  std::string_view text_;
  std::size_t at_ = 0;
};

enum class msgpack_extent { whole, cut, broken };

/// How far the first value of a growing stream reaches, looking at each byte once. One a value.
class msgpack_extent_scan {
public:
  /// `stream`: what was given before, and more.
  msgpack_extent look(std::string_view stream);
  std::size_t size() const { return at_; } ///< of a whole value

private:
  std::size_t at_ = 0;
  std::uint64_t left_ = 1;
};

/// Writes the next value as JSON: binaries and extensions as text, keys that are no text as their JSON. False when it
/// is cut, broken or nested too deep.
bool write_json(msgpack_reader& from, json_writer& to, int depth = 0);

} // namespace soc::sources
