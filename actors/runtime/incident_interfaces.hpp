// runtime/incident_interfaces.hpp - every message of the incident and graph actors: what the node wires and the shell
// asks. Immutable, inside one process; what crosses nodes goes as wire bytes in remote_request. Requests are answered
// with the named struct or a caf::error (runtime/error.hpp).
#pragma once
#include "graph/core/entity_graph.hpp"
#include "incident/core/view.hpp"
#include "runtime/interfaces.hpp"
#include "runtime/response_interfaces.hpp"

namespace soc::incident {

using view_ptr = std::shared_ptr<const view>;

// ---- Asked of the manager (any node: it sends on what another node owns).

// Ids that people give may be beginnings of one (at least 4 characters); an empty tenant then is any.

/// A change by a person or another component → command_done.
struct change_incident {
  std::string tenant = "default", id;
  command asked;
  std::string who;
};
struct command_done {
  bool changed = false;
  std::uint64_t version = 0; ///< events folded in
  view_ptr incident;         ///< as it is now; null from another node's older version
};
/// By a person: `from` goes into `into`. Kept against later automatic decisions → command_done of `into`.
struct merge_incidents {
  std::string tenant = "default", from, into, why_json, who;
};
struct unmerge_incidents { ///< takes `from` out of `into` again → command_done of `from`
  std::string tenant = "default", from, into, who;
};
/// Alerts of `from` go to `to`, empty = a new incident → command_done of the one they went to.
struct move_alerts {
  std::string tenant = "default", from, to;
  std::vector<std::string> alert_ids;
  std::string who;
};
struct get_incident { ///< → command_done, changed = false; not_found
  std::string tenant = "default", id;
};
struct list_incidents { ///< → incident_list, from the read model of this node: all nodes' incidents
  std::string tenant;   ///< empty = all
  std::string status;   ///< empty = all but closed, false_positive and merged; "all"
  std::size_t limit = 200;
};
struct incident_list {
  std::vector<summary> all; ///< highest score first
  std::uint64_t total = 0;
};
struct incident_metrics_request {}; ///< → incident_metrics
struct incident_metrics {
  std::map<std::string, std::uint64_t> counters; ///< "incidents_open", "alerts_joined", "appends", "publishes", …
  durations mean;                                ///< over incidents that have each
};

/// A message of the stream INCIDENTS (subject soc.<tenant>.incident.<id>.<change>): feeds the read model. No answer.
struct incident_published {
  std::string subject, payload;
};

// ---- Between nodes. The node wires `remote` to the node bus, and what comes in from there to the manager.

/// To the node that owns the incident → remote_answer, or the failure as an error.
struct remote_request {
  std::string node, incident_id;
  std::string message; ///< "incident"
  std::string payload;
  std::chrono::milliseconds timeout{5000};
};
struct remote_answer {
  std::string payload;
};
using remote_interface = accepts<remote_request>;
using remote_ref = ref<remote_interface>;
/// From another node → remote_answer.
struct remote_delivery {
  std::string payload;
};

/// join_alert → alert_joined once it is in the journal. task_changed has no answer.
using manager_interface =
    accepts<join_alert, change_incident, merge_incidents, unmerge_incidents, move_alerts, get_incident, list_incidents,
            incident_metrics_request, incident_published, remote_delivery, response::task_changed, drain>;
using manager_ref = ref<manager_interface>;

// ---- Asked of one incident actor (by its manager only).

struct apply_command { ///< → command_done once durable
  command asked;
  std::string who;
};
struct get_view {}; ///< → command_done
struct get_merge {  ///< what another takes over → merge_content
  std::string why_json;
};
struct merge_content {
  take_merge content;
  std::uint64_t version = 0; ///< of the incident it is taken from
};
struct get_alerts { ///< → held_alerts
  std::vector<std::string> ids;
};
struct held_alerts {
  std::vector<sample> all;
};
/// From an incident actor to its manager: it changed durably. No answer.
struct incident_noted {
  view_ptr incident;
};
using incident_interface = accepts<join_alert, apply_command, get_view, get_merge, get_alerts, drain>;
using incident_ref = ref<incident_interface>;

} // namespace soc::incident

namespace soc::graph {

/// One alert of the stream ALERTS, in order → alert_placed once every incident it changes has it in its journal. A
/// failure: deliver again.
struct place_alert {
  model::alert_ptr alert;
  std::uint64_t sequence = 0; ///< of the stream: the snapshot says up to where it covers
};
struct alert_placed {
  placing what = placing::everyday;
  std::string incident_id; ///< of this alert, empty when in none
};
/// What a person decided, so that the graph keeps to it and learns. No answer.
struct person_decided {
  enum class kind : std::uint8_t { merged, split, closed, closed_false_positive } what = kind::merged;
  std::string tenant, from, into;
  std::vector<model::alert_ptr> moved;
};
struct graph_query {}; ///< → graph_status
struct graph_status {
  graph_counts counts;
  std::uint64_t covered_sequence = 0; ///< of the last snapshot
  std::size_t in_flight = 0;
};
using graph_interface = accepts<place_alert, person_decided, graph_query, drain>;
using graph_ref = ref<graph_interface>;

/// Where the graph sends its decisions: the incident manager.
using router_interface = accepts<join_alert, incident::merge_incidents, incident::change_incident>;
using router_ref = ref<router_interface>;

} // namespace soc::graph

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::incident::change_incident)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::incident::command_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::incident::merge_incidents)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::incident::unmerge_incidents)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::incident::move_alerts)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::incident::get_incident)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::incident::list_incidents)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::incident::incident_list)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::incident::incident_metrics_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::incident::incident_metrics)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::incident::incident_published)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::incident::remote_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::incident::remote_answer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::incident::remote_delivery)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::incident::apply_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::incident::get_view)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::incident::get_merge)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::incident::merge_content)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::incident::get_alerts)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::incident::held_alerts)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::incident::incident_noted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::graph::place_alert)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::graph::alert_placed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::graph::person_decided)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::graph::graph_query)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::graph::graph_status)
