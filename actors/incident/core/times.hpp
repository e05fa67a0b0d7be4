// incident/core/times.hpp - how fast incidents were detected, confirmed and resolved, over time: MTTD, MTTA and MTTR by
// day or week, and how many deadlines were kept. Pure.
#pragma once
#include "incident/core/view.hpp"

namespace soc::incident {

struct time_figures {
  std::uint64_t incidents = 0;               ///< that have it
  double mean = -1, median = -1, worst = -1; ///< seconds; -1 = none has it
};
/// Deadlines that are decided, one way or the other.
struct deadline_figures {
  std::uint64_t decided = 0, kept = 0;
};
struct period_times {
  unix_ns from = 0;           ///< begin of the period
  std::uint64_t opened = 0;   ///< incidents whose first event is in it
  std::uint64_t resolved = 0; ///< of those
  time_figures detect, acknowledge, respond;
  deadline_figures confirmed_in_time, resolved_in_time;
};

/// By `period` since 1970, oldest first; merged incidents count with the one they went into. Periods without incidents
/// are left out.
std::vector<period_times> times_by_period(const std::vector<summary>& all, unix_ns period, unix_ns now);

} // namespace soc::incident
