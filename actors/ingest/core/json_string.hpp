// ingest/core/json_string.hpp - JSON strings unescaped straight into an arena, or not copied at all when they have no
// escapes. Used after simdjson's first stage has proved that every string is closed and valid UTF-8. Stateless.
#pragma once
#include "base/arena.hpp"

#include <cstdint>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace soc::ingest {

/// Where the next '"' or '\' is. There is one: the string is closed.
inline const char* find_quote_or_escape(const char* at) {
#ifdef __SSE2__
  const __m128i quote = _mm_set1_epi8('"'), escape = _mm_set1_epi8('\\');
  for (;; at += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const int hits = _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, escape)));
    if (hits != 0)
      return at + __builtin_ctz(static_cast<unsigned>(hits));
  }
#else
  while (*at != '"' && *at != '\\')
    ++at;
  return at;
#endif
}

/// A key without escapes as it stands; false when it has some.
inline bool read_json_key(const char* raw, std::string_view& key) {
  const char* end = find_quote_or_escape(raw);
  key = {raw, static_cast<std::size_t>(end - raw)};
  return *end == '"';
}

/// The string that starts after the quote at raw[-1] and is closed within `within` bytes. Without escapes it is a view
/// of the document if `keep` allows, else a copy in `memory`. False when an escape is invalid. Up to 16 bytes after the
/// closing quote are read.
bool read_json_string(const char* raw, std::size_t within, bool keep, arena& memory, std::string_view& text);

/// Bytes of the string that starts at `raw`, as it is written, with its closing quote.
std::size_t written_size(const char* raw);

/// A map or a list without the white space between its parts, in `memory` unless there is none. False when that takes
/// more than leaving out: escapes, fractions, numbers out of the ordinary. Up to 16 bytes after it are read.
bool compact_json(std::string_view text, arena& memory, std::string_view& out);

} // namespace soc::ingest
