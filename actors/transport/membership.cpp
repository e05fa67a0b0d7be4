#include "transport/membership.hpp"

#include "runtime/error.hpp"
#include "transport/protocol.hpp"

#include <algorithm>

namespace soc::transport {

namespace {

constexpr std::string_view nodes_stream = "KV_soc_nodes";

struct heartbeat_tick {};

} // namespace

} // namespace soc::transport

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::heartbeat_tick)

namespace soc::transport {

namespace {

std::string node_key(const std::string& node) {
  return "$KV.soc_nodes." + node;
}

living_nodes current(const membership_state& st) {
  return {st.view->living(), st.epoch};
}

void tell_subscribers(membership_actor* self) {
  auto& st = self->state;
  if (!st.settled)
    return;
  ++st.epoch;
  for (const auto& subscriber : st.subscribers)
    self->send(subscriber, current(st));
}

void send_heartbeat(membership_actor* self) {
  const auto& st = self->state;
  (void)st.link->publish(lane::prompt, node_key(st.options.self.node), {}, to_json(st.options.self));
}

/// Asks for the last heartbeat of every node. Ours is among them, so there is always an answer.
void ask_for_book(membership_actor* self) {
  auto& st = self->state;
  const auto now = self->clock().now();
  if (st.settled || now < st.ask_again_at)
    return;
  consumer_definition wanted;
  wanted.stream = nodes_stream;
  wanted.filter = "$KV.soc_nodes.*";
  wanted.acknowledged = false;
  wanted.last_per_subject = true;
  wanted.inactive = std::chrono::milliseconds(5000);
  // A subject of its own, subscribed to literally: nats-server 2.9 sees no interest in a deliver subject that only a
  // wildcard matches, and never delivers.
  wanted.deliver_to = st.inbox->reply_subject(st.next_token++) + ".book";
  if (auto book = st.link->subscribe(lane::prompt, wanted.deliver_to, caf::actor_cast<caf::actor>(self)))
    st.book = std::move(*book);
  st.ask_again_at = now + std::chrono::milliseconds(300);
  (void)st.inbox->request(st.next_token++, consumer_create_subject(wanted), to_json(wanted));
}

void take_heartbeat(membership_actor* self, const nats_delivery& d, std::chrono::milliseconds age) {
  const auto info = parse_node_info(d.payload);
  if (!info || d.subject != node_key(info->node))
    return; // a deleted key, or somebody else's
  const auto& me = self->state.options.self;
  if (info->node == me.node && info->incarnation != me.incarnation && age.count() == 0)
    self->probe().set_failure("another node calls itself " + me.node, self->now());
  if (self->state.view->hear(*info, self->clock().now(), age))
    tell_subscribers(self);
}

void take_book_entry(membership_actor* self, const nats_delivery& d) {
  auto& st = self->state;
  const auto place = parse_delivery_subject(d.reply);
  if (!place || st.settled)
    return;
  const auto age = std::max<unix_ns>(0, self->now() - place->stored_at);
  take_heartbeat(self, d, std::chrono::milliseconds(age / ns_per_ms));
  if (place->pending == 0) {
    st.settled = true;
    tell_subscribers(self);
  }
}

void beat(membership_actor* self) {
  auto& st = self->state;
  self->delayed_send(self, st.options.heartbeat, heartbeat_tick{});
  if (!st.leaving)
    send_heartbeat(self);
  if (st.link->connected(lane::prompt))
    ask_for_book(self);
  if (st.view->check(self->clock().now()))
    tell_subscribers(self);
}

void note_connection(membership_actor* self, const nats_status& status) {
  auto& st = self->state;
  st.view->set_connected(status.connected, self->clock().now());
  if (!status.connected || st.leaving)
    return;
  send_heartbeat(self);
  ask_for_book(self);
}

void add_subscriber(membership_actor* self, const caf::actor& subscriber) {
  auto& st = self->state;
  if (!subscriber || std::find(st.subscribers.begin(), st.subscribers.end(), subscriber) != st.subscribers.end())
    return;
  st.subscribers.push_back(subscriber);
  self->monitor(subscriber);
  if (st.settled)
    self->send(subscriber, current(st));
}

outcome listen(membership_actor* self) {
  auto& st = self->state;
  const auto me = caf::actor_cast<caf::actor>(self);
  auto inbox = nats_inbox::open(st.link, lane::prompt, me);
  if (!inbox)
    return inbox.error();
  auto heartbeats = st.link->subscribe(lane::prompt, "$KV.soc_nodes.*", me);
  if (!heartbeats)
    return heartbeats.error();
  st.inbox.emplace(std::move(*inbox));
  st.heartbeats = std::move(*heartbeats);
  st.watch = st.link->watch(me);
  return done{};
}

} // namespace

caf::behavior membership(membership_actor* self, nats_link_ptr link, membership_options options) {
  auto& st = self->state;
  st.link = std::move(link);
  st.options = std::move(options);
  st.view.emplace(st.options.self, st.options.dead_after);
  if (auto listening = listen(self); !listening) {
    self->quit(to_error(listening.error()));
    return {};
  }
  self->set_down_handler([=](caf::down_msg& down) {
    auto& all = self->state.subscribers;
    all.erase(std::remove_if(all.begin(), all.end(), [&](const caf::actor& a) { return a.address() == down.source; }),
              all.end());
  });
  self->delayed_send(self, st.options.heartbeat, heartbeat_tick{});
  return {
      [=](const nats_status& status) { note_connection(self, status); },
      [=](const nats_delivery& d) {
        if (self->state.heartbeats.id() == d.subscription)
          take_heartbeat(self, d, {});
        else if (self->state.book.id() == d.subscription)
          take_book_entry(self, d);
      },
      [=](const heartbeat_tick&) { beat(self); },
      [=](const watch_nodes& m) { add_subscriber(self, m.subscriber); },
      [=](const nodes_query&) {
        return all_nodes{self->state.view->all(self->clock().now()), self->state.epoch};
      },
      [=](const leave_cluster&) {
        self->state.leaving = self->state.options.self.leaving = true;
        send_heartbeat(self);
        return left_cluster{};
      },
  };
}

} // namespace soc::transport
