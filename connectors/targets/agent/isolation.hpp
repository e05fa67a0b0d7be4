// targets/agent/isolation.hpp - cuts this machine off the network with an nftables table of its own: everything is
// dropped but loopback and the addresses that the agent needs (NATS, and those its file names). Stays until it is
// released or the machine starts again. Functions; runs nft.
#pragma once
#include "connectors/targets/agent/agent_order.hpp"

#include <vector>

namespace soc::targets {

struct isolation_rules {
  std::vector<std::string> allowed; ///< addresses and networks that stay reachable
  std::string network_namespace;    ///< of tests: instead of the agent's own
};

agent_answer isolate_host(const isolation_rules& rules);
agent_answer release_host(const isolation_rules& rules);
/// {"isolated"}.
agent_answer look_at_isolation(const isolation_rules& rules);

/// The ruleset as nft takes it; for tests.
std::string isolation_ruleset(const std::vector<std::string>& allowed);

} // namespace soc::targets
