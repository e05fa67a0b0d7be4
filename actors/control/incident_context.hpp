// control/incident_context.hpp - asks the event store what happened around an incident's alerts and extends its attack
// path by it. Two rounds of questions: what the path names, then what the first answers named. One use a command.
#pragma once
#include "control/command.hpp"
#include "incident/core/path_context.hpp"
#include "runtime/incident_interfaces.hpp"

namespace soc::control {

/// Calls `then` with the incident and its extended path; with the incident as it is when the store is off, has nothing
/// or does not answer in time.
void extend_by_events(const call& c, incident::view_ptr of, std::function<void(const incident::view&)> then);

} // namespace soc::control
