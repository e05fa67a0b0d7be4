// incident/owner_calls.hpp - one way to ask an incident, wherever it lives: starts its actor here, or sends the request
// to the node that owns it. Internal to the manager.
#pragma once
#include "incident/codec.hpp"
#include "incident/incident_manager.hpp"

namespace soc::incident {

/// What came back, or why not.
using answer_function = std::function<void(const caf::error&, owner_reply)>;

/// Asks the owner. The answer comes in a later turn of `self`, or in this one when it is refused at once.
void ask_owner(manager_actor* self, owner_request request, answer_function then);
/// Only here, whoever owns it: for what comes in from other nodes.
void ask_here(manager_actor* self, owner_request request, answer_function then);

/// Its supervisor has let go of it for good: whoever is asked next is a new actor.
void forget_incident(manager_actor* self, const caf::actor_addr& gone);

std::string incident_key(const std::string& tenant, const std::string& id);

} // namespace soc::incident
