// incident/incident_actor.hpp - INCIDENT: one actor an incident. Recovers from snapshot and journal, takes commands one
// decision at a time, answers when they are in the journal, then publishes. In doubt about the journal it quits: its
// supervisor starts it again and it replays.
#pragma once
#include "runtime/actor.hpp"
#include "runtime/incident_interfaces.hpp"

#include <deque>

namespace soc::incident {

struct incident_options {
  std::string tenant = "default", id;
  incident::options rules;
  std::chrono::milliseconds append_timeout{3000};
  std::chrono::milliseconds recovery_timeout{60'000};
  std::chrono::milliseconds publish_retry{500};
  std::size_t max_update_bytes_per_s = 2U << 20; ///< of plain updates, once the incident is large
  std::chrono::milliseconds max_rest{2000};      ///< between two updates of the largest
  std::uint64_t snapshot_every = 200;            ///< events; more for large incidents
  std::size_t max_queued = 10'000;               ///< commands; more are answered `unavailable`
  std::size_t max_batch = 256;                   ///< commands in one journal entry
};

/// The parts of the node an incident talks to.
struct incident_ports {
  journal_ref journal;
  store_ref store;
  bus_ref bus;
  caf::actor manager;                                ///< hears incident_noted; may be empty
  ref<accepts<response::incident_changed>> response; ///< may be empty
  scenario_rules_ptr scenarios;
};

/// To itself: try again to publish.
struct publish_again {};
/// To itself: a large incident may be told again.
struct publish_rested {};

struct incident_state {
  static inline const char* name = "incident";
  incident_state() = default;
  struct waiting_command {
    command asked;
    std::string who;
    /// Which promise waits. Of content and look nothing is decided: `asked` is not looked at.
    enum class wait_kind : std::uint8_t { change, join, content, look } what = wait_kind::change;
    std::string why_json; ///< content
    caf::typed_response_promise<command_done> done;
    caf::typed_response_promise<alert_joined> joined;
    caf::typed_response_promise<merge_content> taken;
    bool changed = false;
    std::uint64_t version = 0;
  };
  incident_options options;
  incident_ports ports;
  state aggregate;
  std::uint64_t sequence = 0;         ///< last of the journal subject
  std::uint64_t snapshot_version = 0; ///< events the last snapshot covers
  bool appending = false, draining = false;
  std::deque<waiting_command> queue;
  std::vector<waiting_command> in_flight;
  view_ptr durable;                ///< last derived from durable state
  std::deque<std::string> changes; ///< to be published, oldest first, each once
  bool publishing = false, publish_later = false;
  bool resting = false; ///< told not long ago: plain updates wait
  std::vector<caf::typed_response_promise<drained>> drains;
};
using incident_actor = caf::stateful_actor<incident_state, observed_actor>;

/// Accepts incident_interface.
caf::behavior incident_behavior(incident_actor* self, incident_options options, incident_ports ports);

std::string journal_subject_of(const std::string& tenant, const std::string& id);

} // namespace soc::incident

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::incident::publish_again)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::incident::publish_rested)
