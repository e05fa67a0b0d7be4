// response/codec.hpp - entries of the task and gate journals as Cap'n Proto (schemas/response.capnp) and back. Reading
// ends in a value or a failure, whatever the bytes. Stateless.
#pragma once
#include "response/core/task.hpp"

namespace soc::response {

std::string encode(const task_event& event);
result<task_event> decode_task_event(std::string_view bytes);

/// An entry of the gate's journal: what was decided and stored together, at least one event.
std::string encode(const std::vector<gate_event>& events);
result<std::vector<gate_event>> decode_gate_events(std::string_view bytes);

/// The whole state of one tenant's gate.
std::string encode(const gate_state& state);
result<gate_state> decode_gate_state(std::string_view bytes);

} // namespace soc::response
