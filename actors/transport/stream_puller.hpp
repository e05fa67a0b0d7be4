// transport/stream_puller.hpp - STREAM PULLER: brings the messages of a stream to one actor, at most `credit`
// unanswered at a time. Durable: a named consumer of the stream, each message delivered until the sink acknowledges it;
// after max_deliveries it goes to the dead letters. Ordered: from a sequence on, each message once and in order
// (projections); a gap starts the consumer again.
#pragma once
#include "runtime/actor.hpp"
#include "transport/nats_link.hpp"
#include "transport/protocol.hpp"
#include "transport/stream_keeper.hpp"

#include <map>
#include <optional>
#include <string>

namespace soc::transport {

/// What a sink answers to the puller that a message came from. Exactly one of the first three a message.
struct pull_ack {
  std::uint64_t message = 0; ///< pulled_message::message
};
struct pull_nak { ///< not now: deliver it again after `delay`
  std::uint64_t message = 0;
  std::chrono::milliseconds delay{1000};
};
struct pull_reject { ///< poison: to the dead letters, with the reason
  std::uint64_t message = 0;
  std::string reason;
};
struct pull_progress { ///< still at it: ack_wait starts again
  std::uint64_t message = 0;
};
struct puller_query {};
struct puller_status {
  std::string stream, consumer;
  std::size_t in_flight = 0; ///< with the sink
  std::uint64_t delivered = 0, acknowledged = 0, redelivered = 0, rejected = 0, restarts = 0;
  std::uint64_t reopened = 0;                   ///< began anew because nothing came though the server had something
  std::uint64_t remade = 0;                     ///< of those: with a consumer made anew
  std::uint64_t last_sequence = 0, pending = 0; ///< pending: in the stream, not yet delivered
  std::string last_error;
};
using puller_interface = accepts<pull_ack, pull_nak, pull_reject, pull_progress, puller_query>;
using puller_ref = ref<puller_interface>;

/// To the sink.
struct pulled_message {
  std::string subject;
  std::uint64_t sequence = 0;   ///< of the stream
  std::uint64_t deliveries = 1; ///< 1 = the first time
  std::uint64_t pending = 0;    ///< more messages behind it: 0 = caught up
  unix_ns stored_at = 0;
  std::string payload;
  std::uint64_t message = 0; ///< for the answer
  puller_ref puller;         ///< whom to answer
};
using pull_sink_interface = accepts<pulled_message>;
using pull_sink_ref = ref<pull_sink_interface>;

using stream_keeper_ref = ref<stream_keeper_interface>;

struct puller_options {
  std::string stream;
  /// Asked before the consumer is made: nats-server 2.9 answers a consumer that is made while its stream is still being
  /// made, but that consumer never delivers (docs/decisions/0009). Empty: the stream is there.
  stream_keeper_ref streams;
  std::chrono::milliseconds stream_timeout{30'000}; ///< then it goes on without an answer
  std::string durable;                              ///< empty = ordered
  std::string filter;
  std::uint64_t after_sequence = 0;           ///< ordered: starts behind it
  std::uint32_t credit = 256;                 ///< messages with the sink or on the way
  std::chrono::milliseconds ack_wait{30'000}; ///< the sink's time for a message, from its last sign of life on
  std::chrono::milliseconds lease{5'000};     ///< the puller's: renewed while the sink has the message, so that after a
                                              ///< crash it comes again in a moment and not after ack_wait
  std::uint32_t max_deliveries = 10;
  std::chrono::milliseconds pull_expires{20'000};
  std::chrono::milliseconds tick{100};
  std::chrono::milliseconds look_every{5'000}; ///< while nothing comes: whether the server has something all the same
};

struct stream_puller_state {
  static inline const char* name = "stream_puller";
  stream_puller_state() = default;
  struct delivered_message {
    std::string subject, reply, payload; ///< payload: for the dead letter it may become
    std::uint64_t sequence = 0, deliveries = 0;
    std::chrono::steady_clock::time_point given_up_at; ///< not renewed any more: the server gives it out again
    std::chrono::steady_clock::time_point renew_at;
  };
  nats_link_ptr link;
  puller_options options;
  pull_sink_ref sink;
  std::optional<nats_inbox> inbox;
  nats_watch watch;
  bool stream_is_there = false, awaiting_stream = false;
  bool has_remade = false;    ///< the consumer, on this connection
  std::string consumer;       ///< empty = not made yet
  std::uint64_t creating = 0; ///< token of the creation under way
  std::uint64_t pulling = 0;  ///< token of the pull under way
  std::uint32_t to_come = 0;  ///< of that pull
  std::uint64_t next_token = 1, next_message = 1;
  std::uint64_t expected_consumer_sequence = 1; ///< ordered
  std::chrono::steady_clock::time_point retry_at, pull_ends_at, look_at;
  std::uint64_t looking = 0;           ///< token of the look under way
  std::uint64_t delivered_at_look = 0; ///< of totals.delivered
  bool suspicious = false;             ///< the last look found something that does not come
  std::chrono::milliseconds retry_wait{100};
  std::map<std::uint64_t, delivered_message> in_flight;
  puller_status totals;
};
using stream_puller_actor = caf::stateful_actor<stream_puller_state, observed_actor>;

/// Accepts puller_interface.
caf::behavior stream_puller(stream_puller_actor* self, nats_link_ptr link, puller_options options, pull_sink_ref sink);

} // namespace soc::transport

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::pull_ack)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::pull_nak)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::pull_reject)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::pull_progress)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::puller_query)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::puller_status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::pulled_message)
