#include "model/event.hpp"

#include "base/hash.hpp"

namespace soc::model {

namespace {

value find_slot(std::span<const slot> slots, field_id id) {
  if (id != no_field)
    for (const auto& s : slots)
      if (s.id == id)
        return s.data;
  return {};
}

} // namespace

value event::native_value(field_id id) const {
  return find_slot(native, id);
}

value event::ocsf_value(field_id id) const {
  return find_slot(ocsf, id);
}

std::string event_id(const event_batch& batch, const event& ev) {
  const auto& raw = *batch.raw;
  // The position tells two equal lines of a file apart; a replay of the same file gives it again.
  const auto position = ev.record_index < raw.records.size() ? raw.records[ev.record_index].position : 0;
  return id_builder()
      .add(raw.context ? std::string_view(raw.context->tenant) : std::string_view{})
      .add(raw.context ? std::string_view(raw.context->connector) : std::string_view{})
      .add(std::string_view(raw.origin))
      .add(static_cast<std::int64_t>(position))
      .add(static_cast<std::int64_t>(ev.time))
      .add(ev.raw)
      .hex();
}

} // namespace soc::model
