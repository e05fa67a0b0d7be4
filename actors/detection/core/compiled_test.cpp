#include "detection/core/compiled_test.hpp"

#include "base/hash.hpp"

#include <charconv>
#include <chrono>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace soc::detection {

std::size_t string_hash::operator()(std::string_view text) const {
  return hash64(text);
}

namespace {

/// Compares the first and the last byte of `needle` in 16 places at once.
bool contains_text(std::string_view text, std::string_view needle) {
  if (needle.size() <= 1 || text.size() < needle.size())
    return needle.empty() || (needle.size() == 1 && text.find(needle[0]) != std::string_view::npos);
  std::size_t i = 0;
#ifdef __SSE2__
  const __m128i first = _mm_set1_epi8(needle.front()), last = _mm_set1_epi8(needle.back());
  for (; i + needle.size() - 1 + 16 <= text.size(); i += 16) {
    const auto load = [&](std::size_t at) {
      return _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
    };
    auto hits = static_cast<unsigned>(_mm_movemask_epi8(
        _mm_and_si128(_mm_cmpeq_epi8(load(i), first), _mm_cmpeq_epi8(load(i + needle.size() - 1), last))));
    for (; hits != 0; hits &= hits - 1) {
      const auto at = i + static_cast<std::size_t>(__builtin_ctz(hits));
      if (std::char_traits<char>::compare(text.data() + at, needle.data(), needle.size()) == 0)
        return true;
    }
  }
#endif
  return text.substr(i).find(needle) != std::string_view::npos;
}

bool shape_matches(pattern_shape shape, std::string_view text, std::string_view literal) {
  switch (shape) {
  case pattern_shape::exact:
    return text == literal;
  case pattern_shape::prefix:
    return text.starts_with(literal);
  case pattern_shape::suffix:
    return text.ends_with(literal);
  case pattern_shape::contains:
    return contains_text(text, literal);
  default:
    return true;
  }
}

bool compares(compare_op op, double left, double right) {
  switch (op) {
  case compare_op::lt:
    return left < right;
  case compare_op::lte:
    return left <= right;
  case compare_op::gt:
    return left > right;
  case compare_op::gte:
    return left >= right;
  case compare_op::eq:
    return left == right;
  case compare_op::neq:
    return left != right;
  }
  return false;
}

bool number_matches(const compiled_match& match, const model::value& value) {
  if (match.part != time_part::none) {
    const auto part = time_part_of(value, match.part);
    return part && compares(match.op, static_cast<double>(*part), match.number);
  }
  const auto number = number_of_value(value);
  return number && compares(match.op, *number, match.number);
}

} // namespace

std::optional<double> number_of_value(const model::value& value) {
  switch (value.kind()) {
  case model::value_kind::integer:
    return static_cast<double>(value.integer());
  case model::value_kind::real:
    return value.real();
  case model::value_kind::string: {
    double out = 0;
    const auto text = value.text();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error == std::errc{} && end == text.data() + text.size() && !text.empty())
      return out;
    return std::nullopt;
  }
  default:
    return std::nullopt;
  }
}

std::optional<std::int64_t> time_part_of(const model::value& value, time_part part) {
  std::optional<unix_ns> time;
  if (value.is_string())
    time = parse_rfc3339(value.text());
  else if (value.kind() == model::value_kind::integer && value.integer() > -last_second &&
           value.integer() < last_second)
    time = value.integer() * ns_per_s;
  if (!time)
    return std::nullopt;
  using namespace std::chrono;
  const sys_time<nanoseconds> point{nanoseconds(*time)};
  const auto day = floor<days>(point);
  const year_month_day date(day);
  const hh_mm_ss clock(point - day);
  switch (part) {
  case time_part::minute:
    return clock.minutes().count();
  case time_part::hour:
    return clock.hours().count();
  case time_part::day:
    return static_cast<unsigned>(date.day());
  case time_part::month:
    return static_cast<unsigned>(date.month());
  case time_part::year:
    return static_cast<int>(date.year());
  case time_part::week: { // ISO 8601: the week of the Thursday
    const auto thursday = day - (weekday(day) - Monday) + days(3);
    const auto first = sys_days(year_month_day(thursday).year() / January / 1);
    return (thursday - first).count() / 7 + 1;
  }
  default:
    return std::nullopt;
  }
}

bool value_matches(const compiled_match& match, const seen_value& value, std::uint64_t& exceeded) {
  switch (match.kind) {
  case match_kind::text:
    if (value.data.is_null())
      return false;
    if (match.shape == pattern_shape::glob)
      return (match.needed.empty() || contains_text(value.folded, match.needed)) &&
             matches_glob(match.pieces, match.cased ? value.text : value.folded);
    return shape_matches(match.shape, match.cased ? value.text : value.folded, match.text);
  case match_kind::regex:
    return !value.data.is_null() && match.regex->search(value.text, exceeded);
  case match_kind::network:
    return contains_address(match.network, value.text);
  case match_kind::compare:
    return number_matches(match, value.data);
  case match_kind::exists:
    return match.truth;
  case match_kind::null:
    return value.data.is_null();
  default:
    return false;
  }
}

bool field_matches(const compiled_match& match, const seen_value& left, const seen_value& right) {
  if (left.data.is_null() || right.data.is_null())
    return false;
  return match.cased ? shape_matches(match.shape, left.text, right.text)
                     : shape_matches(match.shape, left.folded, right.folded);
}

} // namespace soc::detection
