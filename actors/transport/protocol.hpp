// transport/protocol.hpp - the texts of the JetStream protocol: acknowledgements, API errors, consumer requests,
// delivery subjects. Pure; libnats has no part in it. Source: docs.nats.io "JetStream wire API reference" and
// nats-architecture-and-design ADR-1, ADR-13 (pull), ADR-15 (delivery subject).
#pragma once
#include "base/result.hpp"
#include "base/time.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace soc::transport {

/// The server's answer to a publish.
struct publish_ack {
  std::string stream;
  std::uint64_t sequence = 0;
  bool duplicate = false; ///< a message with this id is stored already, at `sequence`
};
/// conflict for a wrong expected sequence, unavailable for what may pass (no leader, full stream), invalid_input for
/// what will never be taken, corrupt for something else than an acknowledgement.
result<publish_ack> parse_publish_ack(std::string_view payload);

/// An error in an API answer; `error_code` 0 = none. Numbers: nats-server errors.json.
struct api_error {
  int code = 0, error_code = 0;
  std::string description;
};
api_error parse_api_error(std::string_view payload);
constexpr int error_stream_exists = 10058; ///< with another configuration

/// Where a delivered message stands, from its reply subject.
struct delivery_place {
  std::string_view consumer; ///< into the parsed text
  std::uint64_t stream_sequence = 0, consumer_sequence = 0;
  std::uint64_t deliveries = 0; ///< 1 = the first time
  unix_ns stored_at = 0;
  std::uint64_t pending = 0; ///< more messages for this consumer
};
std::optional<delivery_place> parse_delivery_subject(std::string_view reply);

struct consumer_definition {
  std::string stream;
  std::string durable;             ///< empty = ephemeral, named by the server
  std::string filter;              ///< subject filter, may be empty
  bool acknowledged = true;        ///< false: ack none, each message delivered once
  std::uint64_t from_sequence = 0; ///< 0 = from the beginning
  bool last_per_subject = false;
  std::uint32_t max_ack_pending = 256;
  std::chrono::milliseconds ack_wait{30'000};
  std::chrono::milliseconds inactive{30'000}; ///< an ephemeral one is removed after
  std::string deliver_to;                     ///< empty = pull; else pushed to this subject
};
std::string consumer_create_subject(const consumer_definition& consumer);
std::string to_json(const consumer_definition& consumer);

/// From the answer to a consumer creation.
struct consumer_created {
  std::string name;
  std::uint64_t pending = 0;
};
result<consumer_created> parse_consumer_created(std::string_view payload);

std::string consumer_info_subject(std::string_view stream, std::string_view consumer);
/// Messages the consumer has not delivered yet, those delivered that nobody has acknowledged, and the sequence up to
/// which everything has been.
struct consumer_backlog {
  std::uint64_t pending = 0, unacknowledged = 0, settled = 0;
};
result<consumer_backlog> parse_consumer_backlog(std::string_view payload);

std::string pull_subject(std::string_view stream, std::string_view consumer);
std::string pull_json(std::uint32_t batch, std::chrono::milliseconds expires);
std::string consumer_delete_subject(std::string_view stream, std::string_view consumer);
std::string nak_text(std::chrono::milliseconds delay);

} // namespace soc::transport
