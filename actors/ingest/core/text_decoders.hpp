// ingest/core/text_decoders.hpp - decoders of text records into native fields: CEF, LEEF, key=value, CSV, regex,
// dissect, CLF, auditd. Pure; options are compiled once with the mapping. Values are views into the text or copies in
// the arena.
#pragma once
#include "ingest/core/field_sink.hpp"
#include "ingest/core/text_pattern.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace soc::ingest {

/// Why a text is not what a decoder expects, and where.
struct decode_failure {
  std::string reason;
  std::size_t offset = 0;
};
using decode_result = std::optional<decode_failure>; ///< nothing = fine

/// CEF and LEEF; text before the marker is skipped. On a failure nothing is added.
decode_result decode_cef(std::string_view text, field_sink& to);
decode_result decode_leef(std::string_view text, field_sink& to);

struct transparent_hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
using text_set = std::unordered_set<std::string, transparent_hash, std::equal_to<>>;

struct kv_options {
  std::string pairs; ///< between pairs; empty: blanks
  std::string assign = "=";
  char quote = '"';
  text_set keys; ///< split only before these; empty: before anything that looks like a key
  std::string prefix;
};
decode_result decode_kv(std::string_view text, const kv_options& options, field_sink& to);

struct csv_options {
  char separator = ',';
  std::vector<std::string> columns; ///< "~" or empty: skipped
  int select = -1;                  ///< index of the value that chooses among `by_value`
  std::map<std::string, std::vector<std::string>, std::less<>> by_value; ///< "*": any other
  bool header = false; ///< columns come from the first record of the batch
};
/// The values of one row, unquoted.
void split_csv(std::string_view text, char separator, arena& memory, std::vector<std::string_view>& out);
/// `columns` replaces the options' own when not empty (a header row).
decode_result decode_csv(std::string_view text, const csv_options& options, const std::vector<std::string>& columns,
                         field_sink& to);

/// Named groups of the first pattern that matches.
struct regex_option {
  std::shared_ptr<const text_pattern> pattern;
  std::vector<std::pair<int, std::string>> groups; ///< group number, field name
};
decode_result decode_regex(std::string_view text, const std::vector<regex_option>& patterns, field_sink& to);

/// "%{a} [%{b}]": literals between fields.
struct dissect_pattern {
  std::string head; ///< literal before the first field
  struct part {
    std::string name; ///< empty: skipped
    std::string tail; ///< literal after it; empty: to the end
    bool padded = false;
  };
  std::vector<part> parts;
  /// Nothing when the pattern is malformed.
  static std::optional<dissect_pattern> compile(std::string_view text);
};
decode_result decode_dissect(std::string_view text, const std::vector<dissect_pattern>& patterns, field_sink& to);

/// Common and combined log format.
decode_result decode_clf(std::string_view text, field_sink& to);

/// The lines of one audit event.
decode_result decode_auditd(std::string_view text, field_sink& to);
/// "msg=audit(1690000000.123:456):" of a line; nothing when it has none. The serial with its time and node.
std::optional<std::string_view> audit_serial(std::string_view line);

} // namespace soc::ingest
