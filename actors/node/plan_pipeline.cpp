#include "connectors/sources/http/raw_pull.hpp"
#include "ingest/quarantine_replayer.hpp"
#include "node/correlation_keeper.hpp"
#include "node/intel_keeper.hpp"
#include "node/wiring.hpp"
#include "transport/stream_puller.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::node {

namespace {

using raw_source = sources::raw_consumer<transport::pulled_message, transport::pull_ack, transport::pull_reject,
                                         transport::pull_progress>;

detection::detector_options detector_options_of(const wiring& w) {
  detection::detector_options options;
  options.rules = w.rules;
  options.intelligence = w.intelligence;
  options.publisher = w.publisher();
  options.correlations = w.correlations;
  options.make_completer = [mappings = w.mappings]() -> detection::event_completer {
    auto work = std::make_shared<ingest::normalizer>(mappings->make());
    return [work](model::event_batch& batch, model::event& ev) { work->complete(batch, ev); };
  };
  return options;
}

ingest::normalizer_actor_options normalizer_options_of(const wiring& w, std::uint32_t lane) {
  ingest::normalizer_actor_options options;
  options.mappings = w.mappings;
  options.detector = w.first_detector(lane);
  options.store = w.store();
  options.metrics = w.metrics;
  return options;
}

ingest::quarantine_replayer_options replayer_options_of(const wiring& w) {
  ingest::quarantine_replayer_options options;
  options.store = w.store();
  options.lane = w.normalizer(0);
  options.context_of = [content =
                            w.content](const std::string& name) -> std::shared_ptr<const model::connector_context> {
    const auto now = content->get();
    const auto found = std::find_if(now->connectors.begin(), now->connectors.end(),
                                    [&](const auto& connector) { return connector.name == name; });
    return found == now->connectors.end() ? nullptr : found->context;
  };
  return options;
}

intel_keeper_options intel_options_of(const wiring& w) {
  intel_keeper_options options;
  options.sources = intel_request_of(w.settings, w.clock->now());
  options.every = std::chrono::seconds(w.settings.content.intel_refresh_s);
  options.in_use = w.intelligence;
  for (std::uint32_t lane = 0; lane < w.settings.pipeline.lanes; ++lane)
    options.detectors.push_back(w.detector(lane).actor());
  options.metrics = w.metrics;
  options.log = w.log;
  return options;
}

/// Detached: it reads files.
child_spec intel_child(const wiring& w) {
  child_spec spec;
  spec.name = "intel";
  spec.start = start_with<caf::detached>(intel_keeper, intel_options_of(w));
  return spec;
}

} // namespace

sources::source_environment source_environment_of(const wiring& w) {
  sources::source_environment e;
  for (std::uint32_t lane = 0; lane < w.settings.pipeline.lanes; ++lane)
    e.lanes.push_back(w.normalizer(lane));
  e.store = w.store();
  e.bus = w.bus();
  e.clock = w.clock;
  e.credit.batches = w.settings.pipeline.credit_batches;
  e.credit.bytes = w.settings.pipeline.credit_bytes;
  e.metrics = w.metrics;
  e.root = w.settings.root;
  return e;
}

child_spec plan_pipeline(const wiring& w) {
  supervisor_spec spec;
  auto keeping = child("correlations", correlation_keeper, w.correlations, w.store());
  keeping.drains = true;
  spec.children.push_back(std::move(keeping));
  spec.children.push_back(intel_child(w));
  for (std::uint32_t lane = 0; lane < w.settings.pipeline.lanes; ++lane) {
    spec.children.push_back(child(fmt::format("detector-{}", lane), detection::detector, detector_options_of(w)));
    spec.children.push_back(
        child(fmt::format("normalizer-{}", lane), ingest::normalizer_actor, normalizer_options_of(w, lane)));
  }
  spec.children.push_back(child("quarantine-replayer", ingest::quarantine_replayer, replayer_options_of(w)));
  return supervisor_child("pipeline", std::move(spec));
}

namespace {

/// As they are configured now: a reload may have changed them since the boot.
supervisor_spec connectors_now(const wiring& w) {
  supervisor_spec spec;
  spec.limits = {50, std::chrono::seconds(10)}; // one source that can't run must not end the others
  for (const auto& connector : w.content->get()->connectors) {
    auto environment = source_environment_of(w);
    environment.context = connector.context;
    spec.children.push_back(sources::source_child(connector.name, connector.plan, environment));
  }
  return spec;
}

} // namespace

child_spec plan_connectors(const wiring& w) {
  auto out = supervisor_child("connectors", {});
  out.start = [w](caf::actor_system& system, actor_context context) {
    return supervisor_child("connectors", connectors_now(w)).start(system, std::move(context));
  };
  return out;
}

/// What any node's push sources stored in RAW is processed by whichever node has room: one durable consumer for all.
child_spec plan_raw(const wiring& w) {
  transport::puller_options pulling;
  pulling.stream = "RAW";
  pulling.streams = w.streams();
  pulling.durable = "raw-pipeline";
  pulling.filter = "soc.*.raw.*";
  pulling.credit = 64;
  pulling.ack_wait = std::chrono::seconds(60);
  auto environment = source_environment_of(w);
  supervisor_spec spec;
  spec.children.push_back(child("consumer", raw_source::run, std::move(environment)));
  spec.children.push_back(child("puller", transport::stream_puller, w.link, pulling,
                                transport::pull_sink_ref(w.actors->reserve("raw/consumer"))));
  return supervisor_child("raw", std::move(spec));
}

} // namespace soc::node
