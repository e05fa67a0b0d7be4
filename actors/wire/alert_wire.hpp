// wire/alert_wire.hpp - alerts to and from schemas/alert.capnp. Pure. Every text is bounded in both directions: texts
// for people are cut when written; an identity that is too long is refused; a reader refuses what no writer of ours
// would send.
#pragma once
#include "base/result.hpp"
#include "model/alert.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace soc::wire {

// Bytes, or elements where it says count.
constexpr std::size_t max_id_bytes = 128;
constexpr std::size_t max_name_bytes = 512; ///< rule id, vendor, host, tags …
constexpr std::size_t max_title_bytes = 1024;
constexpr std::size_t max_description_bytes = 16 * 1024;
constexpr std::size_t max_entity_key_bytes =
    4096; ///< longer ones are cut and get a hash: still equal exactly when equal
constexpr std::size_t max_origin_bytes = 4096;
constexpr std::size_t max_tag_count = 128;
constexpr std::size_t max_technique_count = 64;
constexpr std::size_t max_alerts_in_batch = 4096;

/// The alert as one message. Fails with invalid_input without an id or a tenant, too_large for an id over its bound.
result<std::string> encode(const model::alert& a);
result<model::alert> decode_alert(std::string_view bytes);

/// Many alerts in one message. too_large over max_alerts_in_batch or max_message_bytes.
result<std::string> encode(const std::vector<model::alert_ptr>& alerts);
result<std::vector<model::alert_ptr>> decode_alerts(std::string_view bytes);

/// `key` within max_entity_key_bytes: itself, or its beginning, "~" and the hash of the whole.
std::string bounded_key(const std::string& key);

} // namespace soc::wire
