// node/partition_keeper.hpp - PARTITION KEEPER: starts the graph of each alert partition this node owns, stops those it
// no longer owns, and tells response to look for runs that came to it. Ownership is a pure function of the living
// nodes. First child of the supervisor "graph"; the partitions are its siblings, so that it starts them again when
// their supervisor was restarted.
#pragma once
#include "node/wiring.hpp"
#include "runtime/incident_interfaces.hpp"

#include <set>

namespace soc::node {

struct partition_keeper_state {
  static inline const char* name = "partition_keeper";
  std::set<std::uint32_t> running;
  std::set<std::uint32_t> changing; ///< started or stopped at the moment
  std::vector<std::string> nodes;
};
using partition_keeper_self = caf::stateful_actor<partition_keeper_state, observed_actor>;

struct partition_plan {
  wiring w;
  graph::settings_ptr settings;
  graph::router_ref router;
  supervisor_ref siblings; ///< the supervisor "graph"
  caf::actor response;     ///< hears recover_responses when ownership moved; may be empty
};

/// Takes transport::living_nodes.
caf::behavior partition_keeper(partition_keeper_self* self, partition_plan plan);

/// The key that partitions are owned by.
std::string partition_key(std::uint32_t partition);

} // namespace soc::node
