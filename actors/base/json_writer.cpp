#include "base/json_writer.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace soc {

std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto tail = [&](std::size_t i) { return i < text.size() && (byte(i) & 0xC0) == 0x80; };
  if (text.empty())
    return 0;
  const unsigned lead = byte(0);
  if (lead < 0x80)
    return 1;
  if (lead >= 0xC2 && lead <= 0xDF)
    return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (!tail(1) || !tail(2) || (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) > 0x9F))
      return 0;
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (!tail(1) || !tail(2) || !tail(3) || (lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F))
      return 0;
    return 4;
  }
  return 0;
}

namespace {

/// Where the next byte is that is not written as it stands, or the end.
std::size_t end_of_plain(std::string_view text, std::size_t i) {
#ifdef __SSE2__
  const __m128i space = _mm_set1_epi8(0x20), quote = _mm_set1_epi8('"'), escape = _mm_set1_epi8('\\'),
                last = _mm_set1_epi8(0x7f);
  for (; i + 16 <= text.size(); i += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + i));
    // Bytes above 127 are negative, so below the blank too.
    const __m128i odd = _mm_or_si128(_mm_or_si128(_mm_cmplt_epi8(block, space), _mm_cmpeq_epi8(block, quote)),
                                     _mm_or_si128(_mm_cmpeq_epi8(block, escape), _mm_cmpeq_epi8(block, last)));
    if (const int hits = _mm_movemask_epi8(odd); hits != 0)
      return i + static_cast<std::size_t>(__builtin_ctz(static_cast<unsigned>(hits)));
  }
#endif
  for (; i < text.size(); ++i)
    if (const auto c = static_cast<unsigned char>(text[i]); c < 0x20 || c == '"' || c == '\\' || c >= 0x7F)
      return i;
  return i;
}

} // namespace

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  out.push_back('"');
  std::size_t clean_from = 0;
  const auto flush = [&](std::size_t to) { out.append(text.data() + clean_from, to - clean_from); };
  for (std::size_t i = 0; i < text.size();) {
    i = end_of_plain(text, i);
    if (i == text.size())
      break;
    const unsigned char c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\' && c < 0x7F) {
      ++i;
      continue;
    }
    const std::size_t length = c >= 0x80 ? utf8_length(text.substr(i)) : 0;
    if (length > 0) {
      i += length;
      continue;
    }
    flush(i);
    switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      if (c >= 0x80) {
        out += "\xEF\xBF\xBD";
      } else {
        out += "\\u00";
        out.push_back(digits[c >> 4]);
        out.push_back(digits[c & 15]);
      }
    }
    clean_from = ++i;
  }
  flush(text.size());
  out.push_back('"');
}

void json_writer::separate() {
  if (!first_ && !after_key_)
    out_.push_back(',');
  first_ = after_key_ = false;
}

json_writer& json_writer::begin_object() {
  separate();
  out_.push_back('{');
  first_ = true;
  return *this;
}

json_writer& json_writer::end_object() {
  out_.push_back('}');
  first_ = false;
  return *this;
}

json_writer& json_writer::begin_array() {
  separate();
  out_.push_back('[');
  first_ = true;
  return *this;
}

json_writer& json_writer::end_array() {
  out_.push_back(']');
  first_ = false;
  return *this;
}

json_writer& json_writer::key(std::string_view name) {
  separate();
  append_json_string(out_, name);
  out_.push_back(':');
  after_key_ = true;
  return *this;
}

json_writer& json_writer::string(std::string_view text) {
  separate();
  append_json_string(out_, text);
  return *this;
}

json_writer& json_writer::integer(std::int64_t number) {
  separate();
  fmt::format_to(std::back_inserter(out_), "{}", number);
  return *this;
}

json_writer& json_writer::real(double number) {
  if (!std::isfinite(number))
    return null();
  separate();
  fmt::format_to(std::back_inserter(out_), "{}", number);
  return *this;
}

json_writer& json_writer::boolean(bool truth) {
  separate();
  out_ += truth ? "true" : "false";
  return *this;
}

json_writer& json_writer::null() {
  separate();
  out_ += "null";
  return *this;
}

json_writer& json_writer::raw(std::string_view json) {
  separate();
  out_ += json;
  return *this;
}

} // namespace soc
