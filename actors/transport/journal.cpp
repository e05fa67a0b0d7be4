#include "transport/journal.hpp"

#include "runtime/error.hpp"
#include "transport/protocol.hpp"
#include "transport/subjects.hpp"

#include <algorithm>

namespace soc::transport {

namespace {

constexpr std::chrono::milliseconds journal_tick_span{100};

struct journal_tick {};

} // namespace

} // namespace soc::transport

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::journal_tick)

namespace soc::transport {

namespace {

void start_waiting_reads(journal_actor* self);

void keep_ticking(journal_actor* self) {
  auto& st = self->state;
  if (st.ticking || (st.appends.empty() && st.reads.empty()))
    return;
  st.ticking = true;
  self->delayed_send(self, journal_tick_span, journal_tick{});
}

// ---- Appends

caf::result<journal_appended> append_entry(journal_actor* self, const journal_append& entry) {
  auto& st = self->state;
  if (st.appends.size() >= st.options.max_appends)
    return to_error(ec::unavailable, "too many appends under way");
  const auto token = st.next_token++;
  const auto expected = std::to_string(entry.expected_sequence);
  // No aggregate has two appends in flight, so it does no harm that lanes overtake one another.
  const auto by = st.appends.size() < st.options.crowd ? lane::prompt : lane::bulk;
  auto sent = st.inbox->request(by, token, entry.subject, entry.payload,
                                {{"Nats-Expected-Last-Subject-Sequence", expected}, {"Nats-Msg-Id", entry.message_id}});
  if (!sent)
    return to_error(sent.error());
  auto promise = self->make_response_promise<journal_appended>();
  st.appends.emplace(token,
                     journal_pending_append{promise, entry.subject, self->clock().now() + st.options.append_timeout});
  keep_ticking(self);
  return promise;
}

void answer_append(journal_pending_append& pending, const nats_delivery& d) {
  if (d.status != 0) {
    pending.promise.deliver(to_error(ec::unavailable, "no stream takes " + pending.subject));
    return;
  }
  const auto ack = parse_publish_ack(d.payload);
  if (!ack)
    pending.promise.deliver(to_error(ack.error().code, pending.subject + ": " + ack.error().what));
  else if (ack->duplicate) // perhaps of another content or another node: the caller must read what is there
    pending.promise.deliver(to_error(ec::conflict, pending.subject + ": this message id is stored already"));
  else
    pending.promise.deliver(journal_appended{ack->sequence});
}

// ---- Reads

void end_reading(journal_actor* self, std::uint64_t number) {
  auto& st = self->state;
  const auto at = st.reads.find(number);
  if (!at->second.consumer.empty())
    (void)st.link->publish(lane::prompt, consumer_delete_subject(at->second.stream, at->second.consumer), {}, {});
  st.reads.erase(at);
  start_waiting_reads(self);
}

void fail_reading(journal_actor* self, std::uint64_t number, const failure& why) {
  self->state.reads.at(number).promise.deliver(to_error(why.code, "reading the journal: " + why.what));
  end_reading(self, number);
}

/// Not connected, no JetStream or no stream yet, as while a node starts: sooner than an answer that never comes.
void try_again_soon(journal_actor* self, journal_reading& reading) {
  const auto& options = self->state.options;
  reading.retry_wait = std::min(std::max(reading.retry_wait * 2, options.read_retry), options.read_stall);
  reading.stalls_at = self->clock().now() + reading.retry_wait;
}

/// Makes a consumer from behind the last message that was delivered.
void make_consumer(journal_actor* self, journal_reading& reading) {
  auto& st = self->state;
  consumer_definition wanted;
  wanted.stream = reading.stream;
  wanted.filter = reading.request.filter;
  wanted.acknowledged = false;
  wanted.from_sequence = reading.last_sequence + 1;
  reading.consumer.clear();
  reading.consumer_sequence = 0;
  reading.to_come = 0;
  reading.question = st.next_token++;
  reading.stalls_at = self->clock().now() + st.options.read_stall;
  if (!st.inbox->request(reading.question, consumer_create_subject(wanted), to_json(wanted)))
    try_again_soon(self, reading);
}

void pull_entries(journal_actor* self, journal_reading& reading) {
  auto& st = self->state;
  const auto batch = static_cast<std::uint32_t>(std::min<std::uint64_t>(reading.left, st.options.read_batch));
  reading.question = st.next_token++;
  reading.to_come = batch;
  reading.stalls_at = self->clock().now() + st.options.read_stall;
  (void)st.inbox->request(reading.question, pull_subject(reading.stream, reading.consumer),
                          pull_json(batch, st.options.read_stall * 2));
}

void start_reading(journal_actor* self, const journal_read& request,
                   const caf::typed_response_promise<journal_entries>& promise) {
  auto& st = self->state;
  journal_reading reading;
  reading.promise = promise;
  reading.request = request;
  reading.stream = stream_of(request.filter);
  reading.last_sequence = request.after_sequence;
  reading.gives_up_at = self->clock().now() + st.options.read_timeout;
  make_consumer(self, st.reads.emplace(st.next_token++, std::move(reading)).first->second);
  keep_ticking(self);
}

void start_waiting_reads(journal_actor* self) {
  auto& st = self->state;
  while (!st.waiting.empty() && st.reads.size() < st.options.max_reads) {
    const auto next = std::move(st.waiting.front());
    st.waiting.pop_front();
    start_reading(self, next.first, next.second);
  }
}

caf::result<journal_entries> read_entries(journal_actor* self, const journal_read& request) {
  auto& st = self->state;
  if (stream_of(request.filter).empty())
    return to_error(ec::invalid_input, "no stream stores " + request.filter);
  if (st.waiting.size() >= st.options.max_waiting_reads)
    return to_error(ec::unavailable, "too many reads under way");
  auto promise = self->make_response_promise<journal_entries>();
  st.waiting.emplace_back(request, promise);
  start_waiting_reads(self);
  return promise;
}

/// The consumer was made: asks for what it has.
void note_consumer(journal_actor* self, std::uint64_t number, const nats_delivery& d) {
  auto& reading = self->state.reads.at(number);
  if (d.status != 0)
    return try_again_soon(self, reading); // no JetStream at the moment
  const auto made = parse_consumer_created(d.payload);
  if (!made) {
    if (made.error().code == ec::unavailable)
      return try_again_soon(self, reading);
    return fail_reading(self, number, made.error());
  }
  reading.retry_wait = {};
  reading.consumer = made->name;
  reading.left = made->pending;
  if (reading.left == 0) {
    reading.promise.deliver(std::move(reading.found));
    end_reading(self, number);
    return;
  }
  pull_entries(self, reading);
}

void take_entry(journal_actor* self, std::uint64_t number, const nats_delivery& d, const delivery_place& place) {
  auto& st = self->state;
  auto& reading = st.reads.at(number);
  if (place.consumer_sequence != reading.consumer_sequence + 1) {
    make_consumer(self, reading); // a message was lost on the way
    return;
  }
  reading.consumer_sequence = place.consumer_sequence;
  reading.last_sequence = place.stream_sequence;
  reading.stalls_at = self->clock().now() + st.options.read_stall;
  reading.bytes += d.payload.size() + d.subject.size();
  reading.found.entries.push_back({d.subject, place.stream_sequence, d.payload});
  if (reading.bytes > st.options.max_read_bytes) {
    fail_reading(self, number, {ec::too_large, "more than " + std::to_string(st.options.max_read_bytes) + " bytes"});
    return;
  }
  reading.left -= std::min<std::uint64_t>(reading.left, 1);
  reading.to_come -= std::min<std::uint64_t>(reading.to_come, 1);
  if (reading.left == 0 || place.pending == 0) {
    reading.promise.deliver(std::move(reading.found));
    end_reading(self, number);
  } else if (reading.to_come == 0) {
    pull_entries(self, reading);
  }
}

void take_delivery(journal_actor* self, const nats_delivery& d) {
  auto& st = self->state;
  if (d.token == 0) {
    const auto place = parse_delivery_subject(d.reply);
    for (const auto& [number, reading] : st.reads)
      if (place && !reading.consumer.empty() && place->consumer == reading.consumer)
        return take_entry(self, number, d, *place);
    return;
  }
  if (const auto at = st.appends.find(d.token); at != st.appends.end()) {
    answer_append(at->second, d);
    st.appends.erase(at);
    return;
  }
  for (auto& [number, reading] : st.reads)
    if (reading.question == d.token) {
      if (reading.consumer.empty())
        return note_consumer(self, number, d);
      return make_consumer(self, reading); // a status: the pull ended before it was complete
    }
}

void check_journal(journal_actor* self) {
  auto& st = self->state;
  const auto now = self->clock().now();
  st.ticking = false;
  while (!st.appends.empty() && st.appends.begin()->second.gives_up_at <= now) {
    auto& late = st.appends.begin()->second;
    late.promise.deliver(to_error(ec::timed_out, "no acknowledgement for " + late.subject));
    st.appends.erase(st.appends.begin());
  }
  std::vector<std::uint64_t> given_up;
  for (auto& [number, reading] : st.reads)
    if (reading.gives_up_at <= now)
      given_up.push_back(number);
    else if (reading.stalls_at <= now)
      make_consumer(self, reading);
  for (const auto number : given_up)
    fail_reading(self, number, {ec::timed_out, "no answer in time"});
  keep_ticking(self);
}

} // namespace

caf::behavior journal(journal_actor* self, nats_link_ptr link, journal_options options) {
  auto& st = self->state;
  st.options = options;
  st.link = link;
  auto inbox = nats_inbox::open(link, lane::prompt, caf::actor_cast<caf::actor>(self));
  if (!inbox) {
    self->quit(to_error(inbox.error()));
    return {};
  }
  st.inbox.emplace(std::move(*inbox));
  return {
      [=](const journal_append& entry) { return append_entry(self, entry); },
      [=](const journal_read& request) { return read_entries(self, request); },
      [=](const nats_delivery& d) {
        auto& inbox = *self->state.inbox;
        if (!inbox.owns(d))
          return;
        inbox.heard();
        take_delivery(self, d);
      },
      [=](const journal_tick&) { check_journal(self); },
  };
}

} // namespace soc::transport
