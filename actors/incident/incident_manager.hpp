// incident/incident_manager.hpp - INCIDENTS: the one address of all incidents of a node. Starts incident actors on
// demand under a supervisor, sends on what another node owns, keeps the read model of all nodes' incidents (fed by the
// stream INCIDENTS), merges and moves.
#pragma once
#include "incident/incident_actor.hpp"
#include "runtime/supervisor.hpp"

namespace soc::incident {

struct manager_options {
  std::string node;
  incident_options incident; ///< template: tenant and id are filled in
  /// Which node owns an incident; empty function = this one owns all.
  std::function<std::string(const std::string& tenant, const std::string& id)> owner;
  std::chrono::milliseconds idle_after{
      30 * 60'000}; ///< an incident actor that hears nothing for so long is stopped; its state is durable
  std::chrono::milliseconds tick{15'000}; ///< how late a passed deadline may be noted
  std::chrono::milliseconds ask_timeout{10'000};
  std::size_t max_summaries = 200'000; ///< of the read model; the oldest closed ones are forgotten first
};

struct manager_ports {
  journal_ref journal;
  store_ref store;
  bus_ref bus;
  supervisor_ref supervisor; ///< of the incident actors
  remote_ref remote;         ///< may be empty on a single node
  graph::graph_ref graph;    ///< hears what people decide; may be empty
  ref<accepts<response::incident_changed>> response;
  scenario_rules_ptr scenarios;
};

/// To itself: stop incident actors that have nothing to do, note deadlines that are near or have passed.
struct tidy_incidents {};

struct manager_state {
  static inline const char* name = "incident_manager";
  manager_state() = default;
  struct live {
    incident_ref actor;
    unix_ns used = 0;
    bool starting = false;
    std::vector<std::function<void(const caf::error&)>> waiting; ///< run when it has started, or failed to
  };
  manager_options options;
  manager_ports ports;
  std::map<std::string, live> incidents;    ///< "tenant/id"
  std::map<std::string, summary> summaries; ///< the same keys
  std::map<std::string, std::uint64_t> counters;
};
using manager_actor = caf::stateful_actor<manager_state, observed_actor>;

/// Accepts manager_interface.
caf::behavior incident_manager(manager_actor* self, manager_options options, manager_ports ports);

} // namespace soc::incident

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::incident::tidy_incidents)
