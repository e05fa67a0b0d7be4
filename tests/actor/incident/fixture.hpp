// Incident and graph actors in virtual time, with a journal, store and bus whose answers the test chooses.
#pragma once
#include "../../unit/graph/alerts.hpp"
#include "graph/graph_actor.hpp"
#include "incident/codec.hpp"
#include "incident/incident_manager.hpp"
#include "runtime/error.hpp"

#include <boost/test/unit_test.hpp>
#include <caf/scheduler/test_coordinator.hpp>

using namespace soc;
using namespace soc::incident;
using namespace soc::test;
using model::severity;

namespace incident_actor_test {

/// What the fakes hold; outlives the actors, as NATS and LMDB do.
struct world {
  std::map<std::string, std::vector<journal_entry>> journal;
  std::map<std::string, snapshot> stored;
  std::vector<bus_publish> published;
  std::uint64_t sequence = 0, appends = 0, fail_appends = 0;
  bool bus_away = false;
};
using world_ptr = std::shared_ptr<world>;

inline caf::behavior fake_journal(caf::event_based_actor*, world_ptr w) {
  return {[w](const journal_append& m) -> caf::result<journal_appended> {
            ++w->appends;
            auto& entries = w->journal[m.subject];
            const auto last = entries.empty() ? 0 : entries.back().sequence;
            if (w->fail_appends > 0) {
              --w->fail_appends;
              return to_error(ec::timed_out, "nobody knows");
            }
            if (last != m.expected_sequence)
              return to_error(ec::conflict, "wrong last sequence");
            entries.push_back({m.subject, ++w->sequence, m.payload});
            return journal_appended{w->sequence};
          },
          [w](const journal_read& m) {
            journal_entries out;
            for (const auto& e : w->journal[m.filter])
              if (e.sequence > m.after_sequence)
                out.entries.push_back(e);
            return out;
          }};
}

inline caf::behavior fake_store(caf::event_based_actor*, world_ptr w) {
  return {[w](const snapshot_put& m) {
            w->stored[m.kind + "/" + m.id] = {m.id, m.sequence, m.bytes};
            return stored{};
          },
          [w](const snapshot_get& m) {
            const auto it = w->stored.find(m.kind + "/" + m.id);
            return it == w->stored.end() ? snapshot{m.id, 0, {}} : it->second;
          },
          [w](const snapshot_all& m) {
            snapshots out;
            for (const auto& [key, s] : w->stored)
              if (key.rfind(m.kind + "/", 0) == 0)
                out.all.push_back(s);
            return out;
          }};
}

inline caf::behavior fake_bus(caf::event_based_actor*, world_ptr w) {
  return {[w](const bus_publish& m) -> caf::result<bus_published> {
    if (w->bus_away)
      return to_error(ec::unavailable, "away");
    w->published.push_back(m);
    return bus_published{w->published.size()};
  }};
}

struct config : caf::actor_system_config {
  config() {
    set("scheduler.policy", caf::atom("testing"));
    add_error_renderer(*this);
  }
};

struct fixture {
  config cfg;
  caf::actor_system sys{cfg};
  caf::scheduler::test_coordinator& sched = dynamic_cast<caf::scheduler::test_coordinator&>(sys.scheduler());
  caf::scoped_actor self{sys, true};
  world_ptr w = std::make_shared<world>();
  std::shared_ptr<manual_clock> clock = std::make_shared<manual_clock>(begin_time + 1000 * ns_per_s);
  caf::actor journal = sys.spawn(fake_journal, w), store = sys.spawn(fake_store, w), bus = sys.spawn(fake_bus, w);
  caf::actor root;
  std::vector<caf::actor> spawned; ///< ended with the fixture: the actor system waits for all
  alert_maker make;

  ~fixture() {
    for (const auto& a : spawned)
      caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
    if (root)
      caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
    for (const auto& a : {journal, store, bus})
      caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
    sched.run();
  }

  actor_context context(std::string path) {
    actor_context c;
    c.path = std::move(path);
    c.clock = clock.get();
    return c;
  }

  /// One incident under a supervisor, as the manager starts it.
  caf::actor incident_under_supervision(std::string id) {
    incident_options options;
    options.id = std::move(id);
    incident_ports ports{journal_ref(journal), store_ref(store), bus_ref(bus), {}, {}, default_scenarios()};
    supervisor_spec spec;
    child_spec child;
    child.name = "one";
    child.start = start_with(incident_behavior, options, ports);
    spec.children.push_back(std::move(child));
    root = spawn_root_supervisor(sys, context("test"), std::move(spec));
    sched.run();
    caf::actor handle;
    ask<children>(root, which_children{}, [&](const children& all) { handle = all.all[0].handle; });
    return handle;
  }

  caf::actor manager(late_alert_policy late = late_alert_policy::reopen,
                     scenario_rules_ptr scenarios = default_scenarios()) {
    supervisor_spec spec;
    root = spawn_root_supervisor(sys, context("test"), std::move(spec));
    manager_ports ports;
    ports.journal = journal_ref(journal);
    ports.store = store_ref(store);
    ports.bus = bus_ref(bus);
    ports.supervisor = supervisor_ref(root);
    ports.scenarios = std::move(scenarios);
    manager_options options;
    options.node = "n1";
    options.incident.rules.late = late;
    auto handle = spawn_observed(sys, context("test/manager"), incident_manager, options, ports);
    spawned.push_back(handle);
    sched.run();
    return handle;
  }

  /// Runs until the answer is there; an error goes to `failed`.
  template <class Answer, class Message, class F>
  failure ask(const caf::actor& to, Message m, F take) {
    failure why;
    auto response = self->request(to, caf::infinite, std::move(m));
    sched.run();
    response.receive([&](const Answer& answer) { take(answer); }, [&](caf::error& e) { why = to_failure(e); });
    return why;
  }
  failure join(const caf::actor& to, const std::string& id, model::alert_ptr a, bool* was_new = nullptr) {
    return ask<alert_joined>(to, join_alert{id, std::move(a), "{}"}, [&](const alert_joined& j) {
      if (was_new)
        *was_new = j.was_new;
    });
  }
  view_ptr look(const caf::actor& manager, const std::string& id) {
    view_ptr out;
    ask<command_done>(manager, get_incident{"default", id}, [&](const command_done& d) { out = d.incident; });
    return out;
  }
};

inline const std::string id_a(32, 'a'), id_b(32, 'b');

} // namespace incident_actor_test
