// incident/core/path_context.hpp - the attack path extended by stored events around the alerts: who spawned a process,
// what it spawned, wrote and connected to, where a file that ran came from, how an account got in, which role it took.
// First it says what to look for in the event store, then it reads what was found. Pure.
#pragma once
#include "incident/core/view.hpp"

namespace soc::incident {

/// A stored event, as far as the path needs it.
struct context_event {
  unix_ns time = 0;
  std::string event_id, source; ///< source: "microsoft/windows"
  std::uint32_t class_uid = 0;  ///< OCSF
  std::int64_t activity = 0;    ///< OCSF activity_id of that class
  std::string operation;        ///< api.operation
  std::string host;             ///< canonical, may be empty
  std::int64_t direction = 0;   ///< OCSF connection_info.direction_id: 1 inbound, 2 outbound
  std::vector<model::entity> entities;
};

/// What the path needs of a mapped event.
context_event context_of(const model::event_batch& batch, const model::event& ev);

/// Events with this entity, in [from, to).
struct context_question {
  model::entity_type type = model::entity_type::unknown;
  std::string key;
  unix_ns from = 0, to = 0;
};

constexpr std::size_t max_context_questions = 16;
constexpr std::size_t max_context_steps = 120; ///< added to a path
constexpr std::size_t max_steps_of_node = 12;  ///< added from one node with one verb

/// What to ask the store about a path: its processes, files, accounts and roles, from `before` the first event on.
/// The second round, with what the first one found, asks about the parents it named.
std::vector<context_question> questions_of(const attack_path& path, unix_ns first, unix_ns last,
                                           unix_ns before = 3600 * ns_per_s);

/// The path with the steps the events tell, in order of time. A gap whose origin they explain is closed; steps carry
/// the id of their event. An address that events show to be one machine's own is told with its name.
attack_path extended_path(attack_path path, const std::vector<context_event>& events);

} // namespace soc::incident
