#include "node/node.hpp"

#include "node/http_side.hpp"
#include "node/incident_bridge.hpp"
#include "node/root_side.hpp"
#include "node/watch.hpp"
#include "node/wiring.hpp"
#include "runtime/error.hpp"
#include "runtime/secrets.hpp"

#include <fmt/format.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <unistd.h>

namespace soc::node {

namespace {

using control::json;

constexpr const char* version = "0.1.0";

struct soc_system_config : caf::actor_system_config {
  explicit soc_system_config(std::uint32_t threads) {
    add_error_renderer(*this);
    set("scheduler.max-threads", static_cast<std::size_t>(threads));
    // Idle workers wait. Those of the default, "stealing", look for work every 50 µs for 25 ms after their last, which
    // a node that is never quite idle pays for all day.
    set("scheduler.policy", caf::atom("sharing"));
    set("logger.verbosity", caf::atom("quiet"));
  }
};

/// Tells the node's own thread that the root of the tree has ended, and why.
struct root_watch_state {
  static inline const char* name = "root_watch";
};

caf::behavior root_watch(caf::stateful_actor<root_watch_state>* self, caf::actor root,
                         std::function<void(std::string)> ended) {
  self->monitor(root);
  self->set_down_handler([self, ended](const caf::down_msg& down) {
    ended(describe(down.reason));
    self->quit();
  });
  return {[](caf::unit_t) {}};
}

transport::nats_options nats_options_of(const config& c, diagnostics& found) {
  transport::nats_options out;
  out.urls = c.nats.urls;
  out.user = c.nats.user;
  if (!c.nats.password.empty()) {
    const auto secret = read_secret(c.nats.password);
    if (secret)
      out.password = *secret;
    else
      found.error("CFG004", {c.file, 0, 0}, "nats.password: " + secret.error().what);
  }
  out.credentials_file = c.nats.credentials_file;
  out.nkey_seed_file = c.nats.nkey_seed_file;
  out.tls_ca = c.nats.tls_ca;
  out.tls_certificate = c.nats.tls_certificate;
  out.tls_key = c.nats.tls_key;
  out.name = "soc-" + c.name;
  return out;
}

/// Takes the data directory, starts to connect. Fills link, server_site and database.
outcome open_resources(wiring& w) {
  const auto& c = w.settings;
  std::error_code error;
  std::filesystem::create_directories(c.data_dir, error);
  if (error)
    return failure{ec::io_error, fmt::format("the data directory {} can't be made: {}", c.data_dir, error.message())};
  auto database = store::database::open(c.data_dir + "/store");
  if (!database)
    return database.error();
  w.database = std::move(*database);
  if (c.event_store.enabled) {
    auto events = lake::catalog::open(c.event_store.directory);
    if (!events)
      return events.error();
    w.events = std::move(*events);
    for (const auto& mended : w.events->repaired())
      w.log->warn("event store: {}", mended);
  }
  diagnostics found;
  auto options = nats_options_of(c, found);
  if (found.errors() > 0)
    return failure{ec::invalid_input, found.all().front().message};
  if (c.nats.urls.empty()) {
    transport::nats_server_options server;
    server.data_dir = c.data_dir;
    server.node = c.name;
    server.port = c.nats.port;
    auto site = transport::nats_server_site::prepare(server);
    if (!site)
      return site.error();
    w.server_site = *site;
    options = w.server_site->connect_options();
  }
  auto link = transport::nats_link::open(options);
  if (!link)
    return link.error();
  w.link = *link;
  return done{};
}

json alerts_table(const recent_alerts& ring, std::size_t count) {
  json rows = json::array();
  for (const auto& a : ring.newest(count)) {
    std::string who;
    for (const auto& e : a->entities)
      if (e.role == model::entity_role::source || e.role == model::entity_role::actor)
        who += (who.empty() ? "" : ", ") + e.label;
    rows.push_back({format_rfc3339(a->time), std::string(model::to_string(a->level)), a->title, a->host, who,
                    a->vendor + "/" + a->product, a->id});
  }
  return {{"columns", {"time", "severity", "title", "asset", "by", "from", "alert"}}, {"rows", rows}};
}

json connectors_table(const wiring& w) {
  json rows = json::array();
  for (const auto& c : w.content->get()->connectors) {
    const auto counted = [&](const char* what) {
      return w.metrics
          ->counter(fmt::format("soc_source_{}_total", what), {{"connector", c.name}, {"tenant", c.context->tenant}})
          .value();
    };
    const auto actor = w.actors->registry()->find(w.actors->root() + "/connectors/" + c.name);
    rows.push_back({c.name, c.plan.kind, c.context->tenant,
                    actor ? std::string(to_string(actor->probe->state())) : std::string("stopped"), counted("records"),
                    counted("bytes"), counted("dropped_records"), counted("truncated_records"), counted("errors")});
  }
  return {{"columns", {"connector", "kind", "tenant", "state", "records", "bytes", "dropped", "truncated", "errors"}},
          {"rows", rows}};
}

json drift_table(const ingest::mappings_in_use& mappings) {
  json rows = json::array();
  for (const auto& row : mappings.drift()->rows())
    rows.push_back({row.type, row.kind, row.name, row.records});
  return {{"columns", {"log type", "kind", "name", "records"}}, {"rows", rows}};
}

} // namespace

struct node::parts {
  // In the order they are made; dropped in reverse: the actors end before the link, the link before the system.
  std::shared_ptr<const clock_source> clock = std::make_shared<system_clock_source>();
  std::unique_ptr<soc_system_config> system_config;
  std::unique_ptr<caf::actor_system> system;
  std::unique_ptr<tree> actors;
  wiring w;
  std::shared_ptr<recent_alerts> recent = std::make_shared<recent_alerts>();
  caf::actor root;
  caf::actor watcher; ///< CAF ends an actor nobody holds
  std::unique_ptr<sources::http_server> http;
  std::uint16_t http_port = 0;
  std::shared_ptr<std::promise<std::string>> ended = std::make_shared<std::promise<std::string>>();
  std::shared_future<std::string> ended_reason;
  std::string node_file;
  bool stopping = false;

  outcome boot();
  outcome start_http();
  void write_node_file() const;
  console::readiness ready() const;
  control::node_services services();
};

outcome node::parts::boot() {
  if (auto opened = open_resources(w); !opened)
    return opened;
  supervisor_spec spec;
  spec.limits = {20, std::chrono::seconds(60)};
  spec.seed = static_cast<std::uint64_t>(clock->now());
  // Boot order; ended in reverse, so that what is in flight still finds the store and NATS.
  store::store_options storing;
  storing.metrics = w.metrics.get();
  spec.children.push_back(store::store_child(w.database, storing));
  spec.children.push_back(plan_nats_server(w));
  spec.children.push_back(plan_transport(w));
  spec.children.push_back(plan_response_side(w));
  spec.children.push_back(plan_incidents(w, recent));
  spec.children.push_back(plan_graph(w));
  spec.children.push_back(plan_events(w));
  spec.children.push_back(plan_pipeline(w));
  spec.children.push_back(plan_raw(w));
  spec.children.push_back(plan_connectors(w));
  spec.children.push_back(plan_control(w, services()));
  actor_context context;
  context.path = w.settings.name;
  context.clock = clock.get();
  context.registry = actors->registry();
  context.dead_letters = dead_letter_ref(w.store().actor());
  root = spawn_root_supervisor(*system, std::move(context), std::move(spec));
  ended_reason = ended->get_future().share();
  watcher = system->spawn(root_watch, root, [promise = ended](std::string why) { promise->set_value(std::move(why)); });
  if (auto listening = start_http(); !listening)
    return listening;
  write_node_file();
  w.log->info("node {} is up: {}; data in {}, http on {}:{}", w.settings.name, w.content->get()->summary(),
              w.settings.data_dir, w.settings.http.host, http_port);
  return done{};
}

outcome node::parts::start_http() {
  console::http_api api;
  api.metrics = [board = w.metrics, registry = actors->registry()] {
    return board->render() + render_actor_metrics(*registry);
  };
  api.ready = [this] { return ready(); };
  auto served = serve_http(w.settings.http.host, w.settings.http.port, std::move(api));
  if (!served)
    return served.error();
  http = std::move(served).take();
  http_port = http->port();
  return done{};
}

void node::parts::write_node_file() const {
  std::ofstream out(node_file, std::ios::trunc);
  out << nlohmann::json{{"name", w.settings.name},
                        {"pid", ::getpid()},
                        {"http", fmt::format("{}:{}", w.settings.http.host, http_port)},
                        {"version", version}}
             .dump()
      << '\n';
}

console::readiness node::parts::ready() const {
  if (!w.link->connected())
    return {false, "not connected to NATS"};
  for (const auto& row : actors->registry()->snapshot())
    if (row.reading.state != actor_state::running)
      return {false, fmt::format("{} is {}", row.reading.path, to_string(row.reading.state))};
  return {true, ""};
}

control::node_services node::parts::services() {
  control::node_services s;
  s.node = w.settings.name;
  s.version = version;
  s.registry = actors->registry();
  s.store = w.store();
  s.bus = w.bus();
  s.journal = w.journal();
  s.audit = audit_ref(w.actors->reserve("response/audit"));
  s.incidents = w.actors->reserve("incidents/manager");
  s.response = response::manager_ref(w.actors->reserve("response/manager"));
  s.replayer = quarantine_replay_ref(w.actors->reserve("pipeline/quarantine-replayer"));
  s.root_side = w.actors->reserve("control/root-side");
  s.events = w.event_search();
  s.alerts = [ring = recent](std::size_t count) { return alerts_table(*ring, count); };
  s.connectors = [w = w] { return connectors_table(w); };
  s.drift = [mappings = w.mappings] { return drift_table(*mappings); };
  s.living_nodes = [living = w.living] { return living->get(); };
  s.metrics = [board = w.metrics, registry = actors->registry()] {
    return board->render() + render_actor_metrics(*registry);
  };
  return s;
}

node::node(std::unique_ptr<parts> p) : parts_(std::move(p)) {}

result<std::unique_ptr<node>> node::start(config c, content_ptr loaded, logger_ptr log) {
  auto p = std::make_unique<parts>();
  p->system_config = std::make_unique<soc_system_config>(std::max<std::uint32_t>(4, c.pipeline.lanes * 2 + 2));
  p->system = std::make_unique<caf::actor_system>(*p->system_config);
  p->actors = std::make_unique<tree>(*p->system, c.name, *p->clock);
  p->node_file = c.data_dir + "/node.json";
  p->w.living = std::make_shared<living_view>(c.name);
  p->w.settings = std::move(c);
  p->w.content = std::make_shared<content_holder>(std::move(loaded));
  p->w.log = std::move(log);
  auto key = signing_key::open(p->w.settings.data_dir + "/keys/node.key");
  if (!key)
    return key.error();
  p->w.key = std::move(key).take();
  p->w.clock = p->clock;
  p->w.metrics = std::make_shared<metrics_board>();
  const auto now = p->w.content->get();
  p->w.metrics->gauge("soc_content_errors", {}, "errors in rules and mappings that are left out")
      .set(static_cast<double>(now->left_out.errors()));
  p->w.mappings = std::make_shared<ingest::mappings_in_use>(now->mappings, now->dictionary);
  p->w.rules = std::make_shared<detection::rules_in_use>(now->rules);
  p->w.intelligence = std::make_shared<detection::intelligence_in_use>(now->intelligence);
  p->w.correlations = std::make_shared<detection::shared_correlator>();
  p->w.response = std::make_shared<response::content_holder>(now->response);
  p->w.actors = p->actors.get();
  auto booted = p->boot();
  auto made = std::unique_ptr<node>(new node(std::move(p)));
  if (!booted)
    return booted.error();
  return made;
}

node::~node() {
  if (parts_)
    stop();
}

bool node::healthy(std::string& why) const {
  if (parts_->ended_reason.wait_for(std::chrono::seconds(0)) != std::future_status::ready)
    return true;
  why = parts_->ended_reason.get();
  return false;
}

void node::reload() {
  caf::anon_send(parts_->actors->reserve("control/root-side"), control::reload_query{});
}

void node::stop(std::chrono::milliseconds deadline) {
  auto& p = *parts_;
  if (std::exchange(p.stopping, true))
    return;
  if (p.root)
    caf::anon_send_exit(p.root, caf::exit_reason::user_shutdown);
  if (p.http)
    p.http->stop();
  if (p.root && p.ended_reason.wait_for(deadline) != std::future_status::ready) {
    std::string left;
    for (const auto& row : p.actors->registry()->snapshot())
      left += fmt::format("{}{} ({})", left.empty() ? "" : ", ", row.reading.path, to_string(row.reading.state));
    p.w.log->warn("not everything ended within {} ms; ended hard: {}", deadline.count(), left);
  }
  std::error_code ignored;
  std::filesystem::remove(p.node_file, ignored);
}

} // namespace soc::node
