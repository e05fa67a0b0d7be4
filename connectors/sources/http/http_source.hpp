// sources/http/http_source.hpp - PUSH SOURCE: the actor of a `kind: http` connector. Stores what clients push in the
// RAW stream and has the client told "200" only when JetStream has all of it; a client that hears anything else sends
// again.
#pragma once
#include "connectors/sources/common/source_actor.hpp"
#include "connectors/sources/http/http_server.hpp"
#include "connectors/sources/http/push_request.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace soc::sources {

/// From the server's thread: a request's messages, to be stored and answered.
struct push_submission {
  http_ticket ticket;
  push_kind kind = push_kind::plain;
  std::size_t records = 0, bytes = 0;
  std::shared_ptr<std::vector<bus_publish>> messages;
};

/// The port that was bound → std::uint16_t.
struct http_port_query {};

struct http_source_state {
  static inline const char* name = "http_source";
  source_environment environment;
  http_options options;
  std::unique_ptr<http_server> server;
  source_counts_ptr counts = std::make_shared<source_counts>();
  std::map<std::string, std::uint64_t> published;
  std::size_t storing = 0; ///< requests under way
  bool draining = false;
  caf::response_promise drained_promise;
};
using http_source_actor = caf::stateful_actor<http_source_state, observed_actor>;

/// Accepts drain, source_status_query, http_port_query.
caf::behavior http_source(http_source_actor* self, source_environment environment, http_options options);

} // namespace soc::sources

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::sources::push_submission)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::sources::http_port_query)
