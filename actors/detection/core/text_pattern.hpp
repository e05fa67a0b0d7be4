// detection/core/text_pattern.hpp - a Sigma string value: text with wildcards, and the transformations Sigma's
// modifiers make of it (windash, base64, UTF-16). Plain values, made while rules are read. Escapes as in the Sigma
// specification, "Escape Character".
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace soc::detection {

enum class piece_kind { text, one, many }; ///< plain text, '?', '*'

struct text_piece {
  piece_kind kind = piece_kind::text;
  std::string text;
  bool operator==(const text_piece&) const = default;
};

/// What a pattern amounts to. `text` is the literal of all but `glob` and `anything`.
enum class pattern_shape { exact, prefix, suffix, contains, anything, glob };

class text_pattern {
public:
  text_pattern() = default;
  /// '*' and '?' are wildcards, '\' escapes them and itself; any other '\' is plain.
  static text_pattern parse(std::string_view written);
  /// The text as it is.
  static text_pattern literal(std::string_view text);

  bool has_wildcards() const;
  const std::vector<text_piece>& pieces() const { return pieces_; }
  /// The text of a pattern without wildcards.
  std::string plain() const;
  pattern_shape shape() const;
  /// The literal of prefix, suffix, contains and exact.
  std::string core() const;
  /// The longest run of plain text.
  std::string longest_text() const;

  /// `*` put before or after, unless one is there.
  void open_start();
  void open_end();
  void append_text(std::string_view text);
  void append(piece_kind wildcard);

  /// Written again with Sigma's escapes: a canonical spelling.
  std::string written() const;
  bool operator==(const text_pattern&) const = default;

private:
  std::vector<text_piece> pieces_; ///< no two texts in a row, no empty text
};

/// Does the whole `text` match? Linear in practice (greedy with one backtrack point); '?' is one UTF-8 character. Case
/// as given.
bool matches_glob(const std::vector<text_piece>& pieces, std::string_view text);

/// Every spelling with '-', '/', en dash, em dash and horizontal bar in the places where an option starts (windash).
std::vector<std::string> windash_variants(std::string_view written);
std::string base64(std::string_view bytes);
/// The three encodings `bytes` can have inside a longer Base64 text, cut to what does not depend on the surroundings.
std::vector<std::string> base64_offsets(std::string_view bytes);
/// UTF-8 to UTF-16 bytes. Invalid bytes become U+FFFD.
std::string utf16_bytes(std::string_view text, bool big_endian);

} // namespace soc::detection
