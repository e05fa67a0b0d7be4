// response/core/schedule.hpp - playbooks that run by the clock (`schedules:` in config/response/*.yaml). Pure: the
// times at which one is due are a function of its definition, so every node and every restart sees the same ones.
#pragma once
#include "response/core/rule.hpp"

namespace soc::response {

/// How long after its time a run that could not begin (the node was down) is still made up for; then it is left out.
constexpr unix_ns max_late_ns = 3600 * ns_per_s;

/// The latest time at or before `now` at which `s` was due; nothing when there is none.
std::optional<unix_ns> latest_due(const run_schedule& s, unix_ns now);

/// The runs that are due and not known yet: one a schedule, its id made of schedule and time.
std::vector<wanted_run> due_runs(const std::vector<run_schedule>& all, unix_ns now, const is_known_run& is_known);

} // namespace soc::response
