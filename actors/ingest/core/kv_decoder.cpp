// key=value in its dialects, and CSV (RFC 4180, tolerant).
#include "ingest/core/text_decoders.hpp"

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
      const auto equal = text_.find(options_.assign, at_);
      if (equal == std::string_view::npos)
        break;
      auto key = text_.substr(at_, equal - at_);
      // Words before a key are none of it: "Oct 11 fw date=…".
      if (options_.pairs.empty())
        if (const auto blank = key.find_last_of(" \t\n"); blank != std::string_view::npos)
          key.remove_prefix(blank + 1);
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
  std::size_t end_of_value() const {
    for (auto at = at_; at < text_.size(); ++at) {
      const bool separator = options_.pairs.empty() ? is_kv_space(text_[at])
                                                    : text_.compare(at, options_.pairs.size(), options_.pairs) == 0;
      if (separator && key_follows(at + (options_.pairs.empty() ? 1 : options_.pairs.size())))
        return at;
    }
    return text_.size();
  }

  bool key_follows(std::size_t at) const {
    while (at < text_.size() && is_kv_space(text_[at]))
      ++at;
    if (at >= text_.size())
      return true;
    const auto equal = text_.find(options_.assign, at);
    if (equal == std::string_view::npos || equal - at > 64)
      return false;
    const auto key = text_.substr(at, equal - at);
    if (!options_.keys.empty())
      return options_.keys.contains(trim_kv(key));
    if (options_.pairs.empty())
      return key.find_first_of(" \t\"'") == std::string_view::npos && !key.empty();
    return key.find(options_.pairs) == std::string_view::npos && key.find('"') == std::string_view::npos &&
           !key.empty();
  }

  std::string_view text_;
  const kv_options& options_;
  field_sink& to_;
  std::size_t at_ = 0;
};

} // namespace

decode_result decode_kv(std::string_view text, const kv_options& options, field_sink& to) {
  if (!kv_walk(text, options, to).run())
    return decode_failure{"no key" + options.assign + "value in it", 0};
  return std::nullopt;
}

void split_csv(std::string_view text, char separator, arena& memory, std::vector<std::string_view>& out) {
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
  std::vector<std::string_view> values;
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
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i >= names->size()) {
      to.add_copied("column" + std::to_string(i), model::value::of_string(values[i]));
      continue;
    }
    const auto& name = (*names)[i];
    if (!name.empty() && name != "~")
      to.add_copied(name, model::value::of_string(values[i]));
  }
  return std::nullopt;
}

} // namespace soc::ingest
