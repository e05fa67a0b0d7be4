#include "lake/gate_actor.hpp"
#include "lake/keeper_actor.hpp"
#include "lake/search_actor.hpp"
#include "lake/writer_actor.hpp"
#include "node/event_conditions.hpp"
#include "node/wiring.hpp"

#include <fmt/format.h>

namespace soc::node {

namespace {

lake::block_sizes block_sizes_of(const event_store_config& c) {
  lake::block_sizes sizes;
  sizes.level = c.level;
  return sizes;
}

lake::writer_options writer_options_of(const wiring& w, std::uint32_t lane) {
  const auto& c = w.settings.event_store;
  lake::writer_options options;
  options.lane = lane;
  options.store = w.events;
  options.keeper = lake::keeper_ref(w.actors->reserve("events/keeper"));
  options.sizes = block_sizes_of(c);
  options.limits.bytes = c.segment_bytes;
  options.limits.age = c.segment_age;
  options.required = c.required;
  options.metrics = w.metrics;
  options.make_completer = [mappings = w.mappings]() -> lake::event_completer {
    auto work = std::make_shared<ingest::normalizer>(mappings->make());
    return [work](model::event_batch& batch, model::event& ev) { work->complete(batch, ev); };
  };
  return options;
}

lake::keeper_options keeper_options_of(const wiring& w) {
  const auto& c = w.settings.event_store;
  lake::keeper_options options;
  options.store = w.events;
  options.sizes = block_sizes_of(c);
  options.limits = {std::chrono::nanoseconds(c.max_age).count(), c.max_bytes, c.min_free_bytes};
  options.metrics = w.metrics;
  options.log = [log = w.log](const std::string& text) { log->info("{}", text); };
  return options;
}

lake::search_options search_options_of(const wiring& w) {
  lake::search_options options;
  options.store = w.events;
  options.time_limit = w.settings.event_store.search_time;
  options.compile = [content = w.content, fields = resolve(w.settings, w.settings.content.fields)](
                        const std::string& text, const std::string& source) {
    return compile_condition(text, source, fields, *content->get()->dictionary);
  };
  options.reading = [content = w.content] {
    const auto now = content->get();
    return reading_with(now->mappings, now->dictionary);
  };
  return options;
}

} // namespace

/// Writers, keeper and search block on the disk: each has a thread of its own.
child_spec plan_events(const wiring& w) {
  supervisor_spec spec;
  if (!w.events)
    return supervisor_child("events", std::move(spec));
  spec.children.push_back(child<caf::detached>("keeper", lake::event_keeper, keeper_options_of(w)));
  spec.children.push_back(child<caf::detached>("search", lake::search_worker, search_options_of(w)));
  for (std::uint32_t lane = 0; lane < w.settings.pipeline.lanes; ++lane) {
    auto writing = child<caf::detached>(fmt::format("writer-{}", lane), lake::event_writer, writer_options_of(w, lane));
    writing.drains = true;
    spec.children.push_back(std::move(writing));
    spec.children.push_back(child(fmt::format("gate-{}", lane), lake::event_gate, w.detector(lane),
                                  lake::writer_ref(w.actors->reserve(fmt::format("events/writer-{}", lane)))));
  }
  return supervisor_child("events", std::move(spec));
}

} // namespace soc::node
