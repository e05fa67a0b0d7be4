#include "lake/gate_actor.hpp"

namespace soc::lake {

namespace {

void begin(gate_actor* self, const detect_batch& m) {
  auto& st = self->state;
  const auto number = st.next++;
  st.batches[number] = {m, false};
  st.detector.send(self, detect_batch{m.batch, number, source_ref(self->stable_handle())});
}

void go_on(gate_actor* self, std::uint64_t number) {
  auto& st = self->state;
  const auto it = st.batches.find(number);
  if (it == st.batches.end()) // of an incarnation before this one: its source asks again
    return;
  auto& flight = it->second;
  if (!flight.published && !flight.batch.batch->events.empty()) {
    flight.published = true;
    st.writer.send(self, store_events{flight.batch.batch, number, source_ref(self->stable_handle())});
    return;
  }
  flight.batch.source.send(self, batch_done{flight.batch.ticket});
  st.batches.erase(it);
}

void give_back(gate_actor* self, const batch_failed& m) {
  auto& st = self->state;
  const auto it = st.batches.find(m.ticket);
  if (it == st.batches.end())
    return;
  it->second.batch.source.send(self, batch_failed{it->second.batch.ticket, m.why, m.retry_after});
  st.batches.erase(it);
}

} // namespace

caf::behavior event_gate(gate_actor* self, detector_ref detector, writer_ref writer) {
  self->state.detector = std::move(detector);
  self->state.writer = std::move(writer);
  return {
      [self](const detect_batch& m) { begin(self, m); },
      [self](const batch_done& m) { go_on(self, m.ticket); },
      [self](const batch_failed& m) { give_back(self, m); },
  };
}

} // namespace soc::lake
