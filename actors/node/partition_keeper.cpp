#include "node/partition_keeper.hpp"

#include "graph/graph_actor.hpp"
#include "node/incident_bridge.hpp"
#include "response/messages.hpp"
#include "runtime/error.hpp"
#include "transport/ownership.hpp"
#include "transport/subjects.hpp"
#include "wire/alert_wire.hpp"

#include <fmt/format.h>

namespace soc::node {

namespace {

struct partition_settled {
  std::uint32_t partition = 0;
};

} // namespace

} // namespace soc::node

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::node::partition_settled)

namespace soc::node {

namespace {

std::string partition_name(std::uint32_t partition) {
  return fmt::format("partition-{}", partition);
}

graph::graph_options graph_options_of(const partition_plan& plan, std::uint32_t partition) {
  graph::graph_options options;
  options.name = std::to_string(partition);
  options.alert_filter = transport::alert_filter(partition);
  options.settings = plan.settings;
  return options;
}

graph::graph_ports graph_ports_of(const partition_plan& plan) {
  graph::graph_ports ports;
  ports.router = plan.router;
  ports.store = plan.w.store();
  ports.journal = plan.w.journal();
  ports.decode = [](std::string_view bytes) -> result<std::vector<model::alert_ptr>> {
    auto alert = wire::decode_alert(bytes);
    if (!alert)
      return alert.error();
    return std::vector<model::alert_ptr>{std::make_shared<const model::alert>(std::move(*alert))};
  };
  return ports;
}

/// Graph, sink and puller of one partition, and the response's; when the graph restarts, what is in flight to it is
/// pulled again.
child_spec plan_partition(const partition_plan& plan, std::uint32_t partition) {
  const auto path = "graph/" + partition_name(partition);
  const graph::graph_ref graph(plan.w.actors->reserve(path + "/graph"));
  const transport::pull_sink_ref sink(plan.w.actors->reserve(path + "/sink"));
  transport::puller_options pulling;
  pulling.stream = "ALERTS";
  pulling.streams = plan.w.streams();
  pulling.durable = fmt::format("graph-{}", partition);
  pulling.filter = transport::alert_filter(partition);
  supervisor_spec spec;
  auto graph_child = child("graph", graph::graph_behavior, graph_options_of(plan, partition), graph_ports_of(plan));
  graph_child.drains = true;
  spec.children.push_back(std::move(graph_child));
  spec.children.push_back(child("sink", alert_sink, graph));
  spec.children.push_back(child("puller", transport::stream_puller, plan.w.link, pulling, sink));
  // The response reads the alerts at its own pace: neither waits for the other.
  const transport::pull_sink_ref answers(plan.w.actors->reserve(path + "/response-sink"));
  const std::function<bool()> has_rules = [content = plan.w.response] {
    return response::has_alert_rules(content->get()->config);
  };
  spec.children.push_back(
      child("response-sink", response_sink, response::alert_listener_ref(plan.response), has_rules));
  pulling.durable = fmt::format("response-{}", partition);
  pulling.max_deliveries = 50; // of a node that is being mended
  spec.children.push_back(child("response-puller", transport::stream_puller, plan.w.link, pulling, answers));
  return supervisor_child(partition_name(partition), std::move(spec));
}

constexpr std::chrono::seconds start_timeout{10}, stop_timeout{30}, try_again_after{1};

void reconcile(partition_keeper_self* self, const partition_plan& plan);

/// A start or stop that failed is not the last word: looked at again in a while, by then perhaps the other way round.
void try_again(partition_keeper_self* self, const partition_plan& plan, std::uint32_t partition, const char* what,
               const caf::error& why) {
  plan.w.log->warn("graph partition {} did not {}: {}", partition, what, self->system().render(why));
  self->delayed_send(self, try_again_after, partition_settled{partition});
}

void start_partition(partition_keeper_self* self, const partition_plan& plan, std::uint32_t partition) {
  self->request(plan.siblings.actor(), start_timeout, start_child{plan_partition(plan, partition)})
      .then(
          [=](const child_started&) {
            self->state.running.insert(partition);
            self->send(self, partition_settled{partition});
          },
          [=](const caf::error& e) {
            if (to_failure(e).code == ec::conflict) // an earlier start that was answered too late
              self->state.running.insert(partition);
            try_again(self, plan, partition, "start", e);
          });
}

void stop_partition(partition_keeper_self* self, const partition_plan& plan, std::uint32_t partition) {
  self->request(plan.siblings.actor(), stop_timeout, stop_child{partition_name(partition)})
      .then(
          [=](const child_stopped&) {
            self->state.running.erase(partition);
            self->send(self, partition_settled{partition});
          },
          [=](const caf::error& e) {
            if (to_failure(e).code == ec::not_found)
              self->state.running.erase(partition);
            try_again(self, plan, partition, "stop", e);
          });
}

/// One order a partition at a time: its addresses are those of one life, so it is started only when it has ended.
void reconcile(partition_keeper_self* self, const partition_plan& plan) {
  auto& state = self->state;
  for (std::uint32_t p = 0; p < plan.w.settings.alert_partitions; ++p) {
    const bool ours = transport::owner_of(partition_key(p), state.nodes) == plan.w.settings.name;
    if (ours == (state.running.count(p) != 0) || !state.changing.insert(p).second)
      continue;
    if (ours)
      start_partition(self, plan, p);
    else
      stop_partition(self, plan, p);
  }
}

void note_nodes(partition_keeper_self* self, const partition_plan& plan, const std::vector<std::string>& nodes) {
  auto& state = self->state;
  const bool moved = !state.nodes.empty() && state.nodes != nodes;
  state.nodes = nodes;
  reconcile(self, plan);
  if (moved && plan.response)
    self->send(plan.response, response::recover_responses{});
}

} // namespace

std::string partition_key(std::uint32_t partition) {
  return fmt::format("graph/{}", partition);
}

caf::behavior partition_keeper(partition_keeper_self* self, partition_plan plan) {
  plan.w.membership().send(self, transport::watch_nodes{self->stable_handle()});
  return {
      [self, plan](const transport::living_nodes& living) { note_nodes(self, plan, living.nodes); },
      [self, plan](const partition_settled& settled) {
        self->state.changing.erase(settled.partition);
        reconcile(self, plan);
      },
  };
}

} // namespace soc::node
