// transport/membership.hpp - MEMBERSHIP: writes this node's heartbeat to KV soc_nodes, hears the others', and tells
// subscribers who lives. The first living_nodes comes when the bucket has been read, so that a starting node does not
// think it is alone.
#pragma once
#include "runtime/actor.hpp"
#include "transport/nats_link.hpp"
#include "transport/node_view.hpp"

#include <optional>
#include <vector>

namespace soc::transport {

/// To subscribers: now (if known) and on every change.
struct living_nodes {
  std::vector<std::string> nodes; ///< sorted, never without this node
  std::uint64_t epoch = 0;        ///< grows with every change seen by this node
};
struct watch_nodes {
  caf::actor subscriber; ///< a stable handle; forgotten when it is gone for good
};
/// Answered with all_nodes: the address book, dead ones too.
struct nodes_query {};
struct all_nodes {
  std::vector<known_node> nodes;
  std::uint64_t epoch = 0;
};
/// Says good-bye: others take over at once. Answered when sent.
struct leave_cluster {};
struct left_cluster {};
using membership_interface = accepts<watch_nodes, nodes_query, leave_cluster>;
using membership_ref = ref<membership_interface>;

struct membership_options {
  node_info self;
  std::chrono::milliseconds heartbeat{1000};
  std::chrono::milliseconds dead_after{5000};
};

struct membership_state {
  static inline const char* name = "membership";
  membership_state() = default;
  nats_link_ptr link;
  membership_options options;
  std::optional<nats_inbox> inbox;
  nats_subscription heartbeats, book;
  nats_watch watch;
  std::optional<node_view> view;
  std::vector<caf::actor> subscribers;
  std::uint64_t next_token = 1, epoch = 0;
  std::chrono::steady_clock::time_point ask_again_at;
  bool settled = false, leaving = false;
};
using membership_actor = caf::stateful_actor<membership_state, observed_actor>;

/// Accepts membership_interface.
caf::behavior membership(membership_actor* self, nats_link_ptr link, membership_options options);

} // namespace soc::transport

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::living_nodes)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::watch_nodes)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::nodes_query)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::all_nodes)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::leave_cluster)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::left_cluster)
