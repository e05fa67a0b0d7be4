#include "transport/stream_puller.hpp"

#include "runtime/error.hpp"

#include <algorithm>
#include <utility>

namespace soc::transport {

namespace {

constexpr std::chrono::milliseconds max_consumer_retry{5000}, min_consumer_retry{100};
constexpr std::chrono::seconds puller_letter_timeout{5};

struct puller_tick {};

} // namespace

} // namespace soc::transport

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::puller_tick)

namespace soc::transport {

namespace {

bool is_ordered(const stream_puller_state& st) {
  return st.options.durable.empty();
}

/// Nothing came since the last look, and the sink has nothing.
bool is_idle(const stream_puller_state& st) {
  return st.in_flight.empty() && st.totals.delivered == st.delivered_at_look;
}

void forget_pull(stream_puller_state& st) {
  st.pulling = 0;
  st.to_come = 0;
}

void forget_consumer(stream_puller_state& st) {
  forget_pull(st);
  st.consumer.clear();
  st.creating = 0;
  ++st.totals.restarts;
}

void create_consumer(stream_puller_actor* self) {
  auto& st = self->state;
  consumer_definition wanted;
  wanted.stream = st.options.stream;
  wanted.durable = st.options.durable;
  wanted.filter = st.options.filter;
  wanted.acknowledged = !is_ordered(st);
  wanted.max_ack_pending = st.options.credit;
  wanted.ack_wait = st.options.lease;
  if (is_ordered(st))
    wanted.from_sequence = st.totals.last_sequence + 1;
  st.creating = st.next_token++;
  st.retry_at = self->clock().now() + st.retry_wait;
  st.retry_wait = std::min(st.retry_wait * 2, max_consumer_retry);
  (void)st.inbox->request(st.creating, consumer_create_subject(wanted), to_json(wanted)); // else at retry_at
}

/// The consumer, once its stream is there.
void begin(stream_puller_actor* self) {
  auto& st = self->state;
  if (st.stream_is_there || !st.options.streams) {
    st.stream_is_there = true;
    create_consumer(self);
    return;
  }
  if (std::exchange(st.awaiting_stream, true))
    return;
  const auto go_on = [=] {
    auto& st = self->state;
    st.awaiting_stream = false;
    st.stream_is_there = true;
    if (st.consumer.empty())
      create_consumer(self);
  };
  self->request(st.options.streams.actor(), st.options.stream_timeout, await_streams{})
      .then([=](const streams_ready&) { go_on(); },
            [=](const caf::error& why) { // another stream can't be made, or this user may make none: ours may be there
              self->state.totals.last_error = "waiting for the streams: " + describe(why);
              go_on();
            });
}

/// One pull at a time, for the whole free credit, once half of it is free.
void pull_more(stream_puller_actor* self) {
  auto& st = self->state;
  if (st.consumer.empty() || st.pulling != 0 || st.in_flight.size() >= st.options.credit)
    return;
  const auto free = st.options.credit - static_cast<std::uint32_t>(st.in_flight.size());
  if (free * 2 < st.options.credit)
    return;
  const auto token = st.next_token++;
  const auto subject = pull_subject(st.options.stream, st.consumer);
  if (!st.inbox->request(token, subject, pull_json(free, st.options.pull_expires)))
    return;
  st.pulling = token;
  st.to_come = free;
  st.pull_ends_at = self->clock().now() + st.options.pull_expires + std::chrono::seconds(1);
}

void note_consumer(stream_puller_actor* self, const nats_delivery& d) {
  auto& st = self->state;
  st.creating = 0;
  const auto made = d.status != 0 ? result<consumer_created>(failure{ec::unavailable, "JetStream is away"})
                                  : parse_consumer_created(d.payload);
  if (!made) {
    st.totals.last_error = made.error().what;
    return; // tried again at retry_at
  }
  st.consumer = made->name;
  st.totals.consumer = made->name;
  st.totals.pending = made->pending;
  st.expected_consumer_sequence = 1;
  st.retry_wait = min_consumer_retry;
  pull_more(self);
}

void note_pull_status(stream_puller_actor* self, const nats_delivery& d) {
  auto& st = self->state;
  constexpr int heartbeat = 100, expired = 408, conflict = 409, no_responders = 503;
  if (d.status == heartbeat)
    return;
  forget_pull(st);
  if (d.status == expired) {
    pull_more(self);
    return;
  }
  st.totals.last_error = d.status_text;
  if (d.status == no_responders || (d.status == conflict && d.status_text.find("Consumer") == 0))
    forget_consumer(st); // gone: made again by the next tick; any other status: the tick pulls again
}

void answer_server(stream_puller_actor* self, const std::string& reply, const std::string& text) {
  (void)self->state.link->publish(lane::bulk, reply, {}, text); // lost: delivered again
}

/// To the dead letters, and only then taken from the stream.
void bury(stream_puller_actor* self, stream_puller_state::delivered_message message, const std::string& reason) {
  auto& st = self->state;
  ++st.totals.rejected;
  st.totals.last_error = reason;
  const auto& letters = self->context().dead_letters;
  const auto reply = message.reply;
  if (!letters) {
    answer_server(self, reply, "+TERM");
    return;
  }
  self->request(letters.actor(), puller_letter_timeout,
                dead_letter{self->path(), message.subject + ": " + reason, std::move(message.payload), self->now()})
      .then([=](const stored&) { answer_server(self, reply, "+TERM"); },
            [=](const caf::error& why) { self->state.totals.last_error = "dead letter not kept: " + describe(why); });
}

void hand_over(stream_puller_actor* self, const nats_delivery& d, const delivery_place& place) {
  auto& st = self->state;
  stream_puller_state::delivered_message message{d.subject,
                                                 d.reply,
                                                 is_ordered(st) ? std::string() : d.payload,
                                                 place.stream_sequence,
                                                 place.deliveries,
                                                 self->clock().now() + st.options.ack_wait,
                                                 self->clock().now() + st.options.lease / 2};
  if (!is_ordered(st) && place.deliveries > st.options.max_deliveries) {
    bury(self, std::move(message), "not acknowledged in " + std::to_string(st.options.max_deliveries) + " deliveries");
    return;
  }
  const auto number = st.next_message++;
  st.in_flight.emplace(number, std::move(message));
  ++st.totals.delivered;
  if (place.deliveries > 1)
    ++st.totals.redelivered;
  st.sink.send(self, pulled_message{d.subject, place.stream_sequence, place.deliveries, place.pending, place.stored_at,
                                    d.payload, number, puller_ref(self->stable_handle())});
}

void take_message(stream_puller_actor* self, const nats_delivery& d) {
  auto& st = self->state;
  const auto place = parse_delivery_subject(d.reply);
  if (!place || place->consumer != st.consumer)
    return;
  if (is_ordered(st) && place->consumer_sequence != st.expected_consumer_sequence) {
    forget_consumer(st);
    create_consumer(self);
    return;
  }
  ++st.expected_consumer_sequence;
  st.totals.last_sequence = std::max(st.totals.last_sequence, place->stream_sequence);
  st.totals.pending = place->pending;
  if (st.to_come > 0 && --st.to_come == 0)
    st.pulling = 0;
  hand_over(self, d, *place);
  pull_more(self);
}

/// Takes it out of what the sink has. Nothing for an answer that comes twice or too late.
std::optional<stream_puller_state::delivered_message> take_answered(stream_puller_state& st, std::uint64_t number) {
  const auto at = st.in_flight.find(number);
  if (at == st.in_flight.end())
    return std::nullopt;
  std::optional<stream_puller_state::delivered_message> out(std::move(at->second));
  st.in_flight.erase(at);
  return out;
}

void settle(stream_puller_actor* self, std::uint64_t number, const std::string& text) {
  auto& st = self->state;
  const auto message = take_answered(st, number);
  if (!message)
    return;
  ++st.totals.acknowledged;
  if (!is_ordered(st))
    answer_server(self, message->reply, text);
  pull_more(self);
}

/// Messages the sink has are kept from being given out again; unanswered for ack_wait they are no longer with it.
void renew_leases(stream_puller_actor* self, std::chrono::steady_clock::time_point now) {
  auto& st = self->state;
  for (auto at = st.in_flight.begin(); at != st.in_flight.end();) {
    auto& message = at->second;
    if (message.given_up_at <= now) {
      at = st.in_flight.erase(at);
      continue;
    }
    if (message.renew_at <= now) {
      message.renew_at = now + st.options.lease / 2;
      answer_server(self, message.reply, "+WPI");
    }
    ++at;
  }
}

outcome open_inbox(stream_puller_actor* self) {
  auto& st = self->state;
  auto inbox = nats_inbox::open(st.link, lane::bulk, caf::actor_cast<caf::actor>(self));
  if (!inbox)
    return inbox.error();
  st.inbox.emplace(std::move(*inbox));
  return done{};
}

/// Nothing came although the server has something, twice in a row: everything is asked for anew, in an inbox of its
/// own. A durable consumer that has never settled anything may be one that never delivers (puller_options::streams): it
/// is made anew, once a connection. Where others share the consumer it may only be slow; then what they have comes
/// again.
void begin_anew(stream_puller_actor* self, const consumer_backlog& backlog) {
  auto& st = self->state;
  if (!open_inbox(self))
    return; // looked at again
  ++st.totals.reopened;
  st.totals.last_error = "nothing came, though " + std::to_string(backlog.pending + backlog.unacknowledged) +
                         " messages of " + st.options.stream + " wait";
  const bool remake = !is_ordered(st) && backlog.settled == 0 && !std::exchange(st.has_remade, true);
  if (remake || backlog.unacknowledged == 0) // else others who share the consumer may be at them
    self->probe().set_failure(st.totals.last_error, self->now());
  if (remake) {
    ++st.totals.remade;
    (void)st.link->publish(lane::bulk, consumer_delete_subject(st.options.stream, st.consumer), {}, {});
  }
  forget_consumer(st);
  begin(self);
}

void note_backlog(stream_puller_actor* self, const nats_delivery& d) {
  auto& st = self->state;
  st.looking = 0;
  const auto backlog = d.status != 0 ? result<consumer_backlog>(failure{ec::unavailable, "JetStream is away"})
                                     : parse_consumer_backlog(d.payload);
  const bool waits = backlog && is_idle(st) && backlog->pending + backlog->unacknowledged > 0;
  const bool before = std::exchange(st.suspicious, waits);
  if (!waits || !before)
    return;
  st.suspicious = false;
  begin_anew(self, *backlog);
}

/// An idle puller asks now and then whether it is idle for a good reason.
void look_at_backlog(stream_puller_actor* self, std::chrono::steady_clock::time_point now) {
  auto& st = self->state;
  if (st.look_at > now || st.consumer.empty())
    return;
  st.look_at = now + st.options.look_every;
  const bool idle = is_idle(st);
  st.delivered_at_look = st.totals.delivered;
  if (!idle) {
    st.suspicious = false;
    return;
  }
  st.looking = st.next_token++;
  (void)st.inbox->request(st.looking, consumer_info_subject(st.options.stream, st.consumer), {}); // else the next time
}

void check_puller(stream_puller_actor* self) {
  auto& st = self->state;
  const auto now = self->clock().now();
  self->delayed_send(self, st.options.tick, puller_tick{});
  if (!st.link->connected(lane::bulk))
    return;
  if (!is_ordered(st))
    renew_leases(self, now);
  if (st.pulling != 0 && st.pull_ends_at <= now)
    forget_pull(st);
  if (st.consumer.empty() && st.retry_at <= now)
    begin(self);
  pull_more(self);
  look_at_backlog(self, now);
}

void note_link(stream_puller_actor* self, const nats_status& status) {
  auto& st = self->state;
  // Whatever was asked for is lost with the connection, and a server that comes back answers pulls only once its
  // JetStream is ready: making the consumer (again) is what tells.
  forget_consumer(st);
  st.retry_wait = min_consumer_retry;
  st.stream_is_there = st.has_remade = false;
  if (status.connected)
    begin(self);
}

void take_pull_delivery(stream_puller_actor* self, const nats_delivery& d) {
  auto& st = self->state;
  if (!st.inbox->owns(d))
    return;
  if (d.token == 0)
    take_message(self, d);
  else if (d.token == st.creating)
    note_consumer(self, d);
  else if (d.token == st.pulling)
    note_pull_status(self, d);
  else if (d.token == st.looking)
    note_backlog(self, d);
}

puller_status status_of(const stream_puller_state& st) {
  auto out = st.totals;
  out.in_flight = st.in_flight.size();
  return out;
}

} // namespace

caf::behavior stream_puller(stream_puller_actor* self, nats_link_ptr link, puller_options options, pull_sink_ref sink) {
  auto& st = self->state;
  st.link = link;
  st.options = options;
  st.sink = sink;
  st.totals.stream = options.stream;
  st.totals.last_sequence = options.after_sequence;
  if (const auto opened = open_inbox(self); !opened) {
    self->quit(to_error(opened.error()));
    return {};
  }
  // Answers for an earlier incarnation must not hit a message of this one.
  st.next_message = (st.inbox->id() << 32U) + 1;
  st.watch = link->watch(caf::actor_cast<caf::actor>(self));
  self->delayed_send(self, options.tick, puller_tick{});
  return {
      [=](const nats_delivery& d) { take_pull_delivery(self, d); },
      [=](const nats_status& status) { note_link(self, status); },
      [=](const pull_ack& m) { settle(self, m.message, "+ACK"); },
      [=](const pull_nak& m) { settle(self, m.message, nak_text(m.delay)); },
      [=](const pull_reject& m) {
        if (auto message = take_answered(self->state, m.message))
          bury(self, std::move(*message), m.reason);
        pull_more(self);
      },
      [=](const pull_progress& m) {
        const auto at = self->state.in_flight.find(m.message);
        if (at == self->state.in_flight.end())
          return;
        at->second.given_up_at = self->clock().now() + self->state.options.ack_wait;
      },
      [=](const puller_tick&) { check_puller(self); },
      [=](const puller_query&) { return status_of(self->state); },
  };
}

} // namespace soc::transport
