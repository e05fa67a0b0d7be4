// correlation/core/window_rule.hpp - what is counted over time: Sigma's correlations as windows in event time, what
// they are fed with and what they answer. Values; no rule text and no events in here.
#pragma once
#include "base/hash.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace soc::correlation {

enum class window_kind : std::uint8_t {
  event_count,
  value_count,
  temporal,
  temporal_ordered,
  value_sum,
  value_avg,
  value_percentile
};
enum class bound : std::uint8_t { lt, lte, gt, gte, eq, neq };

struct window_rule {
  std::string id; ///< of the correlation; state in a snapshot is found again by it
  window_kind kind = window_kind::event_count;
  std::uint16_t positions = 1; ///< rules referred to, in order
  unix_ns timespan = 0;
  std::vector<std::pair<bound, double>> bounds; ///< all must hold; empty for temporal: all positions
  double percentile = 50;

  /// An upper bound can only be judged when the window is over: it fires at its end, else as soon as the bounds hold.
  bool fires_at_end() const;
};

/// A window further up that is fed when this one fires, and what is fed when that one does.
struct chained_window {
  std::uint32_t window = 0;
  std::uint16_t position = 0;
  std::string group; ///< key in that window
  std::vector<chained_window> next;
  bool operator==(const chained_window&) const = default;
};

/// One matched event for one window.
struct observation {
  std::uint32_t window = 0;
  std::uint16_t position = 0; ///< which of the rules matched
  unix_ns time = 0;           ///< of the event
  std::string group;          ///< tenant and values of group-by, joined; equal text = same group
  std::uint64_t value = 0;    ///< hash of the counted value (value_count)
  double number = 0;          ///< value_sum, value_avg, value_percentile
  digest event;               ///< id of the event: the same event again changes nothing
  std::vector<chained_window> next;
};

struct firing {
  std::uint32_t window = 0;
  std::string group;
  unix_ns first = 0, last = 0; ///< of the events that made it fire
  double measure = 0;          ///< count, distinct values, sum, average, percentile
  std::uint32_t events = 0;
  std::vector<digest> recent; ///< newest last, at most max_recent
  digest trigger;             ///< the event that made it fire; the last one when it fired at its end
  bool at_end = false;
};
constexpr std::size_t max_recent = 16;

struct window_limits {
  unix_ns lateness = 5 * 60 * ns_per_s; ///< events older than the newest by more than this are dropped and counted
  std::size_t max_groups = 2'000'000;   ///< of all windows; then the longest idle are evicted and counted
  std::size_t max_events = 4096;        ///< kept in one group; then the oldest go, counted
};

struct window_counters {
  std::uint64_t observed = 0, repeated = 0, late = 0, fired = 0, expired_groups = 0, evicted_groups = 0,
                evicted_events = 0;
};

} // namespace soc::correlation
