#include "lake/gate_actor.hpp"

#include <atomic>

namespace soc::lake {

namespace {

gate_state::source_ticket ticket_of(const detect_batch& m) {
  return {m.source ? m.source.actor().id() : 0, m.ticket};
}

/// Answers to those of a ticket's batches for which `which(number, batch)` is true come too late from now on.
template <class Which>
void forget(gate_state& st, const gate_state::source_ticket& ticket, Which which) {
  const auto at = st.by_ticket.find(ticket);
  std::erase_if(at->second, [&](std::uint64_t number) {
    const auto one = st.batches.find(number);
    if (!which(number, one->second))
      return false;
    st.batches.erase(one);
    return true;
  });
  if (at->second.empty())
    st.by_ticket.erase(at);
}

/// Of no other batch of this process: an answer to an earlier incarnation may still lie in the mailbox.
std::uint64_t next_number() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

source_ref answers_to(gate_actor* self) {
  return source_ref(caf::actor_cast<caf::actor>(self));
}

void begin(gate_actor* self, const detect_batch& m) {
  auto& st = self->state;
  const auto number = next_number();
  const auto ticket = ticket_of(m);
  if (const auto& sent = st.by_ticket[ticket]; sent.size() > 1)
    forget(st, ticket, [between = sent.back()](std::uint64_t n, const auto&) { return n == between; });
  st.by_ticket[ticket].push_back(number);
  st.batches[number] = {m, false};
  st.detector.send(self, detect_batch{m.batch, number, answers_to(self)});
}

void go_on(gate_actor* self, std::uint64_t number) {
  auto& st = self->state;
  const auto it = st.batches.find(number);
  if (it == st.batches.end()) // another one of its ticket was quicker
    return;
  auto& flight = it->second;
  const auto ticket = ticket_of(flight.batch);
  if (!flight.published && !flight.batch.batch->events.empty()) {
    flight.published = true;
    forget(st, ticket, [](std::uint64_t, const auto& other) { return !other.published; }); // one is enough to store
    st.writer.send(self, store_events{flight.batch.batch, number, answers_to(self)});
    return;
  }
  flight.batch.source.send(self, batch_done{flight.batch.ticket});
  forget(st, ticket, [](std::uint64_t, const auto&) { return true; });
}

void give_back(gate_actor* self, const batch_failed& m) {
  auto& st = self->state;
  const auto it = st.batches.find(m.ticket);
  if (it == st.batches.end())
    return;
  it->second.batch.source.send(self, batch_failed{it->second.batch.ticket, m.why, m.retry_after});
  forget(st, ticket_of(it->second.batch), [&](std::uint64_t number, const auto&) { return number == m.ticket; });
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
