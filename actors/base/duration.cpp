#include "base/duration.hpp"

#include <charconv>

namespace soc {

std::optional<std::int64_t> parse_duration_s(std::string_view text) {
  std::int64_t number = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  const std::string_view unit(end, static_cast<std::size_t>(last - end));
  if (error != std::errc{} || number < 0 || number > 10'000'000'000)
    return std::nullopt;
  if (unit == "ms")
    return (number + 999) / 1000;
  if (unit.empty() || unit == "s")
    return number;
  if (unit == "m")
    return number * 60;
  if (unit == "h")
    return number * 3600;
  if (unit == "d")
    return number * 86'400;
  return std::nullopt;
}

} // namespace soc
