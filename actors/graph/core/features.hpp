// graph/core/features.hpp - what the graph looks at in an alert: hashes of asset, kind and entities with their base
// weights, and what the aggregation rules say. Made once an alert, dropped after its placement. Pure.
#pragma once
#include "graph/core/settings.hpp"

#include <map>
#include <unordered_map>

namespace soc::graph {

struct entity_feature {
  std::uint64_t hash = 0;
  const model::entity* of = nullptr;
  double weight = 0; ///< nats, before rarity and fading
};

struct features {
  std::uint64_t asset = 0; ///< hash of the entity it happened on
  std::string_view asset_label;
  std::uint64_t kind = 0; ///< hash of rule and title
  policy says;
  double added = 0;        ///< to the surprise: severity, intelligence, stage, rule; nats
  int tactic = -1;         ///< furthest along the kill chain, -1 = unknown
  bool identified = false; ///< names a source or actor of its own
  std::vector<entity_feature> entities;
};

std::uint64_t entity_hash(model::entity_type type, std::string_view key);

/// Reads features; caches what the rules say of a kind. Not thread-safe: one per graph.
class feature_reader {
public:
  explicit feature_reader(const settings& from) : settings_(from) {}
  features read(const model::alert& a);

private:
  policy policy_of(const model::alert& a, std::uint64_t signature);
  const settings& settings_;
  std::unordered_map<std::uint64_t, policy> cached_;
};

/// The values of a `keys` rule, joined; empty when the alert has none of them.
std::string key_values(const aggregation_rule& rule, const model::alert& a);

} // namespace soc::graph
