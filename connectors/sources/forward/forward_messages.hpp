// sources/forward/forward_messages.hpp - the Fluent Forward protocol v1
// (github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1): messages of a stream to records, the handshake
// with a shared key, acknowledgements. Pure: nonces are passed in.
#pragma once
#include "base/result.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace soc::sources {

/// One message of the stream: its records, and the chunk to acknowledge once they are durable.
struct forward_message {
  std::vector<std::string> records; ///< in the collector's wrapper: {"time":…,"source":<tag>,"event":…}
  std::string chunk;                ///< empty: no acknowledgement is wanted
};

struct forward_rules {
  std::string message_key; ///< its text is the record, the others go to "fields"; empty: the whole map is
  std::size_t max_message_bytes = 16U << 20; ///< also when decompressed
  std::size_t max_record_bytes = 880U << 10;
};

/// A whole MessagePack value of the stream; failures are breaches of the protocol.
result<forward_message> read_forward(std::string_view message, const forward_rules& rules);

/// {"ack": chunk}
std::string forward_ack(std::string_view chunk);

/// ["HELO", {"nonce": …, "auth": "", "keepalive": true}]
std::string forward_helo(std::string_view nonce);

/// The answer to a PING (with whether it was right): ["PONG", accepted, reason, hostname, digest].
struct forward_pong {
  bool accepted = false;
  std::string text;
};
result<forward_pong> answer_ping(std::string_view ping, std::string_view nonce, std::string_view shared_key,
                                 std::string_view hostname);

} // namespace soc::sources
