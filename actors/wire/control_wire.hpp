// wire/control_wire.hpp - requests of the shell and the console, and messages to aggregates of another node, to and
// from schemas/control.capnp. Pure values; bounded in both directions.
#pragma once
#include "base/result.hpp"
#include "base/time.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace soc::wire {

constexpr std::size_t max_command_words = 256;
constexpr std::size_t max_word_bytes = 64 * 1024;
constexpr std::size_t max_user_bytes = 256;
constexpr std::size_t max_error_bytes = 4096;

struct control_request {
  std::string id;                 ///< repeated in the reply
  std::string user;               ///< for the audit stream
  std::vector<std::string> words; ///< the command, split
  bool json = false;
  unix_ns deadline = 0; ///< 0 = none stated
  bool operator==(const control_request&) const = default;
};

/// How long whoever asked still waits: until the deadline, but a second at least, for clocks differ, and ten minutes at
/// most; `otherwise` when none is stated.
std::chrono::milliseconds patience_of(const control_request& request, unix_ns now, std::chrono::milliseconds otherwise);
/// Whoever hands a request on waits this much longer than the one it hands it to, whose answer says more than "late".
constexpr std::chrono::milliseconds handing_on{500};

struct control_reply {
  std::string id;
  bool ok = false;
  std::uint8_t exit_code = 0; ///< 0 fine, 1 findings or failures in the data, 2 wrong use
  std::string content_type = "text/plain";
  std::string body;
  std::string error; ///< empty when ok
  bool operator==(const control_reply&) const = default;
};

/// A message for an aggregate that another node owns.
struct envelope {
  std::string kind, id; ///< "incident", its id
  std::string message;  ///< "join_alert"
  std::string payload;
  unix_ns deadline = 0; ///< 0 = none stated
  std::string sender;   ///< node
  bool operator==(const envelope&) const = default;
};

struct envelope_reply {
  ec code = ec::none;
  std::string text; ///< why it failed
  std::string payload;
  bool operator==(const envelope_reply&) const = default;
};

/// Each fails with too_large over the bounds; reading also with corrupt.
result<std::string> encode(const control_request& request);
result<std::string> encode(const control_reply& reply);
result<std::string> encode(const envelope& message);
result<std::string> encode(const envelope_reply& reply);
result<control_request> decode_control_request(std::string_view bytes);
result<control_reply> decode_control_reply(std::string_view bytes);
result<envelope> decode_envelope(std::string_view bytes);
result<envelope_reply> decode_envelope_reply(std::string_view bytes);

} // namespace soc::wire
