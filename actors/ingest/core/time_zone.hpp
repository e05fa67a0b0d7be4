// ingest/core/time_zone.hpp - offsets of a named time zone, for logs that write local time. Read once while mappings or
// connectors are loaded (TZif files, RFC 8536), then a value.
#pragma once
#include <cstdint>
#include <map>
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

/// Abbreviations a mapping gives a meaning ("CST: Asia/Shanghai"): many are used for several zones.
using zone_names = std::map<std::string, time_zone, std::less<>>;

/// Zones by name, each looked up once; bounded, as names may come from logs. Owned by one normalizer.
class zone_book {
public:
  /// Null when the name is no offset, no IANA name and no abbreviation with one meaning.
  const time_zone* find(std::string_view name);

private:
  std::map<std::string, std::optional<time_zone>, std::less<>> zones_;
};

/// Offset of an abbreviation that means one zone only ("UTC", "CEST"; not "CST", "IST").
std::optional<int> abbreviated_offset_s(std::string_view name);

/// "+08:00", "-0330", "+8", "Z"; nothing for other text.
std::optional<int> parse_offset_s(std::string_view text);

} // namespace soc::ingest
