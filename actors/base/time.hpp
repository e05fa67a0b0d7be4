// base/time.hpp - points in time as unix nanoseconds, and the clock as a value that is passed in: cores never ask for
// the time, shells hand it to them. Formats and parses RFC 3339.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace soc {

/// Nanoseconds since 1970-01-01T00:00:00Z. 0 means "not known".
using unix_ns = std::int64_t;

constexpr unix_ns ns_per_ms = 1'000'000;
constexpr unix_ns ns_per_s = 1'000'000'000;
/// 2262-01-01T00:00:00Z: later times are read as this one, for nanoseconds hold 101 days more.
constexpr std::int64_t last_second = 9'214'646'400;

/// Where "now" comes from. The node owns one; tests pass a manual one.
class clock_source {
public:
  virtual ~clock_source() = default;
  virtual unix_ns now() const = 0;
};

/// The machine's wall clock.
class system_clock_source final : public clock_source {
public:
  unix_ns now() const override;
};

/// A clock a test moves by hand.
class manual_clock final : public clock_source {
public:
  explicit manual_clock(unix_ns start) : now_(start) {}
  unix_ns now() const override { return now_; }
  void advance(std::chrono::nanoseconds by) { now_ += by.count(); }

private:
  unix_ns now_;
};

/// "2026-11-24T08:45:00.123Z": UTC, milliseconds.
std::string format_rfc3339(unix_ns time);

/// Parses RFC 3339 / ISO 8601 with `T` or a space, 0–9 fraction digits (`.` or `,`), `Z`, `±hh:mm`, `±hhmm` or no zone.
/// Without a zone `default_offset_s` (seconds east of UTC) holds. Nothing if the text is not such a time, or one before
/// 1678.
std::optional<unix_ns> parse_rfc3339(std::string_view text, int default_offset_s = 0);

/// Unix seconds of a civil UTC time; fields are not checked. (Howard Hinnant's days_from_civil.)
std::int64_t seconds_from_civil(int year, int month, int day, int hour, int minute, int second);

} // namespace soc
