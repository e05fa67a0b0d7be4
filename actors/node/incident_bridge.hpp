// node/incident_bridge.hpp - small actors between transport and the incidents and graphs: messages of NATS streams
// become theirs and answers become acknowledgements; what another node owns crosses as envelopes. Supervised, without
// state of their own.
#pragma once
#include "node/wiring.hpp"
#include "runtime/incident_interfaces.hpp"
#include "runtime/response_interfaces.hpp"
#include "transport/stream_puller.hpp"

#include <deque>
#include <functional>

namespace soc::node {

struct bridge_state {
  static inline const char* name = "bridge";
};
using bridge_self = caf::stateful_actor<bridge_state, observed_actor>;

/// ALERTS → graph: decodes, places, acknowledges once every incident has it; poison to the dead letters.
caf::behavior alert_sink(bridge_self* self, graph::graph_ref to);

/// ALERTS → the response's rules with `trigger: alert`: acknowledges once the runs they want are in their journals.
/// `wanted`: whether there are such rules at the moment; without, nothing is decoded.
caf::behavior response_sink(bridge_self* self, response::alert_listener_ref to, std::function<bool()> wanted);

/// INCIDENTS → the read model of the incident manager.
caf::behavior incident_sink(bridge_self* self, incident::manager_ref to);

/// incident::remote_request → transport::send_envelope.
caf::behavior remote_incidents(bridge_self* self, transport::node_bus_ref bus, std::string node);

/// transport::deliver_envelope → incident::remote_delivery.
caf::behavior aggregate_router(bridge_self* self, incident::manager_ref to);

/// The newest alerts of all nodes, for the shell. Bounded ring; written by its sink, read by anyone.
class recent_alerts {
public:
  explicit recent_alerts(std::size_t limit = 1000) : limit_(limit) {}
  void add(model::alert_ptr alert);
  /// Newest first.
  std::vector<model::alert_ptr> newest(std::size_t count) const;

private:
  mutable std::mutex mutex_;
  std::deque<model::alert_ptr> all_;
  std::size_t limit_;
};

/// ALERTS, ordered from where the node starts → the ring.
caf::behavior recent_sink(bridge_self* self, std::shared_ptr<recent_alerts> ring);

} // namespace soc::node
