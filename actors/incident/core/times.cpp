#include "incident/core/times.hpp"

#include <algorithm>
#include <map>
#include <numeric>

namespace soc::incident {

namespace {

time_figures figures_of(std::vector<double> seconds) {
  std::erase_if(seconds, [](double s) { return s < 0; });
  time_figures out;
  out.incidents = seconds.size();
  if (seconds.empty())
    return out;
  std::sort(seconds.begin(), seconds.end());
  const auto half = seconds.size() / 2;
  out.mean = std::accumulate(seconds.begin(), seconds.end(), 0.0) / static_cast<double>(seconds.size());
  out.median = seconds.size() % 2 == 1 ? seconds[half] : (seconds[half - 1] + seconds[half]) / 2;
  out.worst = seconds.back();
  return out;
}

struct gathered_times {
  std::vector<double> detect, acknowledge, respond;
  deadline_figures confirmed, resolved;
};

void count(deadline_figures& to, const deadline_view& one, unix_ns now) {
  const auto outcome = outcome_of(one, now);
  to.kept += outcome == sla_outcome::kept ? 1 : 0;
  to.decided += outcome == sla_outcome::kept || outcome == sla_outcome::missed ? 1 : 0;
}

} // namespace

std::vector<period_times> times_by_period(const std::vector<summary>& all, unix_ns period, unix_ns now) {
  std::map<unix_ns, gathered_times> periods;
  for (const auto& s : all) {
    if (!s.merged_into.empty() || period <= 0)
      continue;
    auto& g = periods[s.first_event / period * period];
    g.detect.push_back(s.times.detect);
    g.acknowledge.push_back(s.times.acknowledge);
    g.respond.push_back(s.times.respond);
    count(g.confirmed, s.sla.acknowledge, now);
    count(g.resolved, s.sla.resolve, now);
  }
  std::vector<period_times> out;
  for (auto& [from, g] : periods) {
    period_times p;
    p.from = from;
    p.opened = g.detect.size();
    p.detect = figures_of(std::move(g.detect));
    p.acknowledge = figures_of(std::move(g.acknowledge));
    p.respond = figures_of(std::move(g.respond));
    p.resolved = p.respond.incidents;
    p.confirmed_in_time = g.confirmed;
    p.resolved_in_time = g.resolved;
    out.push_back(p);
  }
  return out;
}

} // namespace soc::incident
