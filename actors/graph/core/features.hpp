// graph/core/features.hpp - what the graph looks at in an alert: hashes of asset, kind and entities with their base
// weights, and what the aggregation rules say. Made once an alert, dropped after its placement. Pure.
#pragma once
#include "graph/core/settings.hpp"

#include <map>
#include <unordered_map>
#include <unordered_set>

namespace soc::graph {

struct entity_feature {
  std::uint64_t hash = 0;
  const model::entity* of = nullptr;
  double weight = 0;    ///< nats, before rarity and fading
  double contexts = -1; ///< background::contexts, filled in by the graph
};

struct features {
  std::uint64_t asset = 0; ///< hash of the entity it happened on
  std::string_view asset_label;
  std::uint64_t kind = 0; ///< hash of rule and title
  policy says;
  double added = 0;           ///< to the surprise: severity, intelligence, stage, rule; nats
  int tactic = -1;            ///< furthest along the kill chain, -1 = unknown
  bool identified = false;    ///< names a source or actor of its own
  double asset_contexts = -1; ///< background::contexts of the asset, filled in by the graph
  std::vector<entity_feature> entities;
};

std::uint64_t entity_hash(model::entity_type type, std::string_view key);

/// Reads features; caches what the rules say of a kind. Not thread-safe: one per graph.
class feature_reader {
public:
  explicit feature_reader(const settings& from);
  features read(const model::alert& a);

private:
  policy policy_of(const model::alert& a, std::uint64_t signature);
  bool is_dull(const model::entity& e);
  const settings& settings_;
  bool all_by_signature_ = true;
  std::unordered_map<std::uint64_t, policy> cached_;
  std::unordered_set<std::string> dull_; ///< lower-case "type:label"
  std::size_t longest_dull_ = 0;
  std::string scratch_;
};

/// The values of a `keys` rule, joined; empty when the alert has none of them.
std::string key_values(const aggregation_rule& rule, const model::alert& a);

} // namespace soc::graph
