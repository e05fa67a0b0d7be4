#include "base/diagnostic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace soc {

namespace {

std::string_view line_of(std::string_view text, int line) {
  for (int i = 1; i < line; ++i) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos)
      return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

/// Levenshtein distance with adjacent swaps (optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  std::iota(above.begin(), above.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

} // namespace

void diagnostics::error(std::string code, source_place place, std::string message, std::string hint) {
  all_.push_back({diagnostic_level::error, std::move(code), std::move(place), std::move(message), std::move(hint)});
  ++errors_;
}

void diagnostics::warning(std::string code, source_place place, std::string message, std::string hint) {
  all_.push_back({diagnostic_level::warning, std::move(code), std::move(place), std::move(message), std::move(hint)});
}

void diagnostics::append(const diagnostics& more) {
  all_.insert(all_.end(), more.all_.begin(), more.all_.end());
  errors_ += more.errors_;
}

std::string render(const diagnostic& item, std::string_view text) {
  std::string out = item.place.file;
  if (item.place.line > 0)
    out += fmt::format(":{}:{}", item.place.line, item.place.column);
  out += fmt::format(": {} {}: {}\n", item.level == diagnostic_level::error ? "error" : "warning", item.code,
                     item.message);
  const auto line = item.place.line > 0 ? line_of(text, item.place.line) : std::string_view{};
  if (!line.empty()) {
    std::string pad;
    for (int i = 0; i + 1 < item.place.column && i < static_cast<int>(line.size()); ++i)
      pad.push_back(line[static_cast<std::size_t>(i)] == '\t' ? '\t' : ' ');
    out += fmt::format("  {}\n  {}^\n", line, pad);
  }
  if (!item.hint.empty())
    out += fmt::format("  hint: {}\n", item.hint);
  return out;
}

std::string did_you_mean(std::string_view wrong, const std::vector<std::string>& known) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(1, wrong.size() / 3) + 1;
  for (const auto& name : known) {
    const auto distance = edit_distance(wrong, name);
    if (distance < best_distance) {
      best_distance = distance;
      best = name;
    }
  }
  return best;
}

} // namespace soc
