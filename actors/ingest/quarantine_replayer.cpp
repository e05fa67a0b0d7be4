#include "ingest/quarantine_replayer.hpp"

#include "runtime/error.hpp"

namespace soc::ingest {

namespace {

constexpr std::chrono::seconds store_timeout{10};
constexpr std::size_t simdjson_padding = 64;

void read_more(quarantine_replayer_self* self);

std::string connector_of(const dead_letter& letter) {
  return letter.origin.substr(0, letter.origin.find(' '));
}

std::string place_of(const dead_letter& letter) {
  const auto blank = letter.origin.find(' ');
  return blank == std::string::npos ? std::string{} : letter.origin.substr(blank + 1);
}

void give_up(quarantine_replayer_self* self, const caf::error& why) {
  auto answer = std::move(self->state.now->answer);
  self->state.now.reset();
  answer.deliver(why);
}

void finish(quarantine_replayer_self* self) {
  self->request(self->state.options.store.actor(), store_timeout, quarantine_list{1})
      .then(
          [self](const dead_letters& kept) {
            auto now = std::move(*self->state.now);
            self->state.now.reset();
            now.counts.still_kept = kept.total;
            now.answer.deliver(now.counts);
          },
          [self](const caf::error& why) { give_up(self, why); });
}

/// The oldest waiting records of one origin, as one batch. Their numbers are in flight afterwards.
model::raw_batch_ptr take_batch(quarantine_replayer_self* self,
                                std::shared_ptr<const model::connector_context> context) {
  auto& now = *self->state.now;
  const auto origin = now.waiting.front().letter.origin;
  auto batch = std::make_shared<model::raw_batch>();
  batch->context = std::move(context);
  batch->origin = place_of(now.waiting.front().letter);
  batch->received_at = now.waiting.front().letter.at;
  std::size_t count = 0;
  std::uint64_t bytes = 0;
  while (count < now.waiting.size() && now.waiting[count].letter.origin == origin &&
         (count == 0 || bytes + now.waiting[count].letter.bytes.size() <= self->state.options.bytes_a_batch))
    bytes += now.waiting[count++].letter.bytes.size();
  batch->bytes.reserve(bytes + simdjson_padding);
  for (std::size_t i = 0; i < count; ++i) {
    batch->add(now.waiting[i].letter.bytes);
    now.in_flight.push_back(now.waiting[i].number);
  }
  now.waiting.erase(now.waiting.begin(), now.waiting.begin() + static_cast<std::ptrdiff_t>(count));
  return batch;
}

void send_next(quarantine_replayer_self* self) {
  auto& now = *self->state.now;
  while (!now.waiting.empty()) {
    const auto context = self->state.options.context_of(connector_of(now.waiting.front().letter));
    if (!context) {
      ++now.counts.no_connector;
      now.waiting.erase(now.waiting.begin());
      continue;
    }
    auto batch = take_batch(self, context);
    now.ticket = ++self->state.last_ticket;
    self->delayed_send(self, self->state.options.batch_timeout, replay_batch_late{now.ticket});
    self->state.options.lane.send(
        self, ingest_batch{std::move(batch), now.ticket, source_ref(caf::actor_cast<caf::actor>(self))});
    return;
  }
  read_more(self);
}

void read_more(quarantine_replayer_self* self) {
  const auto& now = *self->state.now;
  if (now.after >= now.last)
    return finish(self);
  self->request(self->state.options.store.actor(), store_timeout,
                quarantine_read{now.after, self->state.options.records_a_read})
      .then(
          [self](const dead_letters& read) {
            auto& now = *self->state.now;
            now.after = read.all.empty() ? now.last : read.all.back().number;
            for (const auto& stored : read.all)
              if (stored.number <= now.last && (now.connector.empty() || connector_of(stored.letter) == now.connector))
                now.waiting.push_back(stored);
            send_next(self);
          },
          [self](const caf::error& why) { give_up(self, why); });
}

/// The batch under way is durable: its records have left.
void settle(quarantine_replayer_self* self) {
  auto& now = *self->state.now;
  now.ticket = 0;
  now.counts.replayed += now.in_flight.size();
  self->request(self->state.options.store.actor(), store_timeout, quarantine_remove{std::move(now.in_flight)})
      .then([self](const stored&) { send_next(self); }, [self](const caf::error& why) { give_up(self, why); });
  now.in_flight.clear();
}

void keep(quarantine_replayer_self* self) {
  auto& now = *self->state.now;
  now.ticket = 0;
  now.counts.failed += now.in_flight.size();
  now.in_flight.clear();
  send_next(self);
}

bool is_under_way(const quarantine_replayer_self* self, std::uint64_t ticket) {
  return self->state.now && ticket != 0 && self->state.now->ticket == ticket;
}

caf::result<quarantine_replayed> begin(quarantine_replayer_self* self, const quarantine_replay& wanted) {
  if (self->state.now)
    return to_error(ec::unavailable, "a replay is under way");
  auto& now = self->state.now.emplace();
  now.connector = wanted.connector;
  now.answer = self->make_response_promise<quarantine_replayed>();
  const auto answer = now.answer;
  self->request(self->state.options.store.actor(), store_timeout, quarantine_list{1})
      .then(
          [self](const dead_letters& newest) {
            self->state.now->last = newest.all.empty() ? 0 : newest.all.front().number;
            read_more(self);
          },
          [self](const caf::error& why) { give_up(self, why); });
  return answer;
}

} // namespace

caf::behavior quarantine_replayer(quarantine_replayer_self* self, quarantine_replayer_options options) {
  self->state.options = std::move(options);
  return {
      [self](const quarantine_replay& wanted) { return begin(self, wanted); },
      [self](const batch_done& done) {
        if (is_under_way(self, done.ticket))
          settle(self);
      },
      [self](const batch_failed& failed) {
        if (is_under_way(self, failed.ticket))
          keep(self);
      },
      [self](const replay_batch_late& late) {
        if (is_under_way(self, late.ticket))
          keep(self);
      },
  };
}

} // namespace soc::ingest
