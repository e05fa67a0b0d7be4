// ingest/core/json_decoder.hpp - one JSON document into the native slots of an event: nested names joined with '.',
// arrays as list values, lists of maps flattened per key. One decoder a thread and dictionary; it owns the parser's
// buffers and is reused.
#pragma once
#include "base/arena.hpp"
#include "model/field.hpp"
#include "model/value.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace soc::model {
struct slot;
}

namespace soc::ingest {

/// The value of a member that is an object without members; it counts as absent.
constexpr std::string_view empty_object_text = "{}";

struct json_options {
  /// Also decode fields whose name is not in the dictionary (their slots have no_field as id). Without it they are
  /// skipped unread, which is what a pure detection run wants.
  bool keep_unknown = true;
  /// By field id: only these are read, the others are skipped like unknown ones. A name that is only in the dictionary
  /// without its blanks ("Threat Name") is found there. Null: all.
  std::shared_ptr<const std::vector<bool>> wanted;
  std::size_t max_depth = 32;     ///< what lies deeper is kept as its JSON text
  std::size_t max_fields = 16384; ///< leaves of one document; more is a failure
};

/// A member of the document itself, where it stands: for looking again at a part without reading all of it.
struct json_member {
  std::string_view key;           ///< without escapes
  const char* key_text = nullptr; ///< in the document, after the quote
  const char* value = nullptr;    ///< first byte of its value
};

/// Why a document is not a JSON object, and where in it (bytes from its start).
struct json_failure {
  std::string reason;
  std::uint32_t byte_offset = 0;
};

/// {"a":{"b":1},"c":[1,"x"],"d":[{"e":1},{"e":2,"f":3}]} gives a.b=1, c=[1,x], d.e=[1,2], d.f=[3]. An empty map or list
/// is an empty list value, null a null value. Whole numbers beyond 64 bits signed keep their digits as a string. Bytes
/// that are not UTF-8 are read as U+FFFD rather than refused. Duplicate keys give several slots.
class json_decoder {
public:
  explicit json_decoder(model::dictionary_ptr names, json_options options = {});
  ~json_decoder();
  json_decoder(json_decoder&&) noexcept;
  json_decoder& operator=(json_decoder&&) noexcept;

  /// Appends the slots of `document` to `out`; on a failure `out` is as before. At least `padding` bytes after the
  /// document's end must be readable (raw_batch reserves them). Names and strings point into `document`, `memory` or
  /// the dictionary.
  std::optional<json_failure> decode(std::string_view document, arena& memory, std::vector<model::slot>& out);

  /// Of the last document, as long as it and its arena live; null when they are not in it (it was not UTF-8).
  const std::vector<json_member>* members() const;

  const model::dictionary_ptr& names() const;

  static constexpr std::size_t padding = 64;

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace soc::ingest
