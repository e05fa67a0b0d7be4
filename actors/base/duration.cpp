#include "base/duration.hpp"

#include <charconv>

namespace soc {

std::optional<std::int64_t> parse_duration_s(std::string_view text) {
  std::int64_t number = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  const std::string_view unit(end, static_cast<std::size_t>(last - end));
  if (error != std::errc{} || number < 0 || number > longest_duration_s * 1000)
    return std::nullopt;
  if (unit == "ms")
    return (number + 999) / 1000;
  const std::int64_t unit_s = unit.empty() || unit == "s" ? 1
                              : unit == "m"               ? 60
                              : unit == "h"               ? 3600
                              : unit == "d"               ? 86'400
                                                          : 0;
  if (unit_s == 0 || number > longest_duration_s / unit_s)
    return std::nullopt;
  return number * unit_s;
}

} // namespace soc
