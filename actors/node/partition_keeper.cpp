#include "node/partition_keeper.hpp"

#include "graph/graph_actor.hpp"
#include "node/incident_bridge.hpp"
#include "response/messages.hpp"
#include "transport/ownership.hpp"
#include "transport/subjects.hpp"
#include "wire/alert_wire.hpp"

#include <fmt/format.h>

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

/// Graph, sink and puller of one partition; when the graph restarts, what is in flight to it is pulled again.
child_spec plan_partition(const partition_plan& plan, std::uint32_t partition) {
  const auto path = "graph/" + partition_name(partition);
  const graph::graph_ref graph(plan.w.actors->reserve(path + "/graph"));
  const transport::pull_sink_ref sink(plan.w.actors->reserve(path + "/sink"));
  transport::puller_options pulling;
  pulling.stream = "ALERTS";
  pulling.durable = fmt::format("graph-{}", partition);
  pulling.filter = transport::alert_filter(partition);
  supervisor_spec spec;
  auto graph_child = child("graph", graph::graph_behavior, graph_options_of(plan, partition), graph_ports_of(plan));
  graph_child.drains = true;
  spec.children.push_back(std::move(graph_child));
  spec.children.push_back(child("sink", alert_sink, graph));
  spec.children.push_back(child("puller", transport::stream_puller, plan.w.link, pulling, sink));
  return supervisor_child(partition_name(partition), std::move(spec));
}

void start_partition(partition_keeper_self* self, const partition_plan& plan, std::uint32_t partition) {
  self->state.running.insert(partition);
  self->request(plan.siblings.actor(), std::chrono::seconds(10), start_child{plan_partition(plan, partition)})
      .then([](const child_started&) {},
            [self, partition, log = plan.w.log](const caf::error& e) {
              log->warn("graph partition {} did not start: {}", partition, self->system().render(e));
              self->state.running.erase(partition);
            });
}

void stop_partition(partition_keeper_self* self, const partition_plan& plan, std::uint32_t partition) {
  self->state.running.erase(partition);
  self->request(plan.siblings.actor(), std::chrono::seconds(30), stop_child{partition_name(partition)})
      .then([](const child_stopped&) {},
            [self, partition, log = plan.w.log](const caf::error& e) {
              log->warn("graph partition {} did not stop: {}", partition, self->system().render(e));
            });
}

void reconcile(partition_keeper_self* self, const partition_plan& plan, const std::vector<std::string>& nodes) {
  auto& state = self->state;
  const bool moved = !state.nodes.empty() && state.nodes != nodes;
  state.nodes = nodes;
  for (std::uint32_t p = 0; p < plan.w.settings.alert_partitions; ++p) {
    const bool ours = transport::owner_of(partition_key(p), nodes) == plan.w.settings.name;
    if (ours && state.running.count(p) == 0)
      start_partition(self, plan, p);
    else if (!ours && state.running.count(p) != 0)
      stop_partition(self, plan, p);
  }
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
      [self, plan](const transport::living_nodes& living) { reconcile(self, plan, living.nodes); },
  };
}

} // namespace soc::node
