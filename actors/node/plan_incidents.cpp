#include "incident/incident_manager.hpp"
#include "node/incident_bridge.hpp"
#include "node/partition_keeper.hpp"
#include "node/wiring.hpp"
#include "transport/ownership.hpp"

namespace soc::node {

namespace {

incident::manager_options manager_options_of(const wiring& w) {
  incident::manager_options options;
  options.node = w.settings.name;
  const auto& late = w.settings.incidents.late_alerts;
  options.incident.rules.late = late == "successor" ? incident::late_alert_policy::successor
                                : late == "note"    ? incident::late_alert_policy::note
                                                    : incident::late_alert_policy::reopen;
  options.owner = [living = w.living](const std::string& tenant, const std::string& id) {
    return std::string(transport::owner_of(incident_key(tenant, id), living->get()));
  };
  return options;
}

incident::manager_ports manager_ports_of(const wiring& w) {
  incident::manager_ports ports;
  ports.journal = w.journal();
  ports.store = w.store();
  ports.bus = w.bus();
  ports.supervisor = supervisor_ref(w.actors->reserve("incidents/open"));
  ports.remote = incident::remote_ref(w.actors->reserve("incidents/remote"));
  ports.response = ref<accepts<response::incident_changed>>(w.actors->reserve("response/manager"));
  ports.scenarios = w.content->get()->scenarios;
  return ports;
}

child_spec plan_projection(const wiring& w, std::string name, std::string stream, std::string filter,
                           std::uint64_t after, child_spec sink, const std::string& path) {
  transport::puller_options pulling;
  pulling.stream = std::move(stream);
  pulling.streams = w.streams();
  pulling.filter = std::move(filter);
  pulling.after_sequence = after;
  supervisor_spec spec;
  spec.strategy = supervision_strategy::rest_for_one;
  spec.children.push_back(std::move(sink));
  spec.children.push_back(child("puller", transport::stream_puller, w.link, pulling,
                                transport::pull_sink_ref(w.actors->reserve(path + "/" + name + "/sink"))));
  return supervisor_child(std::move(name), std::move(spec));
}

} // namespace

std::string incident_key(const std::string& tenant, const std::string& id) {
  return "incident/" + tenant + "/" + id;
}

child_spec plan_incidents(const wiring& w, std::shared_ptr<recent_alerts> recent) {
  const incident::manager_ref manager(w.actors->reserve("incidents/manager"));
  supervisor_spec spec;
  supervisor_spec open; // one incident that can't be read must not end the others
  open.limits = {100, std::chrono::seconds(10)};
  spec.children.push_back(supervisor_child("open", std::move(open)));
  auto managing = child("manager", incident::incident_manager, manager_options_of(w), manager_ports_of(w));
  managing.drains = true;
  spec.children.push_back(std::move(managing));
  spec.children.push_back(child("remote", remote_incidents, w.node_bus(), w.settings.name));
  spec.children.push_back(child("router", aggregate_router, manager));
  spec.children.push_back(plan_projection(w, "read-model", "INCIDENTS", "soc.*.incident.*.*", 0,
                                          child("sink", incident_sink, manager), "incidents"));
  spec.children.push_back(plan_projection(w, "recent-alerts", "ALERTS", "soc.*.alert.*", 0,
                                          child("sink", recent_sink, std::move(recent)), "incidents"));
  return supervisor_child("incidents", std::move(spec));
}

child_spec plan_graph(const wiring& w) {
  partition_plan plan;
  plan.w = w;
  plan.settings = w.content->get()->aggregation;
  plan.router = graph::router_ref(w.actors->reserve("incidents/manager"));
  plan.siblings = supervisor_ref(w.actors->reserve("graph"));
  plan.response = w.actors->reserve("response/manager");
  supervisor_spec spec;
  spec.children.push_back(child("keeper", partition_keeper, std::move(plan)));
  return supervisor_child("graph", std::move(spec));
}

} // namespace soc::node
