#include "node/intel_keeper.hpp"

namespace soc::node {

namespace {

/// A file that was written just now may not be finished: it is loaded once it has stayed the same this long.
constexpr std::chrono::seconds settle{2};

void take_over(intel_keeper_self* self, intel::intelligence_ptr what) {
  auto& o = self->state.options;
  note_intelligence(*o.metrics, *what);
  o.in_use->set(what);
  for (const auto& detector : o.detectors)
    self->send(detector, detection::use_intelligence{what});
}

void load(intel_keeper_self* self) {
  auto& o = self->state.options;
  auto request = o.sources;
  request.forget_before = self->now() - (7LL * 24 * 3600 * ns_per_s);
  diagnostics found;
  auto next = std::make_shared<intel::intelligence>();
  next->fields = o.in_use->get()->fields;
  intel::load_indicators(request, next->indicators, found);
  o.metrics->counter("soc_intel_refreshes_total", {{"outcome", found.errors() == 0 ? "taken" : "refused"}}).add(1);
  if (found.errors() == 0) {
    take_over(self, next);
    if (o.log)
      o.log->info("indicators refreshed: {}", next->indicators->size());
  } else if (o.log) {
    const auto& first = found.all().front();
    o.log->error("changed indicators are not used, the ones before stay: {} {} ({} errors)", first.place.file,
                 first.message, found.errors());
  }
}

void look(intel_keeper_self* self) {
  auto& state = self->state;
  const auto stamp = intel::stamp_of_sources(state.options.sources);
  const bool is_settled = stamp == std::exchange(state.seen, stamp);
  if (stamp != state.loaded && is_settled) {
    state.loaded = stamp;
    load(self);
  }
  self->delayed_send(self, stamp != state.loaded ? settle : state.options.every, look_at_sources{});
}

} // namespace

void note_intelligence(metrics_board& metrics, const intel::intelligence& what) {
  const auto& set = *what.indicators;
  for (std::size_t i = 0; i < set.sources().size(); ++i)
    for (std::size_t kind = 0; kind < intel::kind_count; ++kind)
      metrics
          .gauge("soc_intel_indicators",
                 {{"source", set.sources()[i].name},
                  {"kind", std::string(intel::to_string(static_cast<intel::indicator_kind>(kind)))}},
                 "indicators in use")
          .set(static_cast<double>(set.counts()[i].of_kind[kind]));
  metrics.gauge("soc_intel_bytes", {}, "memory of the indicators in use").set(static_cast<double>(set.memory_bytes()));
}

caf::behavior intel_keeper(intel_keeper_self* self, intel_keeper_options options) {
  auto& state = self->state;
  state.options = std::move(options);
  note_intelligence(*state.options.metrics, *state.options.in_use->get());
  if (state.options.every.count() > 0) {
    state.loaded = state.seen = intel::stamp_of_sources(state.options.sources);
    self->delayed_send(self, state.options.every, look_at_sources{});
  }
  return {
      [self](look_at_sources) { look(self); },
      [self](const watch_sources& m) {
        auto& s = self->state;
        s.options.sources = m.sources;
        s.loaded = s.seen = intel::stamp_of_sources(m.sources);
        note_intelligence(*s.options.metrics, *s.options.in_use->get());
      },
  };
}

} // namespace soc::node
