// base/json_writer.hpp - appends JSON to a string: for hot output paths (events, alerts). Commas and nesting are
// handled; strings are escaped and invalid UTF-8 becomes U+FFFD, so the output is always valid JSON. Cold paths use
// nlohmann::json.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace soc {

class json_writer {
public:
  explicit json_writer(std::string& out) : out_(out) {}

  json_writer& begin_object();
  json_writer& end_object();
  json_writer& begin_array();
  json_writer& end_array();
  json_writer& key(std::string_view name);
  json_writer& string(std::string_view text);
  json_writer& integer(std::int64_t number);
  json_writer& real(double number); ///< NaN and infinities become null
  json_writer& boolean(bool truth);
  json_writer& null();
  /// Appends text that is JSON already.
  json_writer& raw(std::string_view json);

private:
  void separate();
  std::string& out_;
  bool first_ = true, after_key_ = false;
};

/// `text` as a JSON string with its quotes, appended to `out`.
void append_json_string(std::string& out, std::string_view text);

/// Length of the valid UTF-8 sequence at `text`, 0 if there is none (overlong, surrogate, out of range, cut).
std::size_t utf8_length(std::string_view text);

} // namespace soc
