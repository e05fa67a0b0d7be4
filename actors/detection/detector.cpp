#include "detection/detector.hpp"

#include "detection/core/alert_builder.hpp"
#include "detection/intel_alerts.hpp"

#include <algorithm>

namespace soc::detection {

namespace {

/// What is known of the event by indicators. An event that was not mapped yet is mapped and judged again: only then its
/// own time is known, and an indicator may have ended before it.
std::span<const intel::indicator_match> known_of(detector_state& state, model::event_batch& batch, model::event& ev) {
  if (!state.indicators)
    return {};
  const auto received_at = batch.raw ? batch.raw->received_at : 0;
  auto known = state.indicators->match(ev, received_at);
  if (!known.empty() && !ev.mapped && state.complete) {
    state.complete(batch, ev);
    known = state.indicators->match(ev, received_at);
  }
  state.indicators->count(known);
  return known;
}

/// Appends the alerts of one event.
void detect_event(detector_state& state, const alert_builder& builder, model::event_batch& batch, model::event& ev,
                  unix_ns now, std::vector<model::alert_ptr>& out) {
  const auto& program = state.matching->of();
  const auto matched = state.matching->match(ev);
  const auto known = known_of(state, batch, ev);
  const bool native = state.options.native_alerts && ev.class_uid == detection_finding_class;
  if (matched.empty() && known.empty() && !native)
    return;
  if (!ev.mapped && state.complete)
    state.complete(batch, ev);
  for (const auto rule : matched)
    if (program.rules()[rule].generate)
      out.push_back(builder.build(batch, ev, program.rules()[rule].header, now));
  if (state.options.correlations && !program.correlations().empty())
    for (auto& alert : state.options.correlations->observe(state.rules, batch, ev, matched, now))
      out.push_back(std::move(alert));
  for (const auto& match : known)
    out.push_back(build_intel_alert(builder, batch, ev, state.indicators->indicators(), match, now));
  if (native)
    out.push_back(builder.native(batch, ev, now));
}

/// The alerts of one batch, in the order of its events.
std::vector<model::alert_ptr> alerts_of(detector_state& state, model::event_batch& batch, unix_ns now) {
  if (state.types != batch.types) {
    state.matching->forget_types();
    state.types = batch.types;
  }
  std::vector<model::alert_ptr> out;
  const alert_builder builder(batch.dictionary);
  for (auto& ev : batch.events)
    detect_event(state, builder, batch, ev, now, out);
  if (state.options.correlations && !state.rules->correlations().empty())
    for (auto& alert : state.options.correlations->over(state.rules, now))
      out.push_back(std::move(alert));
  state.events += batch.events.size();
  state.alerts += out.size();
  return out;
}

rule_statistics statistics_of(const detector_state& state) {
  rule_statistics out;
  out.events = state.events;
  out.alerts = state.alerts;
  out.regex_limits_exceeded = state.matching->limits_exceeded();
  const auto& rules = state.matching->of().rules();
  const auto& counters = state.matching->counters();
  for (std::size_t i = 0; i < rules.size(); ++i)
    if (counters[i].tried > 0)
      out.rules.push_back({rules[i].header.id, rules[i].header.title, counters[i].hits, counters[i].tried,
                           static_cast<double>(counters[i].sampled_ns) * sample_every / 1e9, counters[i].last_hit});
  std::sort(out.rules.begin(), out.rules.end(), [](const auto& a, const auto& b) {
    return a.seconds != b.seconds ? a.seconds > b.seconds : a.tried > b.tried;
  });
  if (state.indicators) {
    const auto& sources = state.indicators->indicators().sources();
    for (std::size_t i = 0; i < sources.size(); ++i) {
      const auto& hits = state.indicators->hits()[i];
      out.sources.push_back({"intel/" + sources[i].name, "indicators of " + sources[i].name, hits.hits,
                             state.indicators->lookups(), 0, hits.last_hit});
    }
  }
  return out;
}

std::uint64_t steady_ns() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

void use(detector_state& state, std::shared_ptr<const program> rules) {
  state.matching = std::make_unique<matcher>(rules, steady_ns);
  state.rules = std::move(rules);
}

void use(detector_state& state, intel::intelligence_ptr what) {
  state.indicators.reset();
  if (what && what->indicators && what->indicators->size() > 0)
    state.indicators = std::make_unique<intel::indicator_matcher>(std::move(what));
}

} // namespace

caf::behavior detector(detector_actor* self, detector_options options) {
  self->state.options = std::move(options);
  use(self->state, self->state.options.rules->get());
  if (self->state.options.intelligence)
    use(self->state, self->state.options.intelligence->get());
  if (self->state.options.make_completer)
    self->state.complete = self->state.options.make_completer();
  return {
      [self](const detect_batch& m) {
        auto alerts = alerts_of(self->state, *m.batch, self->now());
        self->state.options.publisher.send(self, publish_alerts{std::move(alerts), m.ticket, m.source});
      },
      [self](const use_rules& m) {
        self->state.options.rules->set(m.rules);
        use(self->state, m.rules);
      },
      [self](const use_intelligence& m) {
        if (self->state.options.intelligence)
          self->state.options.intelligence->set(m.intelligence);
        use(self->state, m.intelligence);
      },
      [self](const get_rule_statistics&) { return statistics_of(self->state); },
  };
}

} // namespace soc::detection
