#include "incident/core/sla.hpp"

#include <algorithm>

namespace soc::incident {

std::string_view to_string(deadline what) {
  return what == deadline::acknowledge ? "acknowledge" : "resolve";
}

sla_view sla_of(const std::vector<sla_rule>& rules, const nlohmann::json& document, const sla_times& times) {
  sla_view out;
  const auto rule = std::find_if(rules.begin(), rules.end(), [&](const auto& r) { return r.when.matches(document); });
  if (rule == rules.end() || times.opened_at == 0)
    return out;
  const auto after = [](unix_ns start, std::int64_t seconds) { return seconds == 0 ? 0 : start + seconds * ns_per_s; };
  out.rule = rule->id;
  const auto near = [&](unix_ns start, std::int64_t seconds) {
    return rule->warn_percent == 0 ? 0 : after(start, seconds * rule->warn_percent / 100);
  };
  const auto began = std::max(times.opened_at, times.reopened_at);
  out.acknowledge = {after(times.opened_at, rule->acknowledge_s), times.acknowledged_at, times.missed_acknowledge,
                     near(times.opened_at, rule->acknowledge_s), times.warned_acknowledge};
  out.resolve = {after(began, rule->resolve_s), times.resolved_at, times.missed_resolve, near(began, rule->resolve_s),
                 times.warned_resolve};
  return out;
}

next_deadline next_of(const sla_view& sla, unix_ns now) {
  next_deadline out;
  const auto look = [&](deadline what, const deadline_view& one) {
    if (one.by == 0 || one.met_at != 0 || one.missed)
      return;
    const bool near = one.warn_at != 0 && !one.warned && one.by > now;
    const auto at = near ? one.warn_at : one.by;
    if (out.at == 0 || at < out.at)
      out = {what, one.by, at, near};
  };
  look(deadline::acknowledge, sla.acknowledge);
  look(deadline::resolve, sla.resolve);
  return out;
}

sla_outcome outcome_of(const deadline_view& one, unix_ns now) {
  if (one.by == 0)
    return sla_outcome::none;
  if (one.met_at != 0)
    return one.met_at <= one.by ? sla_outcome::kept : sla_outcome::missed;
  return one.missed || now > one.by ? sla_outcome::missed : sla_outcome::open;
}

} // namespace soc::incident
