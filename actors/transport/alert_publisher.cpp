#include "transport/alert_publisher.hpp"

#include "runtime/error.hpp"
#include "transport/protocol.hpp"
#include "transport/subjects.hpp"
#include "wire/alert_wire.hpp"

#include <numeric>

namespace soc::transport {

namespace {

constexpr std::chrono::seconds dead_letter_timeout{5};

struct publisher_tick {};

} // namespace

} // namespace soc::transport

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::publisher_tick)

namespace soc::transport {

namespace {

void keep_publisher_ticking(alert_publisher_actor* self) {
  auto& st = self->state;
  if (st.ticking || (st.box->size() == 0 && st.waiting.empty()))
    return;
  st.ticking = true;
  self->delayed_send(self, st.options.tick, publisher_tick{});
}

/// One thing less that the batch waits for; the last one answers its source.
void settle_one(alert_publisher_actor* self, std::uint64_t number) {
  auto& st = self->state;
  const auto at = st.batches.find(number);
  if (at == st.batches.end() || --at->second.missing > 0)
    return;
  const auto& batch = at->second;
  if (batch.failed.empty()) {
    ++st.totals.batches;
    batch.source.send(self, batch_done{batch.ticket});
  } else {
    ++st.totals.given_back;
    batch.source.send(self, batch_failed{batch.ticket, batch.failed});
  }
  st.batches.erase(at);
}

/// Counts as settled once it is kept. Without a place for dead letters it is counted only.
void set_aside(alert_publisher_actor* self, std::uint64_t number, std::string reason, std::string bytes) {
  auto& st = self->state;
  ++st.totals.dead_letters;
  st.totals.last_error = reason;
  const auto& letters = self->context().dead_letters;
  if (!letters) {
    settle_one(self, number);
    return;
  }
  self->request(letters.actor(), dead_letter_timeout,
                dead_letter{self->path(), std::move(reason), std::move(bytes), self->now()})
      .then([=](const stored&) { settle_one(self, number); },
            [=](const caf::error& why) {
              const auto at = self->state.batches.find(number);
              if (at != self->state.batches.end())
                at->second.failed = "an alert could neither be published nor set aside: " + describe(why);
              settle_one(self, number);
            });
}

void drop_outgoing(alert_publisher_actor* self, std::uint64_t token, const failure& why) {
  auto& st = self->state;
  const auto message = st.box->remove(token);
  const auto at = st.batch_of_token.find(token);
  const auto number = at->second;
  st.batch_of_token.erase(at);
  set_aside(self, number, message->subject + ": " + why.what, message->payload);
}

bool publish_alert(alert_publisher_actor* self, std::uint64_t token) {
  auto& st = self->state;
  const auto* message = st.box->find(token);
  auto sent = st.acks->request(token, message->subject, message->payload, {{"Nats-Msg-Id", message->message_id}});
  if (!sent && sent.error().code != ec::unavailable)
    drop_outgoing(self, token, sent.error());
  return static_cast<bool>(sent);
}

/// The two forms of an alert, or why it can't have them.
result<std::vector<outgoing>> forms_of(const model::alert& a, std::uint32_t partitions) {
  if (!is_token(a.tenant))
    return failure{ec::invalid_input, "the tenant of an alert is no subject token"};
  auto bytes = wire::encode(a);
  if (!bytes)
    return bytes.error();
  return std::vector<outgoing>{
      {alert_subject(a.tenant, alert_partition(a.tenant, partitions)), std::move(*bytes), a.id},
      {finding_subject(a.tenant), model::to_ocsf_json(a), a.id}};
}

void publish_batch(alert_publisher_actor* self, const publish_alerts& m) {
  auto& st = self->state;
  const auto now = self->clock().now();
  const auto number = st.next_batch++;
  auto& batch = st.batches[number];
  batch.source = m.source;
  batch.ticket = m.ticket;
  batch.missing = 1; // until all are on their way
  for (const auto& alert : m.alerts) {
    ++st.totals.alerts;
    auto forms = forms_of(*alert, st.options.partitions);
    if (!forms) {
      ++batch.missing;
      set_aside(self, number, forms.error().what, model::to_ocsf_json(*alert));
      continue;
    }
    for (auto& form : *forms) {
      ++batch.missing;
      const auto token = st.box->add(std::move(form), now);
      st.batch_of_token.emplace(token, number);
      if (publish_alert(self, token))
        st.box->mark_published(token, now);
    }
  }
  settle_one(self, number);
}

/// About what a batch takes in the outbox; exact sizes are known only after encoding.
std::size_t estimated_bytes(const publish_alerts& m) {
  constexpr std::size_t per_alert = 4096;
  return m.alerts.size() * per_alert;
}

void publish_waiting(alert_publisher_actor* self) {
  auto& st = self->state;
  while (!st.waiting.empty() && st.box->fits(estimated_bytes(st.waiting.front()))) {
    const auto next = std::move(st.waiting.front());
    st.waiting.pop_front();
    publish_batch(self, next);
  }
}

void take_alerts(alert_publisher_actor* self, const publish_alerts& m) {
  auto& st = self->state;
  if (m.alerts.empty()) {
    m.source.send(self, batch_done{m.ticket});
    return;
  }
  if (st.waiting.empty() && st.box->fits(estimated_bytes(m))) {
    publish_batch(self, m);
  } else if (st.waiting.size() < st.options.max_waiting_batches) {
    st.waiting.push_back(m);
  } else {
    ++st.totals.given_back;
    m.source.send(self, batch_failed{m.ticket, "too many alerts are waiting for NATS"});
  }
  keep_publisher_ticking(self);
}

void take_alert_ack(alert_publisher_actor* self, const nats_delivery& d) {
  auto& st = self->state;
  if (st.box->find(d.token) == nullptr)
    return; // acknowledged a second time
  const auto ack = d.status != 0 ? result<publish_ack>(failure{ec::unavailable, "no stream takes alerts"})
                                 : parse_publish_ack(d.payload);
  if (!ack) {
    st.totals.last_error = ack.error().what;
    if (ack.error().code == ec::invalid_input)
      drop_outgoing(self, d.token, ack.error());
    return; // else it comes again
  }
  st.box->remove(d.token);
  const auto at = st.batch_of_token.find(d.token);
  const auto number = at->second;
  st.batch_of_token.erase(at);
  settle_one(self, number);
  publish_waiting(self);
}

void resend_alerts(alert_publisher_actor* self) {
  auto& st = self->state;
  if (!st.link->connected(lane::bulk))
    return;
  for (const auto token : st.box->take_due(self->clock().now()))
    (void)publish_alert(self, token);
  publish_waiting(self);
}

alert_publisher_status status_of(const alert_publisher_state& st) {
  auto out = st.totals;
  out.pending_messages = st.box->size();
  out.pending_bytes = st.box->bytes();
  out.waiting_batches = st.waiting.size();
  out.resent = st.box->resent();
  return out;
}

} // namespace

caf::behavior alert_publisher(alert_publisher_actor* self, nats_link_ptr link, alert_publisher_options options) {
  auto& st = self->state;
  st.link = link;
  st.options = options;
  st.box.emplace(options.limits);
  const auto me = caf::actor_cast<caf::actor>(self);
  auto acks = nats_inbox::open(link, lane::bulk, me);
  if (!acks) {
    self->quit(to_error(acks.error()));
    return {};
  }
  st.acks.emplace(std::move(*acks));
  st.watch = link->watch(me);
  return {
      [=](const publish_alerts& m) { take_alerts(self, m); },
      [=](const nats_delivery& d) {
        if (self->state.acks->owns(d))
          take_alert_ack(self, d);
      },
      [=](const nats_status& status) {
        if (!status.connected)
          return;
        self->state.box->make_all_due(self->clock().now());
        resend_alerts(self);
      },
      [=](const publisher_tick&) {
        self->state.ticking = false;
        resend_alerts(self);
        keep_publisher_ticking(self);
      },
      [=](const alert_publisher_query&) { return status_of(self->state); },
  };
}

} // namespace soc::transport
