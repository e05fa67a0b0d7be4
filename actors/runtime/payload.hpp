// runtime/payload.hpp - what the runtime knows of messages that carry payload: how many bytes they hold in a queue,
// what to keep of them in a dead letter, and whom to tell when they are given back or set aside. Overloads for the
// messages of runtime/interfaces.hpp and of runtime/lake_interfaces.hpp; every other message weighs nothing and is
// answered only if it was a request.
#pragma once
#include <caf/type_erased_tuple.hpp>

#include <cstdint>
#include <string>

namespace soc {

/// Bytes of payload in a message; 0 for the small ones.
std::uint64_t payload_bytes(const caf::type_erased_tuple& content) noexcept;

/// The payload as it is kept in a dead letter (raw bytes, JSON of alerts, the body), cut at `max_bytes`.
constexpr std::size_t max_dead_letter_bytes = 1 << 20;
std::string payload_text(const caf::type_erased_tuple& content, std::size_t max_bytes = max_dead_letter_bytes);

/// Tells whoever waits for the message's own acknowledgement (a source its ticket) that it was not done and may be sent
/// again.
void give_back_payload(const caf::type_erased_tuple& content, const std::string& why);

/// Tells them that it is settled: it is kept durably elsewhere (a dead letter) and must not be sent again.
void settle_payload(const caf::type_erased_tuple& content);

/// Type names of the elements, for people.
std::string content_types(const caf::type_erased_tuple& content);

} // namespace soc
