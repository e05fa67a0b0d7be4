// transport/alert_publisher.hpp - ALERT PUBLISHER: encodes the alerts of a batch, publishes each to
// soc.<tenant>.alert.<partition> and its OCSF JSON beside it, and answers the source once JetStream has all of them
// (alert_publisher_interface). While NATS is away alerts are kept, then whole batches wait, then batches are given
// back: the sources are held. An alert that cannot be encoded goes to the dead letters and stops nothing.
#pragma once
#include "runtime/actor.hpp"
#include "transport/nats_link.hpp"
#include "transport/outbox.hpp"

#include <deque>
#include <map>
#include <optional>

namespace soc::transport {

struct alert_publisher_options {
  std::uint32_t partitions = 8; ///< as stream_options::alert_partitions
  outbox_limits limits;
  std::size_t max_waiting_batches = 1024;
  std::chrono::milliseconds tick{50};
};

struct alert_publisher_query {};
struct alert_publisher_status {
  std::size_t pending_messages = 0, pending_bytes = 0, waiting_batches = 0;
  std::uint64_t alerts = 0, batches = 0, resent = 0, given_back = 0, dead_letters = 0;
  std::string last_error;
};

struct alert_publisher_state {
  static inline const char* name = "alert_publisher";
  alert_publisher_state() = default;
  struct open_batch {
    source_ref source;
    std::uint64_t ticket = 0;
    std::size_t missing = 0; ///< acknowledgements, and dead letters not stored yet
    std::string failed;      ///< why it is given back, empty = fine
  };
  nats_link_ptr link;
  alert_publisher_options options;
  std::optional<nats_inbox> acks;
  nats_watch watch;
  std::optional<outbox> box;
  std::map<std::uint64_t, open_batch> batches; ///< by number
  std::map<std::uint64_t, std::uint64_t> batch_of_token;
  std::deque<publish_alerts> waiting;
  std::uint64_t next_batch = 1;
  alert_publisher_status totals;
  bool ticking = false;
};
using alert_publisher_actor = caf::stateful_actor<alert_publisher_state, observed_actor>;

/// Accepts alert_publisher_interface, and alert_publisher_query.
caf::behavior alert_publisher(alert_publisher_actor* self, nats_link_ptr link, alert_publisher_options options);

} // namespace soc::transport

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::alert_publisher_query)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::alert_publisher_status)
