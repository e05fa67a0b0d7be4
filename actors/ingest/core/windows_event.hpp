// ingest/core/windows_event.hpp - the shapes a Windows event comes in (Event.System/Event.EventData with #attributes,
// winlogbeat, flat as NXLog writes it, XML) made into one: flat native slots under the event's own names. Pure, works
// in the batch's arena.
#pragma once
#include "base/arena.hpp"
#include "model/event.hpp"
#include "model/field.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace soc::ingest {

enum class windows_shape { none, nested, winlogbeat, flat };

/// Which shape the decoded slots have; none when they are no Windows event.
windows_shape windows_shape_of(const std::vector<model::slot>& slots);

/// Renames the slots of a Windows event in place: EventData fields stand under their own names without spaces ("Threat
/// Name" → ThreatName), System as Channel, EventID, Provider_Name, Computer, Level, Task, Opcode, Keywords,
/// EventRecordID, Execution_ProcessID …, TimeCreated. Slots that are no part of the event (a shipper's own) keep their
/// names. False when it is no Windows event.
bool flatten_windows_event(std::vector<model::slot>& slots, const model::field_dictionary& names, arena& memory);

/// An <Event> in XML into the same slots. The reason when it is none. External entities are not read. Texts point into
/// `xml` or `memory`.
std::optional<std::string> decode_windows_xml(std::string_view xml, const model::field_dictionary& names, arena& memory,
                                              std::vector<model::slot>& out);

} // namespace soc::ingest
