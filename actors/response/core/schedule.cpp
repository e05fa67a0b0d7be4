#include "response/core/schedule.hpp"

#include <fmt/format.h>

namespace soc::response {

namespace {

constexpr std::int64_t day_s = 86'400;

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

/// 0 = Sunday; 1 January 1970 was a Thursday.
int day_of_week(std::int64_t day) {
  return static_cast<int>(((day + 4) % 7 + 7) % 7);
}

} // namespace

std::optional<unix_ns> latest_due(const run_schedule& s, unix_ns now) {
  const auto now_s = floor_div(now, ns_per_s);
  if (s.every_s > 0)
    return floor_div(now_s, s.every_s) * s.every_s * ns_per_s;
  if (s.at_min.empty())
    return std::nullopt;
  const auto local_s = now_s + s.offset_min * 60;
  const auto today = floor_div(local_s, day_s);
  for (auto day = today; day > today - 8; --day) {
    if (!s.days.empty() && !s.days.contains(day_of_week(day)))
      continue;
    for (auto minute = s.at_min.rbegin(); minute != s.at_min.rend(); ++minute)
      if (const auto due = day * day_s + *minute * 60; due <= local_s)
        return (due - s.offset_min * 60) * ns_per_s;
  }
  return std::nullopt;
}

std::vector<wanted_run> due_runs(const std::vector<run_schedule>& all, unix_ns now, const is_known_run& is_known) {
  std::vector<wanted_run> out;
  for (const auto& s : all) {
    const auto due = s.enabled ? latest_due(s, now) : std::nullopt;
    if (!due || now - *due > max_late_ns)
      continue;
    wanted_run run;
    run.id = run_id_of("schedule " + s.id, s.tenant, std::to_string(*due));
    if (is_known(run.id))
      continue;
    run.tenant = s.tenant;
    run.rule_id = s.id;
    run.asked_by = "schedule:" + s.id;
    run.playbook = s.playbook;
    run.mode = s.mode;
    run.veto_s = s.veto_s;
    run.approve_within_s = s.approve_within_s;
    run.inputs = s.inputs;
    run.reason = fmt::format("{}: due at {}", s.title, format_rfc3339(*due));
    out.push_back(std::move(run));
  }
  return out;
}

} // namespace soc::response
