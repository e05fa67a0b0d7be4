// detection/core/case_folding.hpp - Unicode simple case folding of UTF-8 text: Sigma compares without regard to case.
// ASCII is folded 16 bytes at a time; bytes that are no UTF-8 stay as they are. Stateless.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace soc::detection {

/// The code point `text` starts with and its length in bytes. An invalid byte gives U+FFFD and 1.
std::size_t decode_utf8(std::string_view text, std::uint32_t& code);
void append_utf8(std::string& out, std::uint32_t code);

/// Simple folding of one code point (CaseFolding.txt, statuses C and S).
std::uint32_t fold_code_point(std::uint32_t code);

/// Room that `fold_into` needs for `bytes` of text: folding can lengthen a character from 2 to 3 bytes. 16 more are
/// written over.
constexpr std::size_t folded_capacity(std::size_t bytes) {
  return bytes + bytes / 2 + 16;
}
/// Folds into `to`; the number of bytes written. The text must be readable only up to its end.
std::size_t fold_into(std::string_view text, char* to);
std::string fold(std::string_view text);

} // namespace soc::detection
