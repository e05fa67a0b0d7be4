#include "ingest/core/time_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace soc::ingest {

namespace {

struct civil_time {
  int year = -1, month = 1, day = 1, hour = 0, minute = 0, second = 0;
  std::int64_t fraction_ns = 0;
  std::optional<int> offset_s;
  const time_zone* zone = nullptr; ///< what an abbreviation of the mapping stands for
  bool pm = false, am = false;
};

/// Walks over a text; each read moves on only when it succeeds.
class time_cursor {
public:
  explicit time_cursor(std::string_view text) : text_(text) {}
  bool at_end() const { return at_ >= text_.size(); }
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool take(char c) {
    if (peek() != c || at_end())
      return false;
    ++at_;
    return true;
  }
  bool take_any(std::string_view chars) {
    if (at_end() || chars.find(peek()) == std::string_view::npos)
      return false;
    ++at_;
    return true;
  }
  void skip_blanks() {
    while (peek() == ' ' || peek() == '\t')
      ++at_;
  }
  /// 1 to `most` digits; -1 when there is none.
  int number(int most) {
    int value = 0, n = 0;
    while (n < most && peek() >= '0' && peek() <= '9') {
      value = value * 10 + (peek() - '0');
      ++at_;
      ++n;
    }
    return n == 0 ? -1 : value;
  }
  std::int64_t fraction_ns() {
    std::int64_t value = 0, scale = ns_per_s / 10;
    while (peek() >= '0' && peek() <= '9') {
      value += (peek() - '0') * scale;
      scale /= 10;
      ++at_;
    }
    return value;
  }
  std::string_view word() {
    const auto from = at_;
    while ((peek() | 32) >= 'a' && (peek() | 32) <= 'z')
      ++at_;
    return text_.substr(from, at_ - from);
  }
  std::string_view token() {
    const auto from = at_;
    while (!at_end() && peek() != ' ' && peek() != ']' && peek() != ',')
      ++at_;
    return text_.substr(from, at_ - from);
  }
  std::size_t place() const { return at_; }
  void move_to(std::size_t at) { at_ = at; }

private:
  std::string_view text_;
  std::size_t at_ = 0;
};

int month_of(std::string_view word) {
  static constexpr std::array<std::string_view, 12> names{"jan", "feb", "mar", "apr", "may", "jun",
                                                          "jul", "aug", "sep", "oct", "nov", "dec"};
  if (word.size() < 3)
    return 0;
  const char key[3] = {static_cast<char>(word[0] | 32), static_cast<char>(word[1] | 32),
                       static_cast<char>(word[2] | 32)};
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == std::string_view(key, 3))
      return static_cast<int>(i) + 1;
  return 0;
}

bool is_weekday(std::string_view word) {
  static constexpr std::array<std::string_view, 7> names{"monday", "tuesday",  "wednesday", "thursday",
                                                         "friday", "saturday", "sunday"};
  const auto same = [](char a, char b) { return (a | 32) == b; };
  return word.size() >= 3 && std::any_of(names.begin(), names.end(), [&](std::string_view name) {
           return (word.size() == 3 || word.size() == name.size()) &&
                  std::equal(word.begin(), word.end(), name.begin(), same);
         });
}

bool looks_like_a_zone(std::string_view word) {
  return word.size() >= 2 && word.size() <= 5 &&
         std::all_of(word.begin(), word.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

/// HH:mm[:ss[.fraction]] and AM/PM.
bool read_clock(time_cursor& at, civil_time& t) {
  t.hour = at.number(2);
  if (t.hour < 0 || !at.take(':'))
    return false;
  t.minute = at.number(2);
  if (t.minute < 0)
    return false;
  if (at.take(':')) {
    t.second = at.number(2);
    if (t.second < 0)
      return false;
    if (at.take_any(".,"))
      t.fraction_ns = at.fraction_ns();
  }
  return true;
}

bool read_abbreviation(std::string_view word, civil_time& t, const time_context& context) {
  if (context.abbreviations != nullptr)
    if (const auto own = context.abbreviations->find(word); own != context.abbreviations->end()) {
      t.zone = &own->second;
      return true;
    }
  t.offset_s = abbreviated_offset_s(word);
  if (t.offset_s)
    return true;
  if (context.unknown_zone == nullptr || !looks_like_a_zone(word))
    return false;
  *context.unknown_zone = word;
  return true;
}

/// Blanks, then a zone, AM/PM or nothing. False when something else is there.
bool read_zone_part(time_cursor& at, civil_time& t, const time_context& context) {
  at.skip_blanks();
  if (at.at_end())
    return true;
  const auto from = at.place();
  if (at.peek() == '+' || at.peek() == '-') {
    t.offset_s = parse_offset_s(at.token());
    return t.offset_s.has_value();
  }
  const auto word = at.word();
  if (word == "AM" || word == "am" || word == "PM" || word == "pm") {
    (word[0] == 'P' || word[0] == 'p' ? t.pm : t.am) = true;
    return read_zone_part(at, t, context);
  }
  if (word.empty())
    return false;
  if (read_abbreviation(word, t, context))
    return true;
  at.move_to(from);
  return false;
}

std::optional<unix_ns> finish_time(civil_time t, const time_context& context) {
  if (t.pm && t.hour < 12)
    t.hour += 12;
  if (t.am && t.hour == 12)
    t.hour = 0;
  if (t.month < 1 || t.month > 12 || t.day < 1 || t.day > 31 || t.hour > 24 || t.minute > 59 || t.second > 60)
    return std::nullopt;
  const bool guess_year = t.year < 0;
  const auto in_year = [&](int year) {
    const auto local_s = seconds_from_civil(year, t.month, t.day, t.hour, t.minute, t.second);
    const int offset_s = t.offset_s                ? *t.offset_s
                         : t.zone != nullptr       ? t.zone->offset_at_local(local_s)
                         : context.zone != nullptr ? context.zone->offset_at_local(local_s)
                                                   : 0;
    return (local_s - offset_s) * ns_per_s + t.fraction_ns;
  };
  if (!guess_year)
    return t.year > 2261 || t.year < 1678 ? std::nullopt : std::optional(in_year(t.year));
  if (context.received_at == 0)
    return in_year(1970);
  // The year that makes it the nearest time not after receipt; a day of slack for clocks that run ahead.
  const int year = 1970 + static_cast<int>(context.received_at / ns_per_s / 31'556'952);
  for (const int candidate : {year + 1, year, year - 1})
    if (const auto time = in_year(candidate); time <= context.received_at + 86'400 * ns_per_s)
      return time;
  return in_year(year);
}

/// yyyy-MM-dd, yyyy/MM/dd, then T, blank or ':', the clock and the zone.
std::optional<unix_ns> read_year_first(time_cursor at, const time_context& context) {
  civil_time t;
  t.year = at.number(4);
  if (!at.take_any("-/."))
    return std::nullopt;
  t.month = at.number(2);
  if (!at.take_any("-/."))
    return std::nullopt;
  t.day = at.number(2);
  if (at.at_end())
    return finish_time(t, context);
  if (!at.take_any("Tt :_"))
    return std::nullopt;
  at.skip_blanks();
  if (!read_clock(at, t))
    return std::nullopt;
  if (at.take(':')) // yyyy-MM-dd HH:mm:ss:SSS
    t.fraction_ns = at.fraction_ns();
  if (!read_zone_part(at, t, context))
    return std::nullopt;
  at.skip_blanks();
  return at.at_end() ? finish_time(t, context) : std::nullopt;
}

/// 10/Oct/2000:13:55:36 -0700, 23 Jun 2025 11:58:22 +0800, 13-Dec-22 08:01:02, 25/12/2019 10:11:12, 12/25/2019 1:02:03
/// PM.
std::optional<unix_ns> read_day_first(time_cursor at, const time_context& context) {
  civil_time t;
  t.day = at.number(2);
  if (!at.take_any("/- ."))
    return std::nullopt;
  const auto name = at.word();
  if (name.empty()) {
    t.month = at.number(2);
    if (t.day <= 12) // the American order, as a day over 12 in second place proves nothing for the others
      std::swap(t.day, t.month);
  } else {
    t.month = month_of(name);
  }
  if (!at.take_any("/- ."))
    return std::nullopt;
  t.year = at.number(4);
  if (t.year >= 0 && t.year < 100)
    t.year += 2000;
  if (at.at_end())
    return finish_time(t, context);
  if (!at.take_any(": T,"))
    return std::nullopt;
  at.skip_blanks();
  if (!read_clock(at, t) || !read_zone_part(at, t, context) || !at.at_end())
    return std::nullopt;
  return finish_time(t, context);
}

/// Oct 11 22:14:15, Oct 11 2023 22:14:15, Aug  1 03:34:23.05 2022, with or without a zone.
std::optional<unix_ns> read_month_first(time_cursor at, const time_context& context) {
  civil_time t;
  t.month = month_of(at.word());
  at.take('.');
  at.skip_blanks();
  t.day = at.number(2);
  if (t.month == 0 || t.day < 0)
    return std::nullopt;
  at.take(',');
  at.skip_blanks();
  if (at.peek(4) == ' ' || at.peek(4) == ',') {
    t.year = at.number(4);
    at.take(',');
    at.skip_blanks();
  }
  if (!read_clock(at, t) || !read_zone_part(at, t, context)) {
    at.skip_blanks();
    if (at.peek() < '0' || at.peek() > '9')
      return std::nullopt;
  }
  at.skip_blanks();
  if (!at.at_end()) {
    t.year = at.number(4);
    at.skip_blanks();
    if (t.year < 1000 || (!at.at_end() && !read_zone_part(at, t, context)))
      return std::nullopt;
  }
  return at.at_end() ? finish_time(t, context) : std::nullopt;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '[' || text.front() == '*' || text.front() == '.'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == ']' || text.back() == ':' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

/// yyyyMMddHHmmss
std::optional<unix_ns> read_digits_only(time_cursor at, const time_context& context) {
  civil_time t;
  t.year = at.number(4);
  for (auto* part : {&t.month, &t.day, &t.hour, &t.minute, &t.second})
    *part = at.number(2);
  return finish_time(t, context);
}

/// 0, as for any number that is no time, past what nanoseconds can hold.
std::int64_t sum_or_zero(std::int64_t a, std::int64_t b) {
  std::int64_t out = 0;
  return __builtin_add_overflow(a, b, &out) ? 0 : out;
}

/// A text of nothing but digits, one '.', an exponent.
std::optional<unix_ns> read_number_time(std::string_view text, const time_context& context, time_unit unit) {
  std::int64_t whole = 0;
  const auto* end = text.data() + text.size();
  if (const auto [at, code] = std::from_chars(text.data(), end, whole); code == std::errc{} && at == end) {
    constexpr std::int64_t least = 17000101000000, most = 22611231235959; // what nanoseconds since 1970 can hold
    if (text.size() == 14 && unit == time_unit::by_size && whole >= least && whole <= most)
      return read_digits_only(time_cursor(text), context);
    return time_from_number(whole, unit);
  }
  const auto point = text.find('.');
  if (point != std::string_view::npos && text.find_first_not_of("0123456789.") == std::string_view::npos && point > 0) {
    if (std::from_chars(text.data(), text.data() + point, whole).ec != std::errc{})
      return 0;
    const auto base = time_from_number(whole, unit);
    std::int64_t as_seconds = 0;
    if (__builtin_mul_overflow(whole, ns_per_s, &as_seconds) || base != as_seconds)
      return base;
    return sum_or_zero(base, time_cursor(text.substr(point + 1)).fraction_ns());
  }
  double real = 0;
  if (const auto [at, code] = std::from_chars(text.data(), end, real); code == std::errc{} && at == end)
    return time_from_number(real, unit);
  return std::nullopt;
}

} // namespace

unix_ns time_from_number(std::int64_t number, time_unit unit) {
  if (unit == time_unit::by_size) {
    const auto size = number < 0 ? -static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number);
    unit = size < 100'000'000'000           ? time_unit::s
           : size < 100'000'000'000'000     ? time_unit::ms
           : size < 100'000'000'000'000'000 ? time_unit::us
                                            : time_unit::ns;
  }
  const std::int64_t factor = unit == time_unit::s    ? ns_per_s
                              : unit == time_unit::ms ? ns_per_ms
                              : unit == time_unit::us ? 1000
                                                      : 1;
  std::int64_t out = 0;
  return __builtin_mul_overflow(number, factor, &out) ? 0 : out;
}

unix_ns time_from_number(double number, time_unit unit) {
  if (!(std::fabs(number) < 9.2e18))
    return 0;
  const auto whole = static_cast<std::int64_t>(number);
  const auto base = time_from_number(whole, unit);
  const double factor = whole == 0 ? 1e9 : static_cast<double>(base) / static_cast<double>(whole);
  return sum_or_zero(base, static_cast<std::int64_t>((number - static_cast<double>(whole)) * factor));
}

std::optional<unix_ns> parse_time_text(std::string_view text, const time_context& context, time_unit unit) {
  text = trimmed(text);
  if (text.size() < 6 || text.size() > 64)
    return std::nullopt;
  if (const auto comma = text.find(','); comma == 3 && text[0] > '9') // "Tue, 13 Dec …"
    text = trimmed(text.substr(4));
  else if (text[0] > '9' && month_of(text.substr(0, 3)) == 0 && (text[3] == ' '))
    text = trimmed(text.substr(4));
  if (text.size() < 6)
    return std::nullopt;
  if (text[0] > '9')
    return read_month_first(time_cursor(text), context);
  const auto digits = text.find_first_not_of("0123456789");
  if (digits == std::string_view::npos || text[digits] == 'E' || text[digits] == 'e' ||
      (text[digits] == '.' && text.find_first_not_of("0123456789.eE+", digits) == std::string_view::npos && digits > 4))
    return read_number_time(text, context, unit);
  return digits == 4 ? read_year_first(time_cursor(text), context) : read_day_first(time_cursor(text), context);
}

bool is_time_format(std::string_view format) {
  for (std::size_t i = 0; i + 1 < format.size(); ++i)
    if (format[i] == '%' && std::string_view("YymdebBaAHIpMSTfzs%").find(format[++i]) == std::string_view::npos)
      return false;
  return format.find('%') != std::string_view::npos && format.back() != '%';
}

std::optional<unix_ns> parse_time_format(std::string_view text, std::string_view format, const time_context& context) {
  civil_time t;
  time_cursor at(text);
  at.skip_blanks();
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] == ' ') {
      at.skip_blanks();
      continue;
    }
    if (format[i] != '%' || i + 1 == format.size()) {
      if (!at.take(format[i]))
        return std::nullopt;
      continue;
    }
    int* number = nullptr;
    int digits = 2;
    switch (format[++i]) {
    case 'Y':
      number = &t.year;
      digits = 4;
      break;
    case 'y':
      number = &t.year;
      break;
    case 'm':
      number = &t.month;
      break;
    case 'e':
      at.skip_blanks();
      [[fallthrough]];
    case 'd':
      number = &t.day;
      break;
    case 'H':
    case 'I':
      number = &t.hour;
      break;
    case 'M':
      number = &t.minute;
      break;
    case 'S':
      number = &t.second;
      break;
    case 'a':
    case 'A':
      if (!is_weekday(at.word()))
        return std::nullopt;
      continue;
    case 'T':
      if (!read_clock(at, t))
        return std::nullopt;
      continue;
    case 'b':
    case 'B':
      if ((t.month = month_of(at.word())) == 0)
        return std::nullopt;
      continue;
    case 'p':
      (at.peek() == 'P' || at.peek() == 'p' ? t.pm : t.am) = true;
      at.word();
      continue;
    case 'f':
      t.fraction_ns = at.fraction_ns();
      continue;
    case 'z':
      if (!read_zone_part(at, t, context))
        return std::nullopt;
      continue;
    case 's': {
      const auto rest = at.token();
      return read_number_time(rest, context, time_unit::s);
    }
    default:
      if (!at.take(format[i]))
        return std::nullopt;
      continue;
    }
    *number = at.number(digits);
    if (*number < 0)
      return std::nullopt;
    if (format[i] == 'y')
      t.year += 2000;
  }
  at.skip_blanks();
  return at.at_end() ? finish_time(t, context) : std::nullopt;
}

} // namespace soc::ingest
