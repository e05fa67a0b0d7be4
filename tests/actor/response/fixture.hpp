// tests/actor/response/fixture.hpp - the whole response side on CAF's test coordinator: real gate, manager, runs and
// tasks under supervisors; journal, store, bus and the firewall are fakes that a test can kill calls at.
#pragma once
#include "playbook/run_actor.hpp"
#include "playbook/run_view.hpp"
#include "response/audit_actor.hpp"
#include "response/gate_actor.hpp"
#include "response/response_manager.hpp"
#include "runtime/error.hpp"

#include <boost/test/unit_test.hpp>
#include <caf/scheduler/test_coordinator.hpp>

namespace soc::response::test {

struct testing_config : caf::actor_system_config {
  testing_config() {
    set("scheduler.policy", caf::atom("testing"));
    add_error_renderer(*this);
  }
};

/// What outlives a "crash": durable things, and what the firewall has done.
struct world {
  std::map<std::string, std::vector<journal_entry>> journal;
  std::uint64_t sequence = 0;
  std::map<std::string, snapshot> snapshots;
  std::map<std::string, intent> intents;
  std::vector<std::string> audit; ///< lines
  std::set<std::string> audited;  ///< subjects that was published on
  std::uint64_t published = 0;
  std::size_t longest_message = 0; ///< that the bus takes; 0: any
  std::set<std::string> blocked;
  std::vector<std::string> calls;    ///< "block_ip 203.0.113.9 <key>"
  std::vector<call_outcome> answers; ///< for the next calls; empty: they succeed
  bool silent = false;               ///< calls are made, but nobody hears the answer
  bool deaf = false;                 ///< calls never reach the firewall, and nobody hears
  std::vector<task_changed> told;
};

inline caf::behavior fake_journal(caf::event_based_actor*, world* w) {
  return {
      [w](const journal_append& a) -> caf::result<journal_appended> {
        auto& list = w->journal[a.subject];
        if ((list.empty() ? 0 : list.back().sequence) != a.expected_sequence)
          return to_error(ec::conflict, "wrong last sequence");
        list.push_back({a.subject, ++w->sequence, a.payload});
        return journal_appended{w->sequence};
      },
      [w](const journal_read& r) {
        journal_entries out;
        const auto kind = r.filter.find(".task.*") != std::string::npos  ? ".task."
                          : r.filter.find(".run.*") != std::string::npos ? ".run."
                                                                         : "";
        for (const auto& [subject, list] : w->journal)
          if (*kind != '\0' ? subject.find(kind) != std::string::npos : subject == r.filter)
            for (const auto& entry : list)
              if (entry.sequence > r.after_sequence)
                out.entries.push_back(entry);
        return out;
      },
  };
}

inline caf::behavior fake_store(caf::event_based_actor*, world* w) {
  return {
      [w](const snapshot_get& g) { return w->snapshots[g.kind + "/" + g.id]; },
      [w](const snapshot_put& p) {
        w->snapshots[p.kind + "/" + p.id] = {p.id, p.sequence, p.bytes};
        return stored{};
      },
      [w](const intent_put& p) {
        w->intents[p.key] = {true, p.bytes, false, {}};
        return stored{};
      },
      [w](const intent_result& r) {
        w->intents[r.key].has_result = true;
        w->intents[r.key].result_bytes = r.bytes;
        return stored{};
      },
      [w](const intent_get& g) {
        const auto at = w->intents.find(g.key);
        return at == w->intents.end() ? intent{} : at->second;
      },
  };
}

inline caf::behavior fake_bus(caf::event_based_actor*, world* w) {
  return {[w](const bus_publish& p) -> caf::result<bus_published> {
    if (w->longest_message > 0 && p.payload.size() > w->longest_message)
      return to_error(ec::too_large, "too large");
    w->audited.insert(p.subject);
    for (auto& line : audit_lines_of(p.payload))
      w->audit.push_back(std::move(line));
    return bus_published{++w->published};
  }};
}

inline caf::behavior fake_listener(caf::event_based_actor*, world* w) {
  return {[w](const task_changed& t) { w->told.push_back(t); }};
}

inline call_outcome fake_firewall(world* w, const call_request& r) {
  const auto ip = r.call.parameters.value("ip", "");
  if (r.call.action == "get_block")
    return {call_outcome::kind::succeeded, {{"blocked", w->blocked.contains(ip)}}, {}};
  w->calls.push_back(r.call.action + " " + ip + " " + r.call.idempotency_key);
  if (!w->answers.empty()) {
    const auto next = w->answers.front();
    w->answers.erase(w->answers.begin());
    if (next.what != call_outcome::kind::succeeded)
      return next;
  }
  if (r.call.action == "block_ip")
    w->blocked.insert(ip);
  else
    w->blocked.erase(ip);
  return {call_outcome::kind::succeeded, nlohmann::json::object(), {}};
}

inline caf::behavior fake_calls(caf::event_based_actor* self, world* w) {
  return {[w, self](const call_request& r) -> caf::result<call_answer> {
    if (w->deaf)
      return self->make_response_promise<call_answer>();
    const auto answer = fake_firewall(w, r);
    if (w->silent)
      return self->make_response_promise<call_answer>();
    return call_answer{answer};
  }};
}

inline const char* component_text(bool verified, const char* repeat) {
  static std::string text;
  text = std::string(R"(
name: fw
kind: firewall
driver: fake
actions:
  block_ip:
    effect: reversible
    inverse: unblock_ip
    fits: [ip]
    target: ip
    parameters: {ip: {type: network, required: true}, duration: {type: duration}}
    idempotency: )") +
         repeat + (verified ? "\n    verify: {read: get_block, in_effect: {output.blocked: true}}" : "") + R"(
  unblock_ip: {effect: reversible, inverse: block_ip, fits: [ip], target: ip, parameters: {ip: {type: network, required: true}}, idempotency: )" +
         repeat + R"(}
  get_block: {effect: read, fits: [ip], target: ip, parameters: {ip: {type: network, required: true}}}
)";
  return text.c_str();
}

struct response_site {
  world* w;
  std::shared_ptr<manual_clock> clock;
  testing_config config;
  caf::actor_system system{config};
  std::shared_ptr<services> shared = std::make_shared<services>();
  caf::actor root;

  response_site(world* durable, std::shared_ptr<manual_clock> time, content_ptr what)
      : w(durable), clock(std::move(time)) {
    shared->node = "n1";
    shared->content = std::make_shared<content_holder>(std::move(what));
    shared->journal = journal_ref(system.spawn(fake_journal, w));
    shared->store = store_ref(system.spawn(fake_store, w));
    shared->bus = bus_ref(system.spawn(fake_bus, w));
    shared->calls = call_pool_ref(system.spawn(fake_calls, w));
    shared->incidents = task_listener_ref(system.spawn(fake_listener, w));
    shared->owns = [](const std::string&, const std::string&) { return true; };
    auto registry = std::make_shared<actor_registry>();
    const auto reserve = [&](const std::string& path) {
      registered_actor reserved;
      reserved.probe = std::make_shared<actor_probe>("response/" + path, clock->now());
      reserved.handle = actor_address::make(system, reserved.probe, hold_limits{});
      reserved.child_name = path;
      registry->add("response/" + path, reserved);
      return reserved.handle;
    };
    shared->gate = gate_ref(reserve("gate"));
    shared->audit = audit_ref(reserve("audit"));
    shared->manager = reserve("manager");
    shared->tasks = supervisor_ref(reserve("tasks"));
    shared->runs = supervisor_ref(reserve("runs"));
    auto runs = std::make_shared<playbook::run_services>();
    runs->node = "n1";
    runs->journal = shared->journal;
    runs->manager = run_manager_ref(shared->manager);
    shared->make_run = [runs](const run_start& start) { return playbook::run_child(runs, start); };
    shared->read_beginning = playbook::beginning_of;
    shared->run_as_read = [known = shared->definitions](const auto& id, const auto& entries, unix_ns now) {
      return playbook::as_read(id, entries, *known, now);
    };
    auto spec = plan_response(shared);
    std::erase_if(spec.children, [](const auto& c) { return c.name == "calls"; });
    actor_context context;
    context.path = "response";
    context.clock = clock.get();
    context.registry = registry;
    root = spawn_root_supervisor(system, context, std::move(spec));
    run();
  }
  ~response_site() {
    caf::anon_send_exit(root, caf::exit_reason::kill);
    for (const auto& port : {shared->journal.actor(), shared->store.actor(), shared->bus.actor(), shared->calls.actor(),
                             shared->incidents.actor()})
      caf::anon_send_exit(port, caf::exit_reason::kill);
    run();
  }

  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  }
  void run() { scheduler().run(); }
  void pass(std::chrono::seconds time) {
    clock->advance(time);
    scheduler().advance_time(time);
    run();
  }
  template <class Answer, class Question>
  Answer ask(Question question) {
    caf::scoped_actor self{system, true};
    auto request = self->request(shared->manager, caf::infinite, std::move(question));
    run();
    Answer out;
    request.receive([&](const Answer& answer) { out = answer; }, [](const caf::error& e) { BOOST_FAIL(describe(e)); });
    return out;
  }
  void hear(const std::string& ip, const std::string& id = "i1") {
    auto view = std::make_shared<incident_view>();
    view->id = id;
    view->scenario = "web_intrusion";
    view->level = model::severity::high;
    view->status = "new";
    view->entities.push_back({model::entity_type::ip, model::entity_role::source, ip, ip, ""});
    caf::anon_send(shared->manager, incident_changed{view});
    run();
  }
  command_answer command(command_kind kind, const std::string& id = "i1", const std::string& detail = {}) {
    operator_command order;
    order.kind = kind;
    order.id = id;
    order.detail = detail;
    order.user = "alice";
    order.reason = "because";
    return ask<command_answer>(order);
  }
  std::string status(std::size_t i = 0) {
    const auto tasks = ask<task_views>(list_tasks{});
    return i < tasks.all.size() ? tasks.all[i].status : "none";
  }
};

inline content_ptr test_content(const std::string& mode, bool verified = true, const char* repeat = "key",
                                const std::string& more = {}) {
  diagnostics found;
  auto out = std::make_shared<content>();
  out->components.components["fw"] = load_component("fw.yaml", component_text(verified, repeat), found);
  out->instances = load_resources("res.yaml", "instances: [{name: edge, component: fw}]", out->components, found);
  load_response_file(
      "rules.yaml",
      "protected: {networks: [198.51.100.0/24]}\n"
      "rules: [{id: r, when: {incident.scenario: web_intrusion}, for_each: {type: ip}, mode: " +
          mode + ", playbook: p, veto: 60s, approve_within: 1h, inputs: {ip: '${entity.ip}', duration: 2h}}]\n" + more,
      out->config, found);
  out->playbooks["p"] = {"{name: p, inputs: {ip: {type: ip}, duration: {type: duration}}, steps: [{id: block, action: "
                         "block_ip, target: '${inputs.ip}', "
                         "for: '${inputs.duration}'}]}"};
  BOOST_REQUIRE_MESSAGE(found.errors() == 0, (found.errors() ? found.all()[0].message : ""));
  return out;
}

/// With a clock that outlives the sites.
struct response_world : world {
  std::shared_ptr<manual_clock> clock = std::make_shared<manual_clock>(1'764'000'000 * ns_per_s);
};

} // namespace soc::response::test
