#include "connectors/sources/common/source_actor.hpp"

#include "base/hash.hpp"
#include "runtime/error.hpp"

#include <spdlog/spdlog.h>

namespace soc::sources {

namespace {

constexpr std::chrono::seconds store_timeout{10};
/// A node that stops waits so long for batches in flight; what is not done by then is read again after the restart.
constexpr unix_ns drain_limit_ns = 4 * ns_per_s;
constexpr std::chrono::milliseconds drain_look_every{20};

void send_ticket(source_actor* self, const credit_ticket& ticket) {
  auto& s = self->state;
  const auto& lane = s.environment.lanes[ticket.lane_of(s.environment.lanes.size())];
  lane.send(self, ingest_batch{ticket.batch, ticket.number, source_ref(caf::actor_cast<caf::actor>(self))});
}

void remember(source_state& s, checkpoint_map checkpoints) {
  for (auto& [key, bytes] : checkpoints)
    s.to_store[key] = std::move(bytes);
}

void pump(source_actor* self) {
  auto& s = self->state;
  if (!s.driver)
    return;
  while (s.ledger.allows()) {
    auto batch = s.driver->next(s.ledger.next_ticket());
    if (!batch)
      return;
    count(s.counts->batches);
    count(s.counts->records, batch->records.size());
    count(s.counts->bytes, batch->bytes.size());
    send_ticket(self, s.ledger.issue(std::move(batch), 0, 0, self->now()));
  }
}

void send_again(source_actor* self) {
  for (const auto& ticket : self->state.ledger.due(self->now())) {
    count(self->state.counts->resent_batches);
    send_ticket(self, ticket);
  }
}

void store_checkpoints(source_actor* self) {
  auto& s = self->state;
  if (!s.environment.store) {
    s.to_store.clear();
    return;
  }
  for (auto& [key, bytes] : std::exchange(s.to_store, {})) {
    ++s.storing;
    self->request(s.environment.store.actor(), store_timeout,
                  checkpoint_put{s.environment.context->connector, key, bytes})
        .then([self](const stored&) { --self->state.storing; },
              [self, key = key, bytes = bytes](const caf::error& why) {
                auto& again = self->state;
                --again.storing;
                count(again.counts->errors);
                again.to_store.emplace(key, bytes); // unless a newer one waits
                spdlog::warn("connector {}: checkpoint not stored: {}", again.environment.context->connector,
                             describe(why));
              });
  }
}

void finish_drain(source_actor* self) {
  auto& s = self->state;
  if (!s.draining || !s.drained_promise.pending())
    return;
  const bool done = s.ledger.batches_in_flight() == 0 && s.to_store.empty() && s.storing == 0;
  if (done || self->now() >= s.drain_until)
    s.drained_promise.deliver(drained{});
}

void tick(source_actor* self) {
  auto& s = self->state;
  remember(s, s.driver->tick(self->now()));
  send_again(self);
  pump(self);
  store_checkpoints(self);
  publish_counts(*s.counts, s.environment, s.published);
  finish_drain(self);
  if (!s.draining)
    self->delayed_send(self, s.driver->tick_every(), source_tick{});
  else if (s.drained_promise.pending())
    self->delayed_send(self, drain_look_every, source_tick{});
}

void begin(source_actor* self, const checkpoint_map& stored) {
  auto& s = self->state;
  const auto address = caf::actor_cast<caf::actor_addr>(self);
  const auto wake = [address, woken = s.woken] {
    if (!woken->exchange(true))
      if (const auto source = caf::actor_cast<caf::actor>(address))
        caf::anon_send(source, source_wake{});
  };
  if (const auto started = s.driver->start(stored, wake); !started) {
    self->quit(to_error(started.error()));
    return;
  }
  tick(self);
}

void load_checkpoints(source_actor* self) {
  auto& s = self->state;
  if (!s.environment.store) {
    begin(self, {});
    return;
  }
  self->request(s.environment.store.actor(), store_timeout, checkpoint_all{s.environment.context->connector})
      .await([self](const checkpoints& all) { begin(self, all.all); },
             [self](const caf::error& why) { self->quit(why); });
}

source_status status_of(const source_state& s) {
  const auto& c = *s.counts;
  return {c.records,
          c.bytes,
          c.batches,
          c.resent_batches,
          c.truncated_records,
          c.dropped_records,
          c.dropped_bytes,
          c.refused,
          c.errors,
          c.open,
          s.ledger.batches_in_flight(),
          s.ledger.bytes_in_flight()};
}

} // namespace

caf::behavior run_source(source_actor* self, source_environment environment, driver_factory make) {
  auto& s = self->state;
  s.environment = std::move(environment);
  s.ledger = credit_ledger(s.environment.credit);
  s.random.seed(static_cast<std::uint32_t>(hash64(self->path())));
  if (s.environment.lanes.empty()) {
    self->quit(to_error(ec::invalid_input, "a source without a normalizer to send to"));
    return {};
  }
  s.driver = make(s.environment, s.counts);
  load_checkpoints(self);
  return {
      [self](const source_wake&) {
        *self->state.woken = false;
        pump(self);
      },
      [self](const source_tick&) { tick(self); },
      [self](const batch_done& done) {
        self->state.ledger.done(done.ticket);
        remember(self->state, self->state.driver->settled(done.ticket));
        pump(self);
      },
      [self](const batch_failed& failed) {
        const double spread = static_cast<double>(self->state.random() % 1024) / 1024;
        self->state.ledger.failed(failed.ticket, self->now(), failed.retry_after, spread);
      },
      [self](const source_status_query&) { return status_of(self->state); },
      [self](const drain&) -> caf::result<drained> {
        auto& state = self->state;
        state.draining = true;
        state.drain_until = self->now() + drain_limit_ns;
        state.driver->stop();
        state.drained_promise = self->make_response_promise();
        self->send(self, source_tick{});
        return caf::delegated<drained>{};
      },
  };
}

void publish_counts(const source_counts& counts, const source_environment& environment,
                    std::map<std::string, std::uint64_t>& published) {
  if (!environment.metrics)
    return;
  const metric_labels labels{{"connector", environment.context->connector}, {"tenant", environment.context->tenant}};
  const auto add = [&](const std::string& name, const source_counts::counter& counter, const char* help) {
    const std::uint64_t now = counter;
    auto& before = published[name];
    environment.metrics->counter("soc_source_" + name + "_total", labels, help).add(now - before);
    before = now;
  };
  add("records", counts.records, "Records handed on");
  add("bytes", counts.bytes, "Bytes of records handed on");
  add("batches", counts.batches, "Batches handed on");
  add("resent_batches", counts.resent_batches, "Batches that were not durable the first time");
  add("truncated_records", counts.truncated_records, "Records over the size limit, of which the head was kept");
  add("dropped_records", counts.dropped_records, "Records lost to a full queue");
  add("dropped_bytes", counts.dropped_bytes, "Bytes of records lost to a full queue");
  add("refused", counts.refused, "Connections and requests turned away");
  add("errors", counts.errors, "Failures of reading, decoding or the peer's protocol");
  environment.metrics->gauge("soc_source_open", labels, "Files, connections or partitions open")
      .set(static_cast<double>(counts.open.load()));
}

} // namespace soc::sources
