// node/watch.hpp - WATCH: keeps the view of the living nodes and writes to the log what an operator wants to know
// without asking: nodes that come and go, actors that fail, NATS going away and coming back. One a node, supervised.
#pragma once
#include "node/wiring.hpp"

#include <map>

namespace soc::node {

struct watch_tick {};

struct watch_state {
  static inline const char* name = "watch";
  logger_ptr log;
  std::shared_ptr<living_view> living;
  transport::nats_link_ptr link;
  metric_gauge* connected_gauge = nullptr;
  std::map<std::string, unix_ns> failures; ///< path → last failure told
  bool connected = false, told = false;
};
using watch_self = caf::stateful_actor<watch_state, observed_actor>;

/// Takes transport::living_nodes.
caf::behavior watch(watch_self* self, wiring w);

} // namespace soc::node

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::node::watch_tick)
