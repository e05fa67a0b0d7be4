// transport/stream_keeper.hpp - STREAM KEEPER: makes the streams and KV buckets, or brings them to the wanted
// configuration, and says when all are there. Tries for ever with back-off; checks again after every reconnect (a
// memory-less server may have come).
#pragma once
#include "runtime/actor.hpp"
#include "transport/nats_link.hpp"
#include "transport/streams.hpp"

#include <map>
#include <vector>

namespace soc::transport {

/// Answered with streams_ready once all streams are there; held until then.
struct await_streams {};
struct streams_ready {};
using stream_keeper_interface = accepts<await_streams>;

struct stream_keeper_state {
  static inline const char* name = "stream_keeper";
  stream_keeper_state() = default;
  std::optional<nats_inbox> inbox;
  nats_watch watch;
  std::map<std::uint64_t, std::size_t> asked; ///< token → stream
  std::vector<stream_definition> streams;
  std::vector<bool> made;
  std::vector<caf::typed_response_promise<streams_ready>> waiting;
  std::uint64_t next_token = 1;
  std::uint64_t round = 0;
  std::string last_error;
};
using stream_keeper_actor = caf::stateful_actor<stream_keeper_state, observed_actor>;

caf::behavior stream_keeper(stream_keeper_actor* self, nats_link_ptr link, stream_options options);

} // namespace soc::transport

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::await_streams)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::streams_ready)
