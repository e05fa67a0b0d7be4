#include "transport/node_bus.hpp"

#include "runtime/error.hpp"
#include "transport/subjects.hpp"

#include <algorithm>

namespace soc::transport {

namespace {

constexpr std::chrono::milliseconds node_bus_tick_span{100};
constexpr std::string_view control_is_late = "no answer in time; what was asked may still be done";

struct node_bus_tick {};

} // namespace

} // namespace soc::transport

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::node_bus_tick)

namespace soc::transport {

namespace {

/// The encoded answer, or the encoded refusal when it cannot be sent.
template <class Reply>
void answer(node_bus_actor* self, const std::string& to, const Reply& reply, const Reply& too_large) {
  auto bytes = wire::encode(reply);
  if (bytes && self->state.link->publish(lane::prompt, to, {}, *bytes))
    return;
  if (auto refusal = wire::encode(too_large))
    (void)self->state.link->publish(lane::prompt, to, {}, *refusal);
}

wire::control_reply refusal(std::string error) {
  wire::control_reply out;
  out.exit_code = 1;
  out.error = std::move(error);
  return out;
}

void answer_control_error(node_bus_actor* self, const std::string& to, std::string error) {
  const auto reply = refusal(std::move(error));
  answer(self, to, reply, reply);
}

void answer_envelope(node_bus_actor* self, const std::string& to, const wire::envelope_reply& reply) {
  answer(self, to, reply, wire::envelope_reply{ec::too_large, "the answer is too large for one message", {}});
}

/// The gateway waits as long as whoever asked; we a little longer, for it says what became of it.
std::chrono::milliseconds time_for_control(node_bus_actor* self, const std::string& payload) {
  const auto otherwise = self->state.options.answer_timeout;
  const auto request = wire::decode_control_request(payload);
  return (request ? wire::patience_of(*request, self->now(), otherwise) : otherwise) + 2 * wire::handing_on;
}

void take_control(node_bus_actor* self, const nats_delivery& d) {
  auto& st = self->state;
  if (d.reply.empty())
    return; // nobody waits
  if (!st.control || st.answering >= st.options.max_requests) {
    answer_control_error(self, d.reply, "this node is busy");
    return;
  }
  ++st.answering;
  self->request(st.control.actor(), time_for_control(self, d.payload), control_payload{d.payload})
      .then(
          [=, to = d.reply](const control_payload_reply& reply) {
            --self->state.answering;
            if (!self->state.link->publish(lane::prompt, to, {}, reply.payload))
              answer_control_error(self, to, "the answer is too large for one message");
          },
          [=, to = d.reply](const caf::error& why) {
            --self->state.answering;
            const auto failed = to_failure(why);
            answer_control_error(self, to, failed.code == ec::timed_out ? std::string(control_is_late) : failed.what);
          });
}

/// How long a handler gets: until the deadline of the sender, whose clock is near ours.
std::chrono::milliseconds time_left(node_bus_actor* self, unix_ns deadline) {
  const auto most = self->state.options.answer_timeout;
  if (deadline == 0)
    return most;
  if (deadline <= self->now())
    return std::chrono::milliseconds(0);
  return std::min(most, std::chrono::milliseconds((deadline - self->now()) / ns_per_ms));
}

void take_envelope(node_bus_actor* self, const nats_delivery& d) {
  auto& st = self->state;
  if (d.reply.empty())
    return; // nobody waits
  auto message = wire::decode_envelope(d.payload);
  if (!message) {
    answer_envelope(self, d.reply, {message.error().code, message.error().what, {}});
    return;
  }
  const auto left = time_left(self, message->deadline);
  if (left.count() <= 0 || !st.router || st.answering >= st.options.max_requests) {
    const auto code = left.count() <= 0 ? ec::timed_out : ec::unavailable;
    answer_envelope(self, d.reply, {code, code == ec::timed_out ? "came too late" : "this node is busy", {}});
    return;
  }
  ++st.answering;
  self->request(st.router.actor(), left, deliver_envelope{std::move(*message)})
      .then(
          [=, to = d.reply](const wire::envelope_reply& reply) {
            --self->state.answering;
            answer_envelope(self, to, reply);
          },
          [=, to = d.reply](const caf::error& why) {
            --self->state.answering;
            const auto failed = to_failure(why);
            answer_envelope(self, to, {failed.code, failed.what, {}});
          });
}

// ---- Our own calls

void keep_node_bus_ticking(node_bus_actor* self) {
  auto& st = self->state;
  if (st.ticking || st.calls.empty())
    return;
  st.ticking = true;
  self->delayed_send(self, node_bus_tick_span, node_bus_tick{});
}

caf::result<wire::envelope_reply> call_node(node_bus_actor* self, const send_envelope& m) {
  auto& st = self->state;
  if (!is_node_name(m.node))
    return to_error(ec::invalid_input, "not the name of a node");
  if (st.calls.size() >= st.options.max_calls)
    return to_error(ec::unavailable, "too many calls to other nodes under way");
  auto message = m.message;
  message.sender = st.options.node;
  if (message.deadline == 0)
    message.deadline = self->now() + m.timeout.count() * ns_per_ms;
  auto bytes = wire::encode(message);
  if (!bytes)
    return to_error(bytes.error());
  const auto token = st.next_token++;
  auto sent = st.inbox->request(token, aggregate_subject(m.node), *bytes);
  if (!sent)
    return to_error(sent.error());
  auto promise = self->make_response_promise<wire::envelope_reply>();
  st.calls.emplace(token, node_bus_state::call{promise, self->clock().now() + m.timeout});
  keep_node_bus_ticking(self);
  return promise;
}

void take_answer(node_bus_actor* self, const nats_delivery& d) {
  auto& st = self->state;
  const auto at = st.calls.find(d.token);
  if (at == st.calls.end())
    return; // too late
  auto promise = at->second.promise;
  st.calls.erase(at);
  if (d.status != 0) {
    promise.deliver(to_error(ec::unavailable, "the node does not answer"));
    return;
  }
  auto reply = wire::decode_envelope_reply(d.payload);
  if (!reply)
    promise.deliver(to_error(reply.error()));
  else if (reply->code != ec::none)
    promise.deliver(to_error(reply->code, reply->text));
  else
    promise.deliver(std::move(*reply));
}

void check_calls(node_bus_actor* self) {
  auto& st = self->state;
  st.ticking = false;
  const auto now = self->clock().now();
  for (auto at = st.calls.begin(); at != st.calls.end();) {
    if (at->second.gives_up_at > now) {
      ++at;
      continue;
    }
    at->second.promise.deliver(to_error(ec::timed_out, "the node did not answer in time"));
    at = st.calls.erase(at);
  }
  keep_node_bus_ticking(self);
}

outcome listen_for_others(node_bus_actor* self) {
  auto& st = self->state;
  const auto me = caf::actor_cast<caf::actor>(self);
  const auto subscribe = [&](nats_subscription& into, const std::string& subject, const std::string& group) -> outcome {
    auto made = st.link->subscribe(lane::prompt, subject, me, group);
    if (!made)
      return made.error();
    into = std::move(*made);
    return done{};
  };
  auto inbox = nats_inbox::open(st.link, lane::prompt, me);
  if (!inbox)
    return inbox.error();
  st.inbox.emplace(std::move(*inbox));
  if (auto made = subscribe(st.on_control, control_subject(st.options.node), {}); !made)
    return made;
  if (auto made = subscribe(st.on_any_control, std::string(any_control_subject), "nodes"); !made)
    return made;
  return subscribe(st.on_aggregate, aggregate_subject(st.options.node), {});
}

void take_node_delivery(node_bus_actor* self, const nats_delivery& d) {
  auto& st = self->state;
  if (d.subscription == st.on_control.id() || d.subscription == st.on_any_control.id())
    take_control(self, d);
  else if (d.subscription == st.on_aggregate.id())
    take_envelope(self, d);
  else if (st.inbox->owns(d))
    take_answer(self, d);
}

} // namespace

caf::behavior node_bus(node_bus_actor* self, nats_link_ptr link, node_bus_options options,
                       ref<control_handler_interface> control, ref<envelope_handler_interface> router) {
  auto& st = self->state;
  st.link = std::move(link);
  st.options = std::move(options);
  st.control = std::move(control);
  st.router = std::move(router);
  if (auto listening = listen_for_others(self); !listening) {
    self->quit(to_error(listening.error()));
    return {};
  }
  return {
      [=](const nats_delivery& d) { take_node_delivery(self, d); },
      [=](const send_envelope& m) { return call_node(self, m); },
      [=](const node_bus_tick&) { check_calls(self); },
  };
}

} // namespace soc::transport
