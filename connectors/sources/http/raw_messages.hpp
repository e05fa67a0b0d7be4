// sources/http/raw_messages.hpp - pushed records as messages of the RAW stream: cut to what a message may hold, with
// ids that are the same when the client sends the same again. Pure.
#pragma once
#include "connectors/sources/http/push_request.hpp"
#include "model/raw.hpp"
#include "runtime/interfaces.hpp"

#include <memory>
#include <string>
#include <vector>

namespace soc::sources {

constexpr std::size_t max_raw_message_bytes = 900U << 10;

/// `soc.<tenant>.raw.<connector>`
std::string raw_subject(const model::connector_context& context);

/// The messages of one request. Records of different hosts go to different messages: a batch has one origin, the host
/// where the client names it, else the peer. The ids come from the idempotency key, the content and the place in the
/// request.
std::vector<bus_publish> raw_messages(const std::shared_ptr<const model::connector_context>& context,
                                      const pushed_records& pushed, const std::string& peer,
                                      const std::string& idempotency_key, unix_ns received_at);

} // namespace soc::sources
