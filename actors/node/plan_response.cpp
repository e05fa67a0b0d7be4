#include "connectors/targets/drivers.hpp"
#include "node/wiring.hpp"
#include "playbook/run_actor.hpp"
#include "response/response_manager.hpp"
#include "transport/ownership.hpp"

namespace soc::node {

namespace {

std::function<bool(const std::string&, const std::string&)> ownership_of(const wiring& w) {
  return [living = w.living, self = w.settings.name](const std::string& tenant, const std::string& incident) {
    return transport::owner_of(incident_key(tenant, incident), living->get()) == self;
  };
}

} // namespace

child_spec plan_response_side(const wiring& w) {
  auto runs = std::make_shared<playbook::run_services>();
  runs->node = w.settings.name;
  runs->journal = w.journal();
  runs->manager = response::run_manager_ref(w.actors->reserve("response/manager"));
  runs->owns = ownership_of(w);
  auto shared = std::make_shared<response::services>();
  shared->node = w.settings.name;
  shared->content = w.response;
  shared->journal = w.journal();
  shared->store = w.store();
  shared->bus = w.bus();
  shared->gate = response::gate_ref(w.actors->reserve("response/gate"));
  shared->calls = response::call_pool_ref(w.actors->reserve("response/calls"));
  shared->audit = response::audit_ref(w.actors->reserve("response/audit"));
  shared->manager = w.actors->reserve("response/manager");
  shared->tasks = supervisor_ref(w.actors->reserve("response/tasks"));
  shared->runs = supervisor_ref(w.actors->reserve("response/runs"));
  shared->incidents = response::task_listener_ref(w.actors->reserve("incidents/manager"));
  shared->drivers = targets::all_drivers();
  shared->make_run = [runs = playbook::run_services_ptr(runs)](const response::run_start& start) {
    return playbook::run_child(runs, start);
  };
  shared->owns = ownership_of(w);
  return supervisor_child("response", response::plan_response(std::move(shared)));
}

} // namespace soc::node
