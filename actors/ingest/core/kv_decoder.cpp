// key=value in its dialects, and CSV (RFC 4180, tolerant).
#include "ingest/core/text_decoders.hpp"

#include <algorithm>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace soc::ingest {

namespace {

bool is_kv_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::string_view trim_kv(std::string_view text) {
  while (!text.empty() && is_kv_space(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_kv_space(text.back()))
    text.remove_suffix(1);
  return text;
}

/// Undoes `\"` and `\\` of a quoted value.
std::string_view unescape_quoted(std::string_view text, char quote, arena& memory) {
  if (text.find('\\') == std::string_view::npos)
    return text;
  auto* out = memory.make_array<char>(text.size());
  std::size_t n = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == quote || text[i + 1] == '\\'))
      ++i;
    out[n++] = text[i];
  }
  return {out, n};
}

/// One walk over a text of pairs.
class kv_walk {
public:
  kv_walk(std::string_view text, const kv_options& options, field_sink& to) : text_(text), options_(options), to_(to) {}

  bool run() {
    bool any = false;
    while (at_ < text_.size()) {
      skip_separators();
      const auto equal = next_assign(at_);
      if (equal == std::string_view::npos)
        break;
      auto from = at_;
      // Words before a key are none of it: "Oct 11 fw date=…".
      if (options_.pairs.empty())
        for (from = equal; from > at_ && !is_blank(text_[from - 1]);)
          --from;
      auto key = text_.substr(from, equal - from);
      at_ = equal + options_.assign.size();
      const auto value = read_value();
      key = trim_kv(key);
      if (!key.empty() && key.size() <= 256) {
        add(key, value);
        any = true;
      }
    }
    return any;
  }

private:
  void add(std::string_view key, std::string_view value) {
    if (options_.prefix.empty())
      to_.add(key, value);
    else
      to_.add_copied(options_.prefix + std::string(key), model::value::of_string(value));
  }

  static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n'; }

  /// Where the next assignment is; asked for the same stretch again and again.
  std::size_t next_assign(std::size_t at) {
    if (at < assign_from_ || at > assign_at_) {
      assign_from_ = at;
      assign_at_ = text_.find(options_.assign, at);
    }
    return assign_at_;
  }

  void skip_separators() {
    while (at_ < text_.size() &&
           (is_kv_space(text_[at_]) || (!options_.pairs.empty() && text_[at_] == options_.pairs[0])))
      ++at_;
  }

  std::string_view read_value() {
    if (!options_.pairs.empty())
      while (at_ < text_.size() && text_[at_] == ' ')
        ++at_;
    if (at_ < text_.size() && text_[at_] == options_.quote && options_.quote != '\0') {
      auto end = at_ + 1;
      while (end < text_.size() && text_[end] != options_.quote)
        end += text_[end] == '\\' ? 2 : 1;
      if (end < text_.size()) {
        const auto value = text_.substr(at_ + 1, end - at_ - 1);
        at_ = end + 1;
        return unescape_quoted(value, options_.quote, to_.memory());
      }
    }
    const auto from = at_;
    at_ = end_of_value();
    return trim_kv(text_.substr(from, at_ - from));
  }

  /// The next separator that a key follows.
  std::size_t end_of_value() {
    const auto size = std::max<std::size_t>(options_.pairs.size(), 1);
    for (auto at = at_; at < text_.size(); ++at) {
      if (options_.pairs.empty() && static_cast<unsigned char>(text_[at]) > ' ')
        continue;
      const bool separator =
          options_.pairs.empty() ? is_kv_space(text_[at]) : text_.compare(at, size, options_.pairs) == 0;
      if (!separator)
        continue;
      const auto behind = behind_blanks(at + size);
      if (key_follows(behind))
        return at;
      // Separators that end among these blanks have the same text behind them.
      at = behind - size;
    }
    return text_.size();
  }

  std::size_t behind_blanks(std::size_t at) const {
    while (at < text_.size() && is_kv_space(text_[at]))
      ++at;
    return at;
  }

  bool key_follows(std::size_t at) {
    if (at >= text_.size())
      return true;
    const auto equal = next_assign(at);
    if (equal == std::string_view::npos || equal - at > 64)
      return false;
    const auto key = text_.substr(at, equal - at);
    if (!options_.keys.empty())
      return options_.keys.contains(trim_kv(key));
    if (options_.pairs.empty())
      return !key.empty() && std::none_of(key.begin(), key.end(),
                                          [](char c) { return c == ' ' || c == '\t' || c == '"' || c == '\''; });
    return key.find(options_.pairs) == std::string_view::npos && key.find('"') == std::string_view::npos &&
           !key.empty();
  }

  std::string_view text_;
  const kv_options& options_;
  field_sink& to_;
  std::size_t at_ = 0;
  std::size_t assign_from_ = 1, assign_at_ = 0; ///< nothing is known yet
};

} // namespace

decode_result decode_kv(std::string_view text, const kv_options& options, field_sink& to) {
  if (!kv_walk(text, options, to).run())
    return decode_failure{"no key" + options.assign + "value in it", 0};
  return std::nullopt;
}

namespace {

std::string_view trim_cell(const char* from, const char* to) {
  while (from < to && is_kv_space(*from))
    ++from;
  while (from < to && is_kv_space(to[-1]))
    --to;
  return {from, static_cast<std::size_t>(to - from)};
}

/// A row without quotes: separators are found sixteen bytes at a time.
void split_plain(std::string_view text, char separator, std::vector<std::string_view>& out) {
  const char* at = text.data();
  const char* const end = at + text.size();
  const char* cell = at;
#ifdef __SSE2__
  const __m128i wanted = _mm_set1_epi8(separator);
  for (; end - at >= 16; at += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    for (auto hits = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(block, wanted))); hits != 0;
         hits &= hits - 1) {
      const char* const hit = at + __builtin_ctz(hits);
      out.push_back(trim_cell(cell, hit));
      cell = hit + 1;
    }
  }
#endif
  for (; at < end; ++at)
    if (*at == separator) {
      out.push_back(trim_cell(cell, at));
      cell = at + 1;
    }
  out.push_back(trim_cell(cell, end));
}

} // namespace

void split_csv(std::string_view text, char separator, arena& memory, std::vector<std::string_view>& out) {
  if (text.find('"') == std::string_view::npos && separator != '"')
    return split_plain(text, separator, out);
  std::size_t at = 0;
  while (at <= text.size()) {
    if (at < text.size() && text[at] == '"') {
      bool doubled = false;
      auto end = at + 1;
      for (; end < text.size(); ++end) {
        if (text[end] != '"')
          continue;
        if (end + 1 < text.size() && text[end + 1] == '"') {
          doubled = true;
          ++end;
        } else if (end + 1 >= text.size() || text[end + 1] == separator || is_kv_space(text[end + 1])) {
          break;
        }
      }
      auto value = text.substr(at + 1, std::min(end, text.size()) - at - 1);
      if (doubled) {
        auto* copy = memory.make_array<char>(value.size());
        std::size_t n = 0;
        for (std::size_t i = 0; i < value.size(); ++i) {
          copy[n++] = value[i];
          if (value[i] == '"' && i + 1 < value.size() && value[i + 1] == '"')
            ++i;
        }
        value = {copy, n};
      }
      out.push_back(value);
      const auto next = text.find(separator, std::min(end, text.size()));
      if (next == std::string_view::npos)
        return;
      at = next + 1;
    } else {
      const auto end = text.find(separator, at);
      out.push_back(trim_kv(text.substr(at, end == std::string_view::npos ? end : end - at)));
      if (end == std::string_view::npos)
        return;
      at = end + 1;
    }
  }
}

decode_result decode_csv(std::string_view text, const csv_options& options, const std::vector<std::string>& columns,
                         field_sink& to) {
  auto& values = to.scratch();
  split_csv(text, options.separator, to.memory(), values);
  const auto* names = columns.empty() ? &options.columns : &columns;
  if (options.select >= 0) {
    if (values.size() <= static_cast<std::size_t>(options.select))
      return decode_failure{"fewer values than the type needs", text.size()};
    auto it = options.by_value.find(values[static_cast<std::size_t>(options.select)]);
    if (it == options.by_value.end())
      it = options.by_value.find(std::string_view("*"));
    if (it == options.by_value.end())
      return decode_failure{"no column list for '" +
                                std::string(values[static_cast<std::size_t>(options.select)].substr(0, 64)) + "'",
                            0};
    names = &it->second;
  }
  if (values.size() < 2)
    return decode_failure{"a single value, no row", 0};
  const auto named = std::min(values.size(), names->size());
  if (columns.empty()) {
    const auto& slots = to.resolved(*names);
    for (std::size_t i = 0; i < named; ++i)
      if (slots[i].name_data != nullptr)
        to.out().emplace_back(slots[i]).data = model::value::of_string(values[i]);
  } else { // a header row: its names come from the log
    for (std::size_t i = 0; i < named; ++i)
      if (const auto& name = (*names)[i]; !name.empty() && name != "~")
        to.add_copied(name, model::value::of_string(values[i]));
  }
  for (std::size_t i = named; i < values.size(); ++i)
    to.add_copied("column" + std::to_string(i), model::value::of_string(values[i]));
  return std::nullopt;
}

} // namespace soc::ingest
