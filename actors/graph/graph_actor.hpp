// graph/graph_actor.hpp - GRAPH: the entity graphs of one partition, one a tenant. Takes alerts in the order of the
// stream, sends what they decide to the incidents, and answers an alert only when every incident it changed has it.
// Snapshots with the stream sequence they cover; after a restart it replays the stream from there: incidents ignore
// what they have.
#pragma once
#include "graph/core/ordered_intake.hpp"
#include "runtime/actor.hpp"
#include "runtime/incident_interfaces.hpp"

namespace soc::graph {

struct graph_options {
  std::string name = "0";   ///< of the partition: key of its snapshots
  std::string alert_filter; ///< subjects of the partition in ALERTS ("soc.*.alert.0"), for the replay; empty = none
  settings_ptr settings = default_settings();
  std::chrono::milliseconds join_timeout{10'000};
  std::chrono::milliseconds recovery_timeout{120'000};
  std::uint64_t snapshot_every = 5000;                   ///< alerts
  std::chrono::milliseconds decisions_kept_after{5'000}; ///< what people decide comes in bursts: one snapshot for many
  std::size_t max_tenants = 1000;
};

struct graph_ports {
  router_ref router; ///< the incident manager
  store_ref store;
  journal_ref journal; ///< reads the stream ALERTS back
  /// Decodes a message of the stream (wire/alert_wire.hpp).
  std::function<result<std::vector<model::alert_ptr>>(std::string_view)> decode;
};

struct graph_state {
  static inline const char* name = "graph";
  graph_state() = default;
  struct waiting_alert {
    alert_placed answer;
    std::size_t open = 0; ///< decisions not durable yet
    std::vector<caf::typed_response_promise<alert_placed>> promises;
    bool failed = false;
    std::uint64_t sequence = 0;
  };
  struct held_alert { ///< until alerts that may be late have come
    std::uint64_t sequence = 0;
    std::vector<caf::typed_response_promise<alert_placed>> promises;
  };
  graph_options options;
  graph_ports ports;
  std::map<std::string, ordered_intake> intakes;               ///< by tenant; only with a lateness tolerance
  std::map<std::string, held_alert> held;                      ///< by alert id
  std::map<std::string, std::unique_ptr<entity_graph>> graphs; ///< by tenant
  std::map<std::string, waiting_alert> waiting;                ///< by alert id
  std::map<std::uint64_t, bool> sequences;                     ///< in flight: sequence → durable
  std::uint64_t covered = 0, last_sequence = 0, since_snapshot = 0;
  bool keeps_decisions = false; ///< a snapshot of what people decided is due
};
using graph_actor = caf::stateful_actor<graph_state, observed_actor>;

/// To itself: alerts that were held for long enough go on.
struct release_held {};
/// To itself: what people decided is to be kept, no alert brings it back.
struct keep_decisions {};

/// Accepts graph_interface.
caf::behavior graph_behavior(graph_actor* self, graph_options options, graph_ports ports);

} // namespace soc::graph

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::graph::release_held)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::graph::keep_decisions)
