#include "node/incident_bridge.hpp"

#include "runtime/error.hpp"
#include "wire/alert_wire.hpp"

namespace soc::node {

namespace {

constexpr std::chrono::seconds place_timeout{30};

} // namespace

caf::behavior alert_sink(bridge_self* self, graph::graph_ref to) {
  return {
      [self, to](const transport::pulled_message& m) {
        auto alert = wire::decode_alert(m.payload);
        if (!alert) {
          m.puller.send(self, transport::pull_reject{m.message, alert.error().what});
          return;
        }
        graph::place_alert order{std::make_shared<const model::alert>(std::move(*alert)), m.sequence};
        self->request(to.actor(), place_timeout, std::move(order))
            .then([self, puller = m.puller,
                   id = m.message](const graph::alert_placed&) { puller.send(self, transport::pull_ack{id}); },
                  [self, puller = m.puller, id = m.message](const caf::error&) {
                    puller.send(self, transport::pull_nak{id, std::chrono::milliseconds(500)});
                  });
      },
  };
}

caf::behavior response_sink(bridge_self* self, response::alert_listener_ref to, std::function<bool()> wanted) {
  return {
      [self, to, wanted = std::move(wanted)](const transport::pulled_message& m) {
        if (!wanted()) {
          m.puller.send(self, transport::pull_ack{m.message});
          return;
        }
        auto alert = wire::decode_alert(m.payload);
        if (!alert) { // a dead letter already: the graph has it too
          m.puller.send(self, transport::pull_ack{m.message});
          return;
        }
        response::alert_raised raised{std::make_shared<const model::alert>(std::move(*alert))};
        self->request(to.actor(), place_timeout, std::move(raised))
            .then([self, puller = m.puller,
                   id = m.message](const response::alert_answered&) { puller.send(self, transport::pull_ack{id}); },
                  [self, puller = m.puller, id = m.message](const caf::error&) {
                    puller.send(self, transport::pull_nak{id, std::chrono::seconds(5)});
                  });
      },
  };
}

caf::behavior incident_sink(bridge_self* self, incident::manager_ref to) {
  return {
      [self, to](const transport::pulled_message& m) {
        to.send(self, incident::incident_published{m.subject, m.payload});
        m.puller.send(self, transport::pull_ack{m.message});
      },
  };
}

caf::behavior remote_incidents(bridge_self* self, transport::node_bus_ref bus, std::string node) {
  return {
      [self, bus, node](const incident::remote_request& r) -> caf::result<incident::remote_answer> {
        transport::send_envelope order;
        order.node = r.node;
        order.timeout = r.timeout;
        order.message.kind = "incident";
        order.message.id = r.incident_id;
        order.message.message = r.message;
        order.message.payload = r.payload;
        order.message.sender = node;
        order.message.deadline = self->now() + r.timeout.count() * ns_per_ms;
        auto promise = self->make_response_promise<incident::remote_answer>();
        auto shared = std::make_shared<decltype(promise)>(promise);
        self->request(bus.actor(), r.timeout + std::chrono::seconds(1), std::move(order))
            .then([shared](
                      const wire::envelope_reply& reply) { shared->deliver(incident::remote_answer{reply.payload}); },
                  [shared](caf::error& e) { shared->deliver(std::move(e)); });
        return promise;
      },
  };
}

caf::behavior aggregate_router(bridge_self* self, incident::manager_ref to) {
  return {
      [self, to](const transport::deliver_envelope& in) -> caf::result<wire::envelope_reply> {
        if (in.message.kind != "incident")
          return to_error(ec::not_found, "no aggregate of kind '" + in.message.kind + "' here");
        auto promise = self->make_response_promise<wire::envelope_reply>();
        auto shared = std::make_shared<decltype(promise)>(promise);
        self->request(to.actor(), std::chrono::seconds(15), incident::remote_delivery{in.message.payload})
            .then(
                [shared](const incident::remote_answer& answer) {
                  wire::envelope_reply reply;
                  reply.payload = answer.payload;
                  shared->deliver(std::move(reply));
                },
                [shared](caf::error& e) { shared->deliver(std::move(e)); });
        return promise;
      },
  };
}

void recent_alerts::add(model::alert_ptr alert) {
  std::lock_guard lock(mutex_);
  all_.push_back(std::move(alert));
  if (all_.size() > limit_)
    all_.pop_front();
}

std::vector<model::alert_ptr> recent_alerts::newest(std::size_t count) const {
  std::lock_guard lock(mutex_);
  std::vector<model::alert_ptr> out;
  for (auto at = all_.rbegin(); at != all_.rend() && out.size() < count; ++at)
    out.push_back(*at);
  return out;
}

caf::behavior recent_sink(bridge_self* self, std::shared_ptr<recent_alerts> ring) {
  return {
      [self, ring](const transport::pulled_message& m) {
        if (auto alert = wire::decode_alert(m.payload))
          ring->add(std::make_shared<const model::alert>(std::move(*alert)));
        m.puller.send(self, transport::pull_ack{m.message});
      },
  };
}

} // namespace soc::node
