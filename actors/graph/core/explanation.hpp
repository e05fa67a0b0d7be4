// graph/core/explanation.hpp - why the graph put an alert where it is: as data and in words. Values; made with a
// placement, kept in the incident's journal as JSON.
#pragma once
#include "base/result.hpp"
#include "model/entity.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace soc::graph {

/// One thing that spoke for the placement.
struct reason {
  std::string
      kind; ///< entity, asset, signature, time, tactic, sweep, rule, alone, suspicion, first_sight, person, founder
  std::string type; ///< of the entity: "ip"; empty for the others
  std::string key, label;
  double weight = 0; ///< nats
  std::string words; ///< one clause for a person
  bool operator==(const reason&) const = default;
};

struct explanation {
  double suspicion = 0; ///< how unlikely the alert is on an ordinary day, nats
  double links = 0;     ///< sum of the weights that tie it to the incident, nats
  double needed = 0;    ///< suspicion + links had to reach this
  std::string rule;     ///< aggregation rule that decided, empty = the default
  std::vector<reason> reasons;
  bool operator==(const explanation&) const = default;
};

std::string to_json(const explanation& why);
/// The explanation of such JSON; an empty one for other text.
explanation explanation_from_json(std::string_view json);
/// One sentence: "shares ip 203.0.113.9 (4.0) and is on web-1 (3.2); unusual here (7.1)".
std::string in_words(const explanation& why);

} // namespace soc::graph
