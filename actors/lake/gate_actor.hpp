// lake/gate_actor.hpp - EVENT GATE: stands before the detector of a lane. A batch goes to the detector first; once its
// alerts are published, nobody changes it any more and it goes to the event writer; once it is stored too, its source
// hears that it is done. One a lane, supervised, without state that must survive: what was in flight comes again.
#pragma once
#include "runtime/actor.hpp"
#include "runtime/lake_interfaces.hpp"

#include <map>
#include <unordered_map>

namespace soc::lake {

struct gate_state {
  static inline const char* name = "event_gate";
  struct in_flight {
    detect_batch batch;
    bool published = false;
  };
  using source_ticket = std::pair<caf::actor_id, std::uint64_t>;
  detector_ref detector;
  writer_ref writer;
  std::unordered_map<std::uint64_t, in_flight> batches; ///< at most twice as many as the sources have credit for
  /// Numbers of the batches of a ticket, which a source sends again when it hears nothing: the first, which may only be
  /// slow, and the last, as the first may be lost. Whichever is stored first answers for the ticket.
  std::map<source_ticket, std::vector<std::uint64_t>> by_ticket;
};
using gate_actor = caf::stateful_actor<gate_state, observed_actor>;

/// detector_interface, and source_interface towards publisher and writer.
caf::behavior event_gate(gate_actor* self, detector_ref detector, writer_ref writer);

} // namespace soc::lake
