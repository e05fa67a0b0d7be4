#include "transport/bus.hpp"

#include "runtime/error.hpp"
#include "transport/protocol.hpp"

namespace soc::transport {

namespace {

struct bus_tick {};

} // namespace

} // namespace soc::transport

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::bus_tick)

namespace soc::transport {

namespace {

void keep_bus_ticking(bus_actor* self) {
  auto& st = self->state;
  if (st.ticking || (st.box->size() == 0 && st.requests.empty() && st.waiting.empty()))
    return;
  st.ticking = true;
  self->delayed_send(self, st.options.tick, bus_tick{});
}

void refuse_publish(bus_actor* self, std::uint64_t token, const failure& why) {
  auto& st = self->state;
  st.box->remove(token);
  const auto at = st.promises.find(token);
  ++st.refused;
  at->second.deliver(to_error(why));
  st.promises.erase(at);
}

/// One attempt. What is not acknowledged comes again; what never can be is refused.
bool publish_outgoing(bus_actor* self, std::uint64_t token) {
  auto& st = self->state;
  const auto* message = st.box->find(token);
  auto sent = st.acks->request(token, message->subject, message->payload, {{"Nats-Msg-Id", message->message_id}});
  if (sent)
    return true;
  if (sent.error().code != ec::unavailable)
    refuse_publish(self, token, sent.error());
  return false;
}

void admit(bus_actor* self, const bus_publish& m, const bus_state::publish_promise& promise) {
  auto& st = self->state;
  const auto now = self->clock().now();
  const auto token = st.box->add({m.subject, m.payload, m.message_id}, now);
  st.promises.emplace(token, promise);
  if (publish_outgoing(self, token))
    st.box->mark_published(token, now);
}

void admit_waiting(bus_actor* self) {
  auto& st = self->state;
  while (!st.waiting.empty() && st.box->fits(st.waiting.front().first.payload.size())) {
    const auto next = std::move(st.waiting.front());
    st.waiting.pop_front();
    st.waiting_bytes -= next.first.payload.size();
    admit(self, next.first, next.second);
  }
}

caf::result<bus_published> take_publish(bus_actor* self, const bus_publish& m) {
  auto& st = self->state;
  if (m.subject.empty() || m.message_id.empty())
    return to_error(ec::invalid_input, "a publish without subject or message id");
  const bool held = !st.waiting.empty() || !st.box->fits(m.payload.size());
  if (held && (st.waiting.size() >= st.options.max_waiting ||
               st.waiting_bytes + m.payload.size() > st.options.max_waiting_bytes)) {
    ++st.refused;
    return to_error(ec::unavailable, "too much is waiting for NATS");
  }
  auto promise = self->make_response_promise<bus_published>();
  if (held) {
    st.waiting.emplace_back(m, promise);
    st.waiting_bytes += m.payload.size();
  } else {
    admit(self, m, promise);
  }
  keep_bus_ticking(self);
  return promise;
}

void take_ack(bus_actor* self, const nats_delivery& d) {
  auto& st = self->state;
  if (st.box->find(d.token) == nullptr)
    return; // acknowledged a second time
  const auto ack = d.status != 0 ? result<publish_ack>(failure{ec::unavailable, "no stream takes this subject"})
                                 : parse_publish_ack(d.payload);
  if (ack) {
    ++st.published;
    st.box->remove(d.token);
    const auto at = st.promises.find(d.token);
    at->second.deliver(bus_published{ack->sequence});
    st.promises.erase(at);
    admit_waiting(self);
    return;
  }
  st.last_error = ack.error().what;
  if (ack.error().code != ec::unavailable && ack.error().code != ec::corrupt) {
    refuse_publish(self, d.token, ack.error());
    admit_waiting(self);
  }
}

void resend_due(bus_actor* self) {
  auto& st = self->state;
  if (!st.link->connected(lane::bulk))
    return;
  for (const auto token : st.box->take_due(self->clock().now()))
    (void)publish_outgoing(self, token);
  admit_waiting(self);
}

// ---- Requests to other nodes

caf::result<bus_reply> take_request(bus_actor* self, const bus_request& m) {
  auto& st = self->state;
  if (st.requests.size() >= st.options.max_requests)
    return to_error(ec::unavailable, "too many requests under way");
  const auto token = st.next_request++;
  auto sent = st.replies->request(token, m.subject, m.payload);
  if (!sent)
    return to_error(sent.error());
  auto promise = self->make_response_promise<bus_reply>();
  st.requests.emplace(token, bus_state::request_entry{promise, self->clock().now() + m.timeout});
  keep_bus_ticking(self);
  return promise;
}

void take_reply(bus_actor* self, const nats_delivery& d) {
  auto& st = self->state;
  const auto at = st.requests.find(d.token);
  if (at == st.requests.end())
    return; // too late
  if (d.status != 0)
    at->second.promise.deliver(to_error(ec::unavailable, "nobody answers"));
  else
    at->second.promise.deliver(bus_reply{d.payload});
  st.requests.erase(at);
}

void check_bus(bus_actor* self) {
  auto& st = self->state;
  st.ticking = false;
  const auto now = self->clock().now();
  for (auto at = st.requests.begin(); at != st.requests.end();) {
    if (at->second.gives_up_at > now) {
      ++at;
      continue;
    }
    at->second.promise.deliver(to_error(ec::timed_out, "no answer in time"));
    at = st.requests.erase(at);
  }
  resend_due(self);
  keep_bus_ticking(self);
}

bus_status status_of(const bus_state& st) {
  return {st.box->size(), st.box->bytes(),  st.waiting.size(), st.requests.size(),
          st.published,   st.box->resent(), st.refused,        st.last_error};
}

outcome open_inboxes(bus_actor* self) {
  auto& st = self->state;
  const auto me = caf::actor_cast<caf::actor>(self);
  auto acks = nats_inbox::open(st.link, lane::bulk, me);
  if (!acks)
    return acks.error();
  auto replies = nats_inbox::open(st.link, lane::prompt, me);
  if (!replies)
    return replies.error();
  st.acks.emplace(std::move(*acks));
  st.replies.emplace(std::move(*replies));
  st.watch = st.link->watch(me);
  return done{};
}

} // namespace

caf::behavior bus(bus_actor* self, nats_link_ptr link, bus_options options) {
  auto& st = self->state;
  st.link = std::move(link);
  st.options = options;
  st.box.emplace(options.limits);
  if (auto opened = open_inboxes(self); !opened) {
    self->quit(to_error(opened.error()));
    return {};
  }
  return {
      [=](const bus_publish& m) { return take_publish(self, m); },
      [=](const bus_request& m) { return take_request(self, m); },
      [=](const nats_delivery& d) {
        if (self->state.acks->owns(d))
          take_ack(self, d);
        else if (self->state.replies->owns(d))
          take_reply(self, d);
      },
      [=](const nats_status& status) {
        if (!status.connected)
          return;
        self->state.box->make_all_due(self->clock().now());
        resend_due(self);
      },
      [=](const bus_tick&) { check_bus(self); },
      [=](const bus_query&) { return status_of(self->state); },
  };
}

} // namespace soc::transport
