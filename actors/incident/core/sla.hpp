// incident/core/sla.hpp - how long an incident may wait: until a person has confirmed it, until it is resolved. The
// times are rules (rules/aggregation/sla.yaml); the clock starts when the incident is opened, for the second anew when
// it is reopened. Loaded once, read-only, shared. Pure.
#pragma once
#include "base/json_condition.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace soc::incident {

/// Numbers cross the wire and the disk: append only.
enum class deadline : std::uint8_t { acknowledge = 0, resolve = 1 };
std::string_view to_string(deadline what); ///< "acknowledge", "resolve"

struct sla_rule {
  std::string id;
  json_condition when; ///< over the incident: severity_id, severity, tenant, scenario, stages, assets, score
  std::int64_t acknowledge_s = 0, resolve_s = 0; ///< 0 = no such deadline
  int warn_percent = 0; ///< of the time gone by when it is told that the deadline is near, 0 = never
};

/// One clock of an incident. `by` 0 = it has none.
struct deadline_view {
  unix_ns by = 0;
  unix_ns met_at = 0;  ///< 0 = not yet; may be later than `by`
  bool missed = false; ///< that it passed is in the history
  unix_ns warn_at = 0; ///< from when it is near, 0 = that isn't told
  bool warned = false; ///< that it is near is in the history
};
struct sla_view {
  std::string rule; ///< the one whose times these are, empty = none
  deadline_view acknowledge, resolve;
};

/// What the clocks stand on.
struct sla_times {
  unix_ns opened_at = 0, reopened_at = 0, acknowledged_at = 0, resolved_at = 0;
  bool missed_acknowledge = false, missed_resolve = false;
  bool warned_acknowledge = false, warned_resolve = false;
};
/// By the first rule that holds for `document`.
sla_view sla_of(const std::vector<sla_rule>& rules, const nlohmann::json& document, const sla_times& times);

/// What is to be noted next of the deadlines that have neither been met nor noted as missed; `at` 0 = nothing. Of one
/// that has passed already nobody is warned.
struct next_deadline {
  deadline what = deadline::acknowledge;
  unix_ns by = 0, at = 0; ///< when it passes; when to note it
  bool near = false;      ///< that it is near, not that it passed
};
next_deadline next_of(const sla_view& sla, unix_ns now);

/// Whether it was kept, missed, or neither yet.
enum class sla_outcome : std::uint8_t { none, open, kept, missed };
sla_outcome outcome_of(const deadline_view& one, unix_ns now);

} // namespace soc::incident
