// CEF (ArcSight CEF Implementation Standard rev. 27) and LEEF 1.0/2.0 (IBM QRadar LEEF guide).
#include "ingest/core/text_decoders.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace soc::ingest {

namespace {

/// `\c` becomes c, `\n` and `\r` a line break. A view of the text when there is nothing to undo.
std::string_view unescape_cef(std::string_view text, arena& memory) {
  if (text.find('\\') == std::string_view::npos)
    return text;
  auto* out = memory.make_array<char>(text.size());
  std::size_t n = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '\\' && i + 1 < text.size()) {
      const char next = text[i + 1];
      if (next == '\\' || next == '=' || next == '|') {
        c = next;
        ++i;
      } else if (next == 'n' || next == 'r') {
        c = next == 'n' ? '\n' : '\r';
        ++i;
      }
    }
    out[n++] = c;
  }
  return {out, n};
}

std::string_view trim_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\n' || text.front() == '\r'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

/// Splits `count` header fields at unescaped '|'; false when there are fewer.
bool split_header(std::string_view& text, std::string_view* fields, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t at = 0;
    while (at < text.size() && text[at] != '|')
      at += text[at] == '\\' ? 2 : 1;
    if (at >= text.size())
      return false;
    fields[i] = text.substr(0, at);
    text.remove_prefix(at + 1);
  }
  return true;
}

constexpr std::size_t max_key_bytes = 128;

constexpr auto key_bytes = [] {
  std::array<bool, 256> good{};
  for (int c = '0'; c <= 'z'; ++c)
    good[static_cast<std::size_t>(c)] = c <= '9' || c >= 'a' || (c >= 'A' && c <= 'Z');
  for (const char c : std::string_view("_.-[]"))
    good[static_cast<std::size_t>(c)] = true;
  return good;
}();

bool is_extension_key(std::string_view key) {
  return !key.empty() && key.size() <= max_key_bytes &&
         std::all_of(key.begin(), key.end(), [](unsigned char c) { return key_bytes[c]; });
}

/// Where the next "key=" begins at or after `from`: the key's place and the place of its '='.
bool find_key(std::string_view text, std::size_t from, std::size_t& key_at, std::size_t& equal_at) {
  for (auto at = text.find('=', from); at != std::string_view::npos; at = text.find('=', at + 1)) {
    if (at > 0 && text[at - 1] == '\\')
      continue;
    // No further back than a key is long: a record full of '=' would be searched again for each.
    const auto floor = std::max(from, at > max_key_bytes + 1 ? at - max_key_bytes - 1 : 0);
    key_at = at;
    while (key_at > floor && text[key_at - 1] != ' ' && text[key_at - 1] != '\n')
      --key_at;
    if (key_at == floor && floor > from)
      continue;
    if (!is_extension_key(text.substr(key_at, at - key_at)))
      continue;
    equal_at = at;
    return true;
  }
  return false;
}

/// "cs1Label=MalopId": remembered so that label.MalopId gets cs1's value.
struct cef_label {
  std::string_view key, label;
};

constexpr std::size_t most_labels = 64;

void add_labels(std::span<const cef_label> labels, std::size_t first, field_sink& to) {
  const auto last = to.out().size();
  for (const auto& l : labels)
    for (std::size_t i = first; i < last; ++i)
      if (const auto s = to.out()[i]; s.name() == l.key) {
        to.add_joined("label.", l.label, s.data);
        break;
      }
}

void decode_extension(std::string_view text, field_sink& to) {
  const auto first = to.out().size();
  std::array<cef_label, most_labels> labels;
  std::size_t labelled = 0;
  std::size_t key_at = 0, equal_at = 0;
  bool more = find_key(text, 0, key_at, equal_at);
  while (more) {
    const auto key = text.substr(key_at, equal_at - key_at);
    const auto value_at = equal_at + 1;
    more = find_key(text, value_at, key_at, equal_at);
    const auto value = trim_blanks(text.substr(value_at, more ? key_at - value_at : std::string_view::npos));
    const auto clean = unescape_cef(value, to.memory());
    to.add(key, clean);
    if (labelled < labels.size() && key.size() > 5 && key.substr(key.size() - 5) == "Label")
      labels[labelled++] = {key.substr(0, key.size() - 5), clean};
  }
  add_labels({labels.data(), labelled}, first, to);
}

} // namespace

decode_result decode_cef(std::string_view text, field_sink& to) {
  const auto start = text.find("CEF:");
  if (start == std::string_view::npos)
    return decode_failure{"no 'CEF:' in it", 0};
  auto rest = text.substr(start + 4);
  std::array<std::string_view, 7> header;
  if (!split_header(rest, header.data(), 6))
    return decode_failure{"a CEF header has 7 fields separated by '|'", start};
  // The severity may end the record: then there is no extension.
  const auto bar = rest.find('|');
  header[6] = rest.substr(0, bar);
  rest = bar == std::string_view::npos ? std::string_view{} : rest.substr(bar + 1);
  static constexpr std::array<std::string_view, 7> names{
      "cef.version", "cef.vendor", "cef.product", "cef.device_version", "cef.signature_id", "cef.name", "cef.severity"};
  for (std::size_t i = 0; i < names.size(); ++i)
    to.add(names[i], unescape_cef(trim_blanks(header[i]), to.memory()));
  decode_extension(rest, to);
  return std::nullopt;
}

namespace {

/// The attribute delimiter a LEEF 2.0 header names: a character, "x09", "0x09", "\t".
char leef_delimiter(std::string_view text) {
  if (text.empty())
    return '\t';
  if (text.size() == 1)
    return text[0];
  if (text == "\\t")
    return '\t';
  const auto x = text.find('x');
  if (x == std::string_view::npos)
    return '\t';
  int code = 0;
  for (const char c : text.substr(x + 1))
    code = code * 16 + (c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
  return static_cast<char>(code & 0xff);
}

} // namespace

decode_result decode_leef(std::string_view text, field_sink& to) {
  const auto start = text.find("LEEF:");
  if (start == std::string_view::npos)
    return decode_failure{"no 'LEEF:' in it", 0};
  auto rest = text.substr(start + 5);
  std::array<std::string_view, 5> header;
  if (!split_header(rest, header.data(), 5))
    return decode_failure{"a LEEF header has at least 5 fields separated by '|'", start};
  char delimiter = '\t';
  if (header[0].substr(0, 1) == "2") {
    const auto bar = rest.find('|');
    if (bar != std::string_view::npos && bar <= 4) {
      delimiter = leef_delimiter(rest.substr(0, bar));
      rest.remove_prefix(bar + 1);
    }
  }
  static constexpr std::array<std::string_view, 5> names{"leef.version", "leef.vendor", "leef.product",
                                                         "leef.product_version", "leef.event_id"};
  for (std::size_t i = 0; i < names.size(); ++i)
    to.add(names[i], trim_blanks(header[i]));
  if (rest.find(delimiter) == std::string_view::npos && delimiter == '\t') {
    decode_extension(rest, to); // some senders put blanks for tabs
    return std::nullopt;
  }
  while (!rest.empty()) {
    const auto end = rest.find(delimiter);
    const auto pair = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    if (const auto equal = pair.find('='); equal != std::string_view::npos && equal > 0)
      to.add(trim_blanks(pair.substr(0, equal)), trim_blanks(pair.substr(equal + 1)));
  }
  return std::nullopt;
}

} // namespace soc::ingest
