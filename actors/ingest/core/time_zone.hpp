// ingest/core/time_zone.hpp - offsets of a named time zone, for logs that write local time. Read once while mappings or
// connectors are loaded (TZif files, RFC 8536), then a value.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace soc::ingest {

class time_zone {
public:
  time_zone() = default;
  explicit time_zone(int offset_s) : fixed_(offset_s) {}

  /// "UTC", "Z", "+08:00", "-0330", "+8" or an IANA name of the system's zone database; nothing when unknown.
  static std::optional<time_zone> find(std::string_view name);

  /// Seconds east of UTC at a local civil time (given as if it were UTC). In a gap or overlap: the earlier offset.
  int offset_at_local(std::int64_t local_s) const;
  bool is_fixed() const { return transitions_.empty(); }

private:
  struct transition {
    std::int64_t utc_s;
    int offset_s;
  };
  int fixed_ = 0; ///< before the first transition
  std::vector<transition> transitions_;
};

/// "+08:00", "-0330", "+8", "Z"; nothing for other text.
std::optional<int> parse_offset_s(std::string_view text);

} // namespace soc::ingest
