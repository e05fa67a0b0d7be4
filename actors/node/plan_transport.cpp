#include "base/hash.hpp"
#include "node/control_gateway.hpp"
#include "node/root_side.hpp"
#include "node/watch.hpp"
#include "node/wiring.hpp"
#include "transport/alert_publisher.hpp"
#include "transport/bus.hpp"
#include "transport/journal.hpp"
#include "transport/stream_keeper.hpp"

#include <fmt/format.h>

#include <unistd.h>

namespace soc::node {

namespace {

transport::stream_options stream_options_of(const config& c) {
  transport::stream_options options;
  options.alert_partitions = c.alert_partitions;
  options.max_bytes = static_cast<std::int64_t>(c.nats.max_stream_bytes);
  options.max_age = c.nats.max_age;
  options.replicas = c.nats.replicas;
  return options;
}

transport::membership_options membership_options_of(const wiring& w) {
  transport::membership_options options;
  options.self.node = w.settings.name;
  options.self.version = "0.1.0";
  options.self.started_at = w.clock->now();
  options.self.incarnation = id_builder().add(w.clock->now()).add(static_cast<std::int64_t>(::getpid())).hex();
  return options;
}

} // namespace

child_spec plan_nats_server(const wiring& w) {
  // A server that keeps dying must not take the node down: sources are held and it is tried again.
  supervisor_spec spec;
  spec.limits.intensity = 1000;
  if (w.server_site)
    spec.children.push_back(child("server", transport::nats_server_child, w.server_site));
  return supervisor_child("nats", std::move(spec));
}

child_spec plan_transport(const wiring& w) {
  supervisor_spec spec;
  transport::alert_publisher_options publishing;
  publishing.partitions = w.settings.alert_partitions;
  transport::node_bus_options talking;
  talking.node = w.settings.name;
  spec.children.push_back(child("stream-keeper", transport::stream_keeper, w.link, stream_options_of(w.settings)));
  spec.children.push_back(child("journal", transport::journal, w.link, transport::journal_options{}));
  spec.children.push_back(child("bus", transport::bus, w.link, transport::bus_options{}));
  spec.children.push_back(child("alert-publisher", transport::alert_publisher, w.link, publishing));
  spec.children.push_back(child("membership", transport::membership, w.link, membership_options_of(w)));
  spec.children.push_back(child("node-bus", transport::node_bus, w.link, talking,
                                ref<transport::control_handler_interface>(w.actors->reserve("control/gateway")),
                                ref<transport::envelope_handler_interface>(w.actors->reserve("incidents/router"))));
  return supervisor_child("transport", std::move(spec));
}

child_spec plan_control(const wiring& w, control::node_services services) {
  supervisor_spec spec;
  const ref<control::control_interface> control(w.actors->reserve("control/answers"));
  spec.children.push_back(child("answers", control::control_actor, std::move(services)));
  spec.children.push_back(child("gateway", control_gateway, control));
  spec.children.push_back(child<caf::detached>("root-side", root_side, w));
  spec.children.push_back(child("watch", watch, w));
  return supervisor_child("control", std::move(spec));
}

} // namespace soc::node
