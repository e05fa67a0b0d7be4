// sources/http/raw_pull.hpp - RAW CONSUMER: what push sources stored in the RAW stream goes to the normalizers; a
// message is acknowledged when everything of it is durable. The node makes one a node and gives it to a stream puller
// as its sink. The messages of the puller are parameters: transport is a neighbour, not something below.
#pragma once
#include "connectors/sources/common/source_actor.hpp"
#include "wire/raw_wire.hpp"

#include <deque>
#include <map>

namespace soc::sources {

/// `Pulled`, `Ack`, `Reject`, `Progress`: transport's pulled_message and the answers to it.
template <class Pulled, class Ack, class Reject, class Progress>
class raw_consumer {
public:
  struct state {
    static inline const char* name = "raw_pull";
    state() : ledger(credit_limits{}) {}
    source_environment environment;
    credit_ledger ledger;
    std::deque<Pulled> waiting;                       ///< bounded by the puller's credit
    std::map<std::uint64_t, Pulled> in_flight;        ///< by ticket; without the payload
    std::map<std::uint64_t, std::uint64_t> ticket_of; ///< by sequence in the stream
    std::minstd_rand random;
    source_status totals;
  };
  using actor = caf::stateful_actor<state, observed_actor>;

  static caf::behavior run(actor* self, source_environment environment) {
    auto& s = self->state;
    s.environment = std::move(environment);
    s.ledger = credit_ledger(s.environment.credit);
    self->delayed_send(self, tick_every, source_tick{});
    return {
        [self](const Pulled& message) { take(self, message); },
        [self](const batch_done& done) { settle(self, done.ticket); },
        [self](const batch_failed& failed) {
          const double spread = static_cast<double>(self->state.random() % 1024) / 1024;
          self->state.ledger.failed(failed.ticket, self->now(), failed.retry_after, spread);
        },
        [self](const source_tick&) { tick(self); },
        [self](const source_status_query&) { return self->state.totals; },
    };
  }

private:
  static constexpr std::chrono::seconds tick_every{1};

  static void take(actor* self, const Pulled& message) {
    auto& s = self->state;
    // Delivered again while it is still with us: the newest delivery is the one to answer.
    if (const auto known = s.ticket_of.find(message.sequence); known != s.ticket_of.end()) {
      auto& flight = s.in_flight[known->second];
      flight.message = message.message;
      flight.puller = message.puller;
      return;
    }
    s.waiting.push_back(message);
    pump(self);
  }

  static void pump(actor* self) {
    auto& s = self->state;
    while (!s.waiting.empty() && s.ledger.allows()) {
      auto message = std::move(s.waiting.front());
      s.waiting.pop_front();
      auto batch = wire::read_raw_batch(message.payload);
      if (!batch) {
        ++s.totals.errors;
        message.puller.send(self, Reject{message.message, batch.error().what});
        continue;
      }
      ++s.totals.batches;
      s.totals.records += (*batch)->records.size();
      s.totals.bytes += (*batch)->bytes.size();
      const auto ticket = s.ledger.issue(std::move(batch).take(), 0, 0, self->now());
      message.payload.clear();
      s.ticket_of[message.sequence] = ticket.number;
      s.in_flight[ticket.number] = std::move(message);
      send(self, ticket);
    }
  }

  static void send(actor* self, const credit_ticket& ticket) {
    auto& s = self->state;
    const auto& lane = s.environment.lanes[ticket.lane_of(s.environment.lanes.size())];
    lane.send(self, ingest_batch{ticket.batch, ticket.number, source_ref(caf::actor_cast<caf::actor>(self))});
  }

  static void settle(actor* self, std::uint64_t ticket) {
    auto& s = self->state;
    s.ledger.done(ticket);
    if (const auto flight = s.in_flight.find(ticket); flight != s.in_flight.end()) {
      flight->second.puller.send(self, Ack{flight->second.message});
      s.ticket_of.erase(flight->second.sequence);
      s.in_flight.erase(flight);
    }
    pump(self);
  }

  /// A batch may take longer than the server waits for its acknowledgement.
  static void tick(actor* self) {
    auto& s = self->state;
    for (const auto& ticket : s.ledger.due(self->now())) {
      ++s.totals.resent_batches;
      send(self, ticket);
    }
    for (const auto& [ticket, message] : s.in_flight)
      message.puller.send(self, Progress{message.message});
    for (const auto& message : s.waiting)
      message.puller.send(self, Progress{message.message});
    pump(self);
    self->delayed_send(self, tick_every, source_tick{});
  }
};

} // namespace soc::sources
