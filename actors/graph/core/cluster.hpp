// graph/core/cluster.hpp - a growing group of related alerts: a candidate first, an incident once it says enough. Owned
// by the entity graph; kept while it may still take alerts. Plain values, bounded.
#pragma once
#include "graph/core/bounded_table.hpp"
#include "graph/core/explanation.hpp"
#include "graph/core/settings.hpp"

#include <string>
#include <vector>

namespace soc::graph {

struct cluster_asset {
  unix_ns last = 0; ///< of any alert
  unix_ns last_network = 0;
  float host_evidence = 0;    ///< suspicion above everyday of host alerts on it, nats
  float network_evidence = 0; ///< the same of network alerts
  std::string label;
};

struct cluster_entity {
  unix_ns last = 0;
  std::uint16_t roles = 0; ///< bit n: seen as entity_role n
};

struct cluster_kind {
  unix_ns last = 0;
  bool network = false;
  bool several = false;    ///< seen on more than one asset
  std::uint64_t asset = 0; ///< where it was seen first
};

/// An asset that came in only because of one entity: what to doubt when that entity turns out to be common.
struct bridge {
  std::uint64_t entity = 0;
  std::string entity_label, asset_label;
};

/// An alert of a candidate, kept until the candidate opens or is forgotten.
struct waiting_alert {
  model::alert_ptr alert;
  explanation why;
};

constexpr std::size_t max_cluster_assets = 4096;
constexpr std::size_t max_cluster_entities = 4096;
constexpr std::size_t max_cluster_kinds = 4096;
constexpr std::size_t max_bridges = 64;

struct cluster {
  std::uint32_t number = 0; ///< order of making, unique in one graph
  std::string id;           ///< of the incident it is or would be: from its first alert
  aggregation mode = aggregation::graph;
  bool open = false;        ///< an incident
  bool first_sight = false; ///< gathers first sightings while learning
  std::uint64_t key = 0;    ///< same_type and keys: what it is for
  unix_ns first = 0, last = 0;
  double score = 0; ///< suspicion above everyday, nats
  int tactic = -1;  ///< furthest along the kill chain
  double host_evidence = 0;
  model::severity level = model::severity::unknown; ///< the gravest of its alerts
  bounded_table<cluster_asset> assets{max_cluster_assets};
  bounded_table<cluster_entity> entities{max_cluster_entities};
  bounded_table<cluster_kind> kinds{max_cluster_kinds};           ///< by kind
  bounded_table<cluster_kind> kinds_on_assets{max_cluster_kinds}; ///< by asset and kind
  std::vector<bridge> bridges;
  std::vector<waiting_alert> waiting;
};

} // namespace soc::graph
