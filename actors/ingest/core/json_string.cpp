#include "ingest/core/json_string.hpp"

#include <array>
#include <cstring>

namespace soc::ingest {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  c = static_cast<char>(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/// Four hex digits; -1 when one is none.
int read_hex4(const char* at) {
  int code = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = hex_digit(at[i]);
    if (digit < 0)
      return -1;
    code = code * 16 + digit;
  }
  return code;
}

char* put_utf8(char* to, std::uint32_t code) {
  if (code < 0x80) {
    *to++ = static_cast<char>(code);
  } else if (code < 0x800) {
    *to++ = static_cast<char>(0xC0 | code >> 6);
    *to++ = static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    *to++ = static_cast<char>(0xE0 | code >> 12);
    *to++ = static_cast<char>(0x80 | (code >> 6 & 0x3F));
    *to++ = static_cast<char>(0x80 | (code & 0x3F));
  } else {
    *to++ = static_cast<char>(0xF0 | code >> 18);
    *to++ = static_cast<char>(0x80 | (code >> 12 & 0x3F));
    *to++ = static_cast<char>(0x80 | (code >> 6 & 0x3F));
    *to++ = static_cast<char>(0x80 | (code & 0x3F));
  }
  return to;
}

/// `from` is after "\u". A lone surrogate becomes U+FFFD. Null when the digits are none.
const char* unescape_unicode(const char* from, char*& to) {
  int code = read_hex4(from);
  if (code < 0)
    return nullptr;
  from += 4;
  if (code >= 0xD800 && code < 0xDC00 && from[0] == '\\' && from[1] == 'u') {
    const int low = read_hex4(from + 2);
    if (low >= 0xDC00 && low < 0xE000) {
      to = put_utf8(to, 0x10000U + ((static_cast<std::uint32_t>(code) - 0xD800) << 10) +
                            static_cast<std::uint32_t>(low - 0xDC00));
      return from + 6;
    }
  }
  to = put_utf8(to, code >= 0xD800 && code < 0xE000 ? 0xFFFDU : static_cast<std::uint32_t>(code));
  return from;
}

/// What a letter after a backslash stands for; 0 = nothing, or more than a letter.
constexpr std::array<char, 256> unescaped = [] {
  std::array<char, 256> out{};
  out['"'] = '"';
  out['\\'] = '\\';
  out['/'] = '/';
  out['b'] = '\b';
  out['f'] = '\f';
  out['n'] = '\n';
  out['r'] = '\r';
  out['t'] = '\t';
  return out;
}();

/// Bytes up to the next '"' or '\\', which are copied; up to 15 more are written. Those 16 hold neither: 16.
inline int copy_block(const char* from, char* to) {
#ifdef __SSE2__
  const __m128i quote = _mm_set1_epi8('"'), escape = _mm_set1_epi8('\\');
  const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), block);
  const int hits = _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, escape)));
  return hits == 0 ? 16 : __builtin_ctz(static_cast<unsigned>(hits));
#else
  int n = 0;
  for (; n < 16 && from[n] != '"' && from[n] != '\\'; ++n)
    to[n] = from[n];
  return n;
#endif
}

/// Unescapes up to the closing quote; the end of what was written. Null when an escape is none.
char* unescape(const char* from, char* to) {
  while (true) {
    const int n = copy_block(from, to);
    from += n;
    to += n;
    if (n == 16)
      continue;
    if (*from == '"')
      return to;
    if (const char plain = unescaped[static_cast<unsigned char>(from[1])]; plain != 0) {
      *to++ = plain;
      from += 2;
    } else if (from[1] != 'u' || (from = unescape_unicode(from + 2, to)) == nullptr) {
      return nullptr;
    }
  }
}

} // namespace

std::size_t written_size(const char* raw) {
  const char* at = find_quote_or_escape(raw);
  while (*at != '"')
    at = find_quote_or_escape(at + 2);
  return static_cast<std::size_t>(at + 1 - raw);
}

bool read_json_string(const char* raw, std::size_t within, bool keep, arena& memory, std::string_view& text) {
  const char* at = find_quote_or_escape(raw);
  if (*at == '"') {
    text = {raw, static_cast<std::size_t>(at - raw)};
    if (!keep)
      text = memory.copy(text);
    return true;
  }
  // Unescaping never makes a string longer, but whole blocks are written.
  const std::size_t room = within + 16;
  char* const start = memory.make_array<char>(room);
  const char* const end = unescape(raw, start);
  if (end == nullptr)
    return false;
  text = {start, static_cast<std::size_t>(end - start)};
  memory.give_back(room - text.size());
  return true;
}

namespace {

/// Length of a number or word that a parser would write as it stands; 0 for others.
std::size_t plain_token(std::string_view text) {
  for (const std::string_view word : {"true", "false", "null"})
    if (text.substr(0, word.size()) == word)
      return word.size();
  const std::size_t sign = text.front() == '-' ? 1 : 0;
  auto at = sign;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9')
    ++at;
  const bool odd = at == sign || at - sign > 18 || (text[sign] == '0' && at > 1);
  const char next = at < text.size() ? text[at] : ',';
  return odd || next == '.' || next == 'e' || next == 'E' ? 0 : at;
}

} // namespace

bool compact_json(std::string_view text, arena& memory, std::string_view& out) {
  char* const start = memory.make_array<char>(text.size());
  char* to = start;
  const auto put = [&](const char* from, std::size_t n) {
    std::memcpy(to, from, n);
    to += n;
  };
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    std::size_t n = 1;
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      ++at;
      continue;
    }
    if (c == '"') {
      const char* const close = find_quote_or_escape(text.data() + at + 1);
      n = static_cast<std::size_t>(close + 1 - text.data()) - at;
      if (*close != '"' || at + n > text.size())
        return false;
    } else if (c != '{' && c != '}' && c != '[' && c != ']' && c != ':' && c != ',') {
      n = plain_token(text.substr(at));
      if (n == 0)
        return false;
    }
    put(text.data() + at, n);
    at += n;
  }
  out = {start, static_cast<std::size_t>(to - start)};
  return true;
}

} // namespace soc::ingest
