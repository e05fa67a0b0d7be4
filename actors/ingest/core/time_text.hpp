// ingest/core/time_text.hpp - times as logs write them. Pure: the zone of times without one and the time of receipt
// (for times without a year) are passed in.
#pragma once
#include "base/time.hpp"
#include "ingest/core/time_zone.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace soc::ingest {

enum class time_unit : std::uint8_t { by_size, s, ms, us, ns };

struct time_context {
  const time_zone* zone = nullptr;           ///< null = UTC
  unix_ns received_at = 0;                   ///< 0 = not known: a missing year becomes 1970
  const zone_names* abbreviations = nullptr; ///< of the mapping, before those with one meaning
  /// Given: gets the zone of a time that names one nobody knows. Such a time is read in `zone`.
  std::string_view* unknown_zone = nullptr;
};

/// Unix time of a number. `by_size` tells seconds, milliseconds, microseconds and nanoseconds by their digits.
unix_ns time_from_number(std::int64_t number, time_unit unit = time_unit::by_size);
unix_ns time_from_number(double number, time_unit unit = time_unit::by_size);

/// All formats of docs/mapping.md "Times", told apart by their shape; nothing when it is none of them.
std::optional<unix_ns> parse_time_text(std::string_view text, const time_context& context,
                                       time_unit unit = time_unit::by_size);

/// By an explicit format: %Y %y %m %d %e %b %B %a %A %H %I %p %M %S %T %f (fraction) %z (offset or name) %s (unix s)
/// %%; a blank stands for any number of blanks. The whole text must fit.
std::optional<unix_ns> parse_time_format(std::string_view text, std::string_view format, const time_context& context);

/// False for an unknown % directive.
bool is_time_format(std::string_view format);

} // namespace soc::ingest
