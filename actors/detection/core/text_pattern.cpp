#include "detection/core/text_pattern.hpp"

#include "base/json_writer.hpp"
#include "detection/core/case_folding.hpp"

#include <algorithm>
#include <array>

namespace soc::detection {

void text_pattern::append_text(std::string_view text) {
  if (text.empty())
    return;
  if (!pieces_.empty() && pieces_.back().kind == piece_kind::text)
    pieces_.back().text += text;
  else
    pieces_.push_back({piece_kind::text, std::string(text)});
}

void text_pattern::append(piece_kind wildcard) {
  if (wildcard == piece_kind::many && !pieces_.empty() && pieces_.back().kind == piece_kind::many)
    return;
  pieces_.push_back({wildcard, {}});
}

text_pattern text_pattern::literal(std::string_view text) {
  text_pattern out;
  out.append_text(text);
  return out;
}

text_pattern text_pattern::parse(std::string_view written) {
  text_pattern out;
  std::string text;
  const auto flush = [&] {
    out.append_text(text);
    text.clear();
  };
  for (std::size_t i = 0; i < written.size(); ++i) {
    const char c = written[i];
    if (c == '\\' && i + 1 < written.size() &&
        (written[i + 1] == '*' || written[i + 1] == '?' || written[i + 1] == '\\')) {
      text.push_back(written[++i]);
    } else if (c == '*' || c == '?') {
      flush();
      out.append(c == '*' ? piece_kind::many : piece_kind::one);
    } else {
      text.push_back(c);
    }
  }
  flush();
  return out;
}

bool text_pattern::has_wildcards() const {
  return std::any_of(pieces_.begin(), pieces_.end(), [](const auto& p) { return p.kind != piece_kind::text; });
}

std::string text_pattern::plain() const {
  std::string out;
  for (const auto& p : pieces_)
    out += p.text;
  return out;
}

pattern_shape text_pattern::shape() const {
  const auto is = [this](std::size_t i, piece_kind kind) { return pieces_[i].kind == kind; };
  switch (pieces_.size()) {
  case 0:
    return pattern_shape::exact;
  case 1:
    return is(0, piece_kind::text)   ? pattern_shape::exact
           : is(0, piece_kind::many) ? pattern_shape::anything
                                     : pattern_shape::glob;
  case 2:
    if (is(0, piece_kind::text) && is(1, piece_kind::many))
      return pattern_shape::prefix;
    return is(0, piece_kind::many) && is(1, piece_kind::text) ? pattern_shape::suffix : pattern_shape::glob;
  case 3:
    return is(0, piece_kind::many) && is(1, piece_kind::text) && is(2, piece_kind::many) ? pattern_shape::contains
                                                                                         : pattern_shape::glob;
  default:
    return pattern_shape::glob;
  }
}

std::string text_pattern::core() const {
  return plain();
}

std::string text_pattern::longest_text() const {
  std::string best;
  for (const auto& p : pieces_)
    if (p.text.size() > best.size())
      best = p.text;
  return best;
}

void text_pattern::open_start() {
  if (pieces_.empty() || pieces_.front().kind != piece_kind::many)
    pieces_.insert(pieces_.begin(), {piece_kind::many, {}});
}

void text_pattern::open_end() {
  append(piece_kind::many);
}

std::string text_pattern::written() const {
  std::string out;
  for (const auto& p : pieces_) {
    if (p.kind != piece_kind::text)
      out.push_back(p.kind == piece_kind::many ? '*' : '?');
    for (const char c : p.text) {
      if (c == '*' || c == '?' || c == '\\')
        out.push_back('\\');
      out.push_back(c);
    }
  }
  return out;
}

namespace {

std::size_t step_character(std::string_view text, std::size_t at) {
  const auto length = utf8_length(text.substr(at));
  return at + (length == 0 ? 1 : length);
}

} // namespace

bool matches_glob(const std::vector<text_piece>& pieces, std::string_view text) {
  std::size_t p = 0, t = 0;
  std::size_t star = pieces.size(), star_at = 0; // the last '*' seen and where it stops eating
  while (true) {
    if (p == pieces.size() && t == text.size())
      return true;
    bool ok = false;
    if (p < pieces.size()) {
      const auto& piece = pieces[p];
      if (piece.kind == piece_kind::many) {
        star = p++;
        star_at = t;
        continue;
      }
      if (piece.kind == piece_kind::one) {
        ok = t < text.size();
        if (ok)
          t = step_character(text, t);
      } else {
        ok = text.substr(t).starts_with(piece.text);
        if (ok)
          t += piece.text.size();
      }
    }
    if (ok) {
      ++p;
      continue;
    }
    if (star == pieces.size() || star_at >= text.size())
      return false;
    // Let the last '*' eat one more character, or skip to where the text after it next occurs.
    star_at = step_character(text, star_at);
    if (star + 1 < pieces.size() && pieces[star + 1].kind == piece_kind::text) {
      star_at = text.find(pieces[star + 1].text, star_at);
      if (star_at == std::string_view::npos)
        return false;
    }
    p = star + 1;
    t = star_at;
  }
}

std::vector<std::string> windash_variants(std::string_view written) {
  static constexpr std::array<std::string_view, 5> dashes{"-", "/", "\xe2\x80\x93", "\xe2\x80\x94", "\xe2\x80\x95"};
  // An option's dash is one with no word character before it and one after it.
  std::vector<std::string> out{std::string()};
  std::size_t at = 0;
  const auto is_word = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0;
  };
  const auto extend = [&out](std::string_view text) {
    for (auto& s : out)
      s += text;
  };
  while (at < written.size()) {
    std::size_t length = 0;
    for (const auto dash : dashes)
      if (written.substr(at).starts_with(dash))
        length = dash.size();
    const bool starts_option = length > 0 && (at == 0 || !is_word(written[at - 1])) && at + length < written.size() &&
                               is_word(written[at + length]);
    if (!starts_option) {
      extend(written.substr(at, std::max<std::size_t>(length, 1)));
      at += std::max<std::size_t>(length, 1);
      continue;
    }
    std::vector<std::string> more;
    for (const auto& s : out)
      for (const auto dash : dashes)
        more.push_back(s + std::string(dash));
    out = std::move(more);
    at += length;
    if (out.size() > 625) { // four options; the rest is taken as written
      extend(written.substr(at));
      break;
    }
  }
  return out;
}

std::string base64(std::string_view bytes) {
  static constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k)
      out.push_back(i + k > bytes.size() ? '=' : digits[group >> (18 - 6 * k) & 63]);
  }
  return out;
}

std::vector<std::string> base64_offsets(std::string_view bytes) {
  static constexpr std::array<std::size_t, 3> from{0, 2, 3};
  static constexpr std::array<std::size_t, 3> cut{0, 3, 2};
  std::vector<std::string> out;
  for (std::size_t shift = 0; shift < 3; ++shift) {
    const auto text = base64(std::string(shift, ' ') + std::string(bytes));
    const auto end = text.size() - cut[(bytes.size() + shift) % 3];
    out.push_back(from[shift] < end ? text.substr(from[shift], end - from[shift]) : std::string());
  }
  return out;
}

std::string utf16_bytes(std::string_view text, bool big_endian) {
  std::string out;
  const auto put = [&](std::uint32_t unit) {
    const char low = static_cast<char>(unit & 0xFF), high = static_cast<char>(unit >> 8);
    out.push_back(big_endian ? high : low);
    out.push_back(big_endian ? low : high);
  };
  for (std::size_t i = 0; i < text.size();) {
    std::uint32_t code = 0;
    i += decode_utf8(text.substr(i), code);
    if (code < 0x10000) {
      put(code);
    } else {
      put(0xD800 + ((code - 0x10000) >> 10));
      put(0xDC00 + ((code - 0x10000) & 0x3FF));
    }
  }
  return out;
}

} // namespace soc::detection
