#include "base/time.hpp"

#include <cstdio>
#include <ctime>

namespace soc {

namespace {

/// Reads `digits` decimal digits at `at` and moves it; -1 when they are not there.
int read_number(std::string_view text, std::size_t& at, std::size_t digits) {
  if (at + digits > text.size())
    return -1;
  int value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    const char c = text[at + i];
    if (c < '0' || c > '9')
      return -1;
    value = value * 10 + (c - '0');
  }
  at += digits;
  return value;
}

bool read_char(std::string_view text, std::size_t& at, std::string_view any_of) {
  if (at >= text.size() || any_of.find(text[at]) == std::string_view::npos)
    return false;
  ++at;
  return true;
}

std::int64_t read_fraction_ns(std::string_view text, std::size_t& at) {
  std::int64_t fraction = 0, scale = ns_per_s / 10;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
    fraction += (text[at] - '0') * scale;
    scale /= 10;
    ++at;
  }
  return fraction;
}

/// Seconds east of UTC; nothing when what follows is not a zone.
std::optional<int> read_zone(std::string_view text, std::size_t& at, int default_offset_s) {
  if (at == text.size())
    return default_offset_s;
  if (read_char(text, at, "Zz"))
    return 0;
  read_char(text, at, " ");
  if (at >= text.size() || (text[at] != '+' && text[at] != '-'))
    return std::nullopt;
  const int sign = text[at++] == '-' ? -1 : 1;
  const int hours = read_number(text, at, 2);
  read_char(text, at, ":");
  const int minutes = at == text.size() ? 0 : read_number(text, at, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
    return std::nullopt;
  return sign * (hours * 3600 + minutes * 60);
}

} // namespace

unix_ns system_clock_source::now() const {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::int64_t seconds_from_civil(int year, int month, int day, int hour, int minute, int second) {
  year -= month <= 2;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const unsigned year_of_era = static_cast<unsigned>(year - era * 400);
  const unsigned day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  const std::int64_t days = era * 146097 + static_cast<std::int64_t>(day_of_era) - 719468;
  return ((days * 24 + hour) * 60 + minute) * 60 + second;
}

std::string format_rfc3339(unix_ns time) {
  std::int64_t seconds = time / ns_per_s, rest = time % ns_per_s;
  if (rest < 0) {
    --seconds;
    rest += ns_per_s;
  }
  const std::time_t whole = static_cast<std::time_t>(seconds);
  std::tm parts{};
  gmtime_r(&whole, &parts);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900, parts.tm_mon + 1,
                parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, static_cast<int>(rest / ns_per_ms));
  return text;
}

std::optional<unix_ns> parse_rfc3339(std::string_view text, int default_offset_s) {
  std::size_t at = 0;
  const int year = read_number(text, at, 4);
  if (year < 0 || !read_char(text, at, "-/"))
    return std::nullopt;
  const int month = read_number(text, at, 2);
  if (month < 1 || month > 12 || !read_char(text, at, "-/"))
    return std::nullopt;
  const int day = read_number(text, at, 2);
  if (day < 1 || day > 31 || !read_char(text, at, "Tt "))
    return std::nullopt;
  const int hour = read_number(text, at, 2);
  if (hour < 0 || hour > 23 || !read_char(text, at, ":"))
    return std::nullopt;
  const int minute = read_number(text, at, 2);
  if (minute < 0 || minute > 59)
    return std::nullopt;
  int second = 0;
  if (read_char(text, at, ":")) {
    second = read_number(text, at, 2);
    if (second < 0 || second > 60)
      return std::nullopt;
  }
  std::int64_t fraction_ns = 0;
  if (read_char(text, at, ".,"))
    fraction_ns = read_fraction_ns(text, at);
  const auto offset_s = read_zone(text, at, default_offset_s);
  if (!offset_s || at != text.size())
    return std::nullopt;
  const auto whole_s = seconds_from_civil(year, month, day, hour, minute, second) - *offset_s;
  if (whole_s >= last_second) // "9999-12-31" stands for never
    return last_second * ns_per_s;
  if (whole_s < -last_second)
    return std::nullopt;
  return whole_s * ns_per_s + fraction_ns;
}

} // namespace soc
