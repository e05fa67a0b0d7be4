// wire/event_wire.hpp - normalized event batches to and from schemas/event.capnp. Pure. Ids, slots, raw bytes and
// places survive, so a decoded event has the same event_id as the one it was made from. Quarantined records stay on
// their node.
#pragma once
#include "base/result.hpp"
#include "model/event.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace soc::wire {

constexpr std::size_t max_events_in_batch = 65536;
constexpr std::size_t max_slots_in_event = 4096;
constexpr std::size_t max_field_names = 65536;
constexpr int max_value_depth = 8; ///< lists in lists; deeper ones become their text

/// too_large over the bounds above or max_message_bytes.
result<std::string> encode(const model::event_batch& batch);

/// A batch that owns everything. Names known to `dictionary` get their ids.
result<std::shared_ptr<model::event_batch>> decode_events(std::string_view bytes, model::dictionary_ptr dictionary);

} // namespace soc::wire
