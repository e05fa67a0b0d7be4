#include "tools/soc/event_findings.hpp"

#include "detection/intel_alerts.hpp"

#include <algorithm>
#include <tuple>

namespace soc::cli {

event_findings::event_findings(finding_sources from)
    : matching_(from.rules), windows_(std::move(from.rules)), builder_(std::move(from.names)), native_(from.native) {
  if (from.intelligence && from.intelligence->indicators->size() > 0)
    indicators_.emplace(std::move(from.intelligence));
}

void event_findings::take(const model::event_batch& batch) {
  for (const auto& ev : batch.events) {
    take_rules(batch, ev);
    take_others(batch, ev);
  }
}

void event_findings::take_rules(const model::event_batch& batch, const model::event& ev) {
  const auto matched = matching_.match(ev);
  if (matched.empty())
    return;
  model::alert_ptr last;
  for (const auto rule : matched) {
    const auto& r = matching_.of().rules()[rule];
    if (r.generate)
      alerts_.push_back(last = builder_.build(batch, ev, r.header, ev.time));
  }
  if (!windows_.is_needed())
    return;
  const auto id = model::event_id(batch, ev);
  auto seen = windows_.gather(ev, matched, detection::digest_of(id), detection::tenant_of(batch));
  if (seen.empty())
    return;
  if (!last)
    last = builder_.build(batch, ev, matching_.of().rules()[matched.front()].header, ev.time);
  counted_.push_back({ev.time, id, std::move(seen), std::move(last)});
}

void event_findings::take_others(const model::event_batch& batch, const model::event& ev) {
  if (indicators_)
    for (const auto& match : indicators_->match(ev, ev.time))
      alerts_.push_back(detection::build_intel_alert(builder_, batch, ev, indicators_->indicators(), match, ev.time));
  if (native_ && ev.class_uid == detection::detection_finding_class)
    alerts_.push_back(builder_.native(batch, ev, ev.time));
}

std::vector<model::alert_ptr> event_findings::finish() {
  correlate();
  std::sort(alerts_.begin(), alerts_.end(),
            [](const auto& a, const auto& b) { return std::tie(a->time, a->id) < std::tie(b->time, b->id); });
  alerts_.erase(
      std::unique(alerts_.begin(), alerts_.end(), [](const auto& a, const auto& b) { return a->id == b->id; }),
      alerts_.end());
  return std::move(alerts_);
}

/// Several sources overlap in time, windows want one order; an event that came twice counts once.
void event_findings::correlate() {
  std::sort(counted_.begin(), counted_.end(),
            [](const auto& a, const auto& b) { return std::tie(a.time, a.id) < std::tie(b.time, b.id); });
  const auto end = std::unique(counted_.begin(), counted_.end(),
                               [](const auto& a, const auto& b) { return a.time == b.time && a.id == b.id; });
  const auto raise = [&](const std::vector<detection::correlation_hit>& hits, const model::alert* about) {
    for (const auto& hit : hits)
      alerts_.push_back(detection::build_correlation_alert(matching_.of(), hit, hit.firing.at_end ? nullptr : about,
                                                           hit.firing.last));
  };
  for (auto it = counted_.begin(); it != end; ++it)
    raise(windows_.feed(it->seen), it->about.get());
  constexpr unix_ns far_ahead = 400LL * 24 * 3600 * ns_per_s; // nothing more comes: windows that wait are over
  if (windows_.is_needed())
    raise(windows_.advance(windows_.windows().newest() + far_ahead), nullptr);
  counted_.clear();
}

} // namespace soc::cli
