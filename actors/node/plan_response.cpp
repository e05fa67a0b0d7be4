#include "connectors/targets/drivers.hpp"
#include "connectors/targets/jq/jq_engine.hpp"
#include "node/partition_keeper.hpp"
#include "node/wiring.hpp"
#include "playbook/run_actor.hpp"
#include "playbook/run_view.hpp"
#include "response/response_manager.hpp"
#include "runtime/secrets.hpp"
#include "transport/ownership.hpp"
#include "transport/subjects.hpp"

#include <fmt/ranges.h>

#include <fstream>

namespace soc::node {

namespace {

/// What belongs to no incident belongs where the alerts of its tenant are read.
std::function<bool(const std::string&, const std::string&)> ownership_of(const wiring& w) {
  return [living = w.living, self = w.settings.name,
          partitions = w.settings.alert_partitions](const std::string& tenant, const std::string& incident) {
    const auto key = incident.empty() ? partition_key(transport::alert_partition(tenant, partitions))
                                      : incident_key(tenant, incident);
    return transport::owner_of(key, living->get()) == self;
  };
}

/// Where agents listen: the configured NATS, or this node's own server, whose address is known once it runs.
targets::agent_driver::line_options agent_line_of(const config& settings) {
  return [settings]() -> result<targets::agent_line_options> {
    targets::agent_line_options out;
    out.name = settings.name + " agents";
    if (settings.nats.urls.empty()) {
      std::ifstream in(settings.data_dir + "/nats-client.json");
      const auto own = nlohmann::json::parse(in, nullptr, false);
      if (!own.is_object())
        return failure{ec::unavailable, "NATS is not there yet"};
      out.urls = own.value("url", "");
      out.user = own.value("user", "");
      out.password = own.value("password", "");
      return out;
    }
    out.urls = fmt::format("{}", fmt::join(settings.nats.urls, ","));
    out.user = settings.nats.user;
    out.credentials_file = settings.nats.credentials_file;
    out.nkey_seed_file = settings.nats.nkey_seed_file;
    out.tls_ca = settings.nats.tls_ca;
    out.tls_certificate = settings.nats.tls_certificate;
    out.tls_key = settings.nats.tls_key;
    if (!settings.nats.password.empty()) {
      auto password = read_secret(settings.nats.password);
      if (!password)
        return password.error();
      out.password = std::move(password).take();
    }
    return out;
  };
}

targets::order_signer signer_of(std::shared_ptr<const signing_key> key) {
  if (!key)
    return {};
  return [key](const std::string& text) { return key->sign(text); };
}

} // namespace

child_spec plan_response_side(const wiring& w) {
  auto runs = std::make_shared<playbook::run_services>();
  runs->node = w.settings.name;
  runs->journal = w.journal();
  runs->manager = response::run_manager_ref(w.actors->reserve("response/manager"));
  runs->owns = ownership_of(w);
  runs->transforms = playbook::transform_ref(w.actors->reserve("response/transforms"));
  const auto jq = targets::jq_function_of(std::make_shared<targets::jq_engine>());
  auto shared = std::make_shared<response::services>();
  shared->node = w.settings.name;
  shared->key = w.key;
  shared->anchors_file = w.settings.data_dir + "/audit-anchors.jsonl";
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
  shared->drivers = targets::all_drivers({jq, agent_line_of(w.settings), signer_of(w.key)});
  shared->make_run = [runs = playbook::run_services_ptr(runs)](const response::run_start& start) {
    return playbook::run_child(runs, start);
  };
  shared->metrics = w.metrics;
  runs->definitions = shared->definitions;
  shared->read_beginning = playbook::beginning_of;
  shared->run_as_read = [known = shared->definitions](const auto& id, const auto& entries, unix_ns now) {
    return playbook::as_read(id, entries, *known, now);
  };
  shared->owns = ownership_of(w);
  auto plan = response::plan_response(std::move(shared));
  plan.children.insert(plan.children.begin(), playbook::transform_child(jq));
  return supervisor_child("response", std::move(plan));
}

} // namespace soc::node
