// An incident and its manager: joined, changed, published, merged with what the graph decides, recovered.
#include "fixture.hpp"

using namespace incident_actor_test;

BOOST_FIXTURE_TEST_SUITE(incident_actors, fixture)

BOOST_AUTO_TEST_CASE(an_alert_is_answered_when_it_is_in_the_journal_and_then_published_in_both_forms) {
  const auto incident = incident_under_supervision(id_a);
  bool was_new = false;
  BOOST_TEST((join(incident, id_a, make.make(0, "reverse shell", "web-1", severity::high), &was_new).code == ec::none));
  BOOST_TEST(was_new);
  BOOST_TEST(w->journal["soc.default.journal.incident." + id_a].size() == 1U);
  BOOST_REQUIRE_GE(w->published.size(), 2U);
  BOOST_TEST(w->published[0].subject == "soc.default.incident." + id_a + ".opened");
  BOOST_TEST(w->published[1].subject == "soc.json.default.incident." + id_a + ".opened");
  const auto change = decode_change(w->published[0].payload);
  BOOST_REQUIRE(change);
  BOOST_TEST(change->incident.alerts == 1U);
  BOOST_TEST(nlohmann::json::accept(w->published[1].payload));
}

BOOST_AUTO_TEST_CASE(a_redelivered_alert_is_appended_once) {
  const auto incident = incident_under_supervision(id_a);
  const auto a = make.make(0, "reverse shell", "web-1", severity::high);
  join(incident, id_a, a);
  bool was_new = true;
  join(incident, id_a, a, &was_new);
  BOOST_TEST(!was_new);
  BOOST_TEST(w->appends == 1U);
}

BOOST_AUTO_TEST_CASE(in_doubt_about_the_journal_it_quits_and_its_successor_replays) {
  const auto incident = incident_under_supervision(id_a);
  join(incident, id_a, make.make(0, "reverse shell", "web-1", severity::high));
  w->fail_appends = 1;
  const auto second = make.make(5, "new admin", "web-1", severity::high);
  BOOST_TEST((join(incident, id_a, second).code == ec::timed_out));
  sched.advance_time(std::chrono::seconds(10));
  sched.run();
  bool was_new = false;
  BOOST_TEST((join(incident, id_a, second, &was_new).code == ec::none));
  BOOST_TEST(was_new);
  view_ptr seen;
  ask<command_done>(incident, get_view{}, [&](const command_done& d) { seen = d.incident; });
  BOOST_REQUIRE(seen);
  BOOST_TEST(seen->alerts == 2U);
}

BOOST_AUTO_TEST_CASE(what_could_not_be_published_goes_out_when_the_bus_is_back) {
  const auto incident = incident_under_supervision(id_a);
  w->bus_away = true;
  join(incident, id_a, make.make(0, "reverse shell", "web-1", severity::high));
  BOOST_TEST(w->published.empty());
  w->bus_away = false;
  sched.advance_time(std::chrono::seconds(1));
  sched.run();
  BOOST_REQUIRE_GE(w->published.size(), 2U);
  BOOST_TEST(w->published[0].subject.find(".opened") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_large_incident_is_told_again_after_a_rest_and_a_status_at_once) {
  const auto incident = incident_under_supervision(id_a);
  for (int i = 0; i < 400; ++i)
    join(incident, id_a, make.make(i, "kind " + std::to_string(i) + std::string(200, 'x'), "web-1", severity::high));
  BOOST_TEST(w->published.size() < 700U, "not with every alert: " << w->published.size());
  sched.advance_time(std::chrono::seconds(3));
  sched.run();
  const auto rested = decode_change(w->published[w->published.size() - 2].payload);
  BOOST_REQUIRE(rested);
  BOOST_TEST(rested->incident.alerts == 400U, "the last state is told");
  ask<command_done>(incident, apply_command{set_status{status::in_progress, classification::none, {}}, "ana"},
                    [](auto&) {});
  BOOST_TEST(w->published.back().subject == "soc.json.default.incident." + id_a + ".status");
}

BOOST_AUTO_TEST_CASE(the_manager_starts_incidents_on_demand_and_lists_them) {
  const auto m = manager();
  join(m, id_a, make.make(0, "reverse shell", "web-1", severity::high));
  join(m, id_b, make.make(0, "ransom note", "db-1", severity::critical));
  incident_list list;
  ask<incident_list>(m, list_incidents{}, [&](const incident_list& l) { list = l; });
  BOOST_TEST(list.total == 2U);
  BOOST_REQUIRE(look(m, "aaaa"));
  BOOST_TEST(look(m, "aaaa")->id == id_a);
  BOOST_TEST((ask<command_done>(m, get_incident{"default", std::string(32, 'c')}, [](auto&) {}).code == ec::not_found));
}

BOOST_AUTO_TEST_CASE(what_is_no_id_of_an_incident_starts_none) {
  const auto m = manager();
  join(m, id_a, make.make(0, "reverse shell", "web-1", severity::high));
  const auto journals = w->journal.size(), appends = w->appends;
  const auto refused = [&](auto message) {
    const auto why = ask<command_done>(m, std::move(message), [](auto&) {});
    return why.code == ec::not_found;
  };
  const std::string stars(32, '*'), dots = std::string(31, 'a') + ".";
  for (const auto& wrong : {std::string("*"), std::string("abc"), std::string("bbbb"), stars, dots}) {
    BOOST_TEST(refused(change_incident{"default", wrong, assign{"eve"}, "eve"}), wrong);
    BOOST_TEST(refused(get_incident{"default", wrong}), wrong);
    BOOST_TEST(refused(merge_incidents{"default", id_a, wrong, "{}", "eve"}), wrong);
    BOOST_TEST(refused(unmerge_incidents{"default", wrong, id_a, "eve"}), wrong);
    BOOST_TEST(refused(move_alerts{"default", wrong, {}, {"x"}, "eve"}), wrong);
    BOOST_TEST(refused(move_alerts{"default", id_a, wrong, {"x"}, "eve"}), wrong);
  }
  BOOST_TEST(refused(get_incident{"Acme Corp", id_a}));
  BOOST_TEST(w->journal.size() == journals, "no journal was read for what is no incident");
  BOOST_TEST(w->appends == appends);
}

BOOST_AUTO_TEST_CASE(without_a_tenant_an_incident_is_looked_for_in_all_of_them) {
  const auto m = manager();
  const auto of = [&](const std::string& tenant) {
    auto alert = std::make_shared<model::alert>(*make.make(0, "reverse shell", "web-1", severity::high));
    alert->tenant = tenant;
    return alert;
  };
  join(m, id_a, of("acme"));
  join(m, id_b, of("other"));
  join(m, std::string(8, 'b') + std::string(24, 'c'), of("acme"));
  std::string tenant;
  const auto look_for = [&](const std::string& whose, const std::string& id) {
    tenant.clear();
    return ask<command_done>(m, get_incident{whose, id}, [&](const command_done& d) { tenant = d.incident->tenant; });
  };
  BOOST_TEST((look_for("", "aaaa").code == ec::none));
  BOOST_TEST(tenant == "acme");
  BOOST_TEST((look_for("", id_b).code == ec::none));
  BOOST_TEST(tenant == "other");
  BOOST_TEST((look_for("other", "aaaa").code == ec::not_found));
  BOOST_TEST(look_for("", "bbbb").what == "'bbbb' is the beginning of 2 incidents");
  BOOST_TEST((look_for("acme", "bbbb").code == ec::none));
}

BOOST_AUTO_TEST_CASE(a_person_changes_status_and_owner) {
  const auto m = manager();
  join(m, id_a, make.make(0, "reverse shell", "web-1", severity::high));
  const auto change = [&](command asked) {
    return ask<command_done>(m, change_incident{"default", id_a, std::move(asked), "eve"}, [](auto&) {});
  };
  BOOST_TEST((change(assign{"eve"}).code == ec::none));
  BOOST_TEST((change(set_status{status::in_progress, classification::none, {}}).code == ec::none));
  BOOST_TEST((change(set_status{status::closed, classification::none, {}}).code == ec::invalid_input));
  BOOST_TEST(look(m, id_a)->owner == "eve");
  BOOST_TEST((look(m, id_a)->now == status::in_progress));
}

BOOST_AUTO_TEST_CASE(a_deadline_is_told_once_when_it_is_near_and_once_when_it_has_passed) {
  diagnostics found;
  const auto rules = load_scenarios({{"sla.yaml", R"(
sla:
  - {id: grave, acknowledge: 15m, resolve: 4h, warn: 80%, when: {s: {severity_id|gte: 4}, condition: s}}
)"}},
                                    found);
  BOOST_REQUIRE_MESSAGE(found.errors() == 0, (found.errors() ? render(found.all()[0], "") : std::string()));
  const auto m = manager(late_alert_policy::reopen, std::make_shared<const scenario_rules>(rules));
  join(m, id_a, make.make(0, "reverse shell", "web-1", severity::high));
  const auto pass = [&](std::chrono::minutes time) {
    clock->advance(time);
    sched.advance_time(std::chrono::seconds(20));
    sched.run();
  };
  pass(std::chrono::minutes(11));
  BOOST_TEST(!look(m, id_a)->sla.acknowledge.warned);
  pass(std::chrono::minutes(2));
  BOOST_TEST(look(m, id_a)->sla.acknowledge.warned);
  BOOST_TEST(!look(m, id_a)->sla.acknowledge.missed);
  BOOST_TEST(w->published.back().subject == "soc.json.default.incident." + id_a + ".due_soon");
  const auto warned = decode_change(w->published[w->published.size() - 2].payload);
  BOOST_REQUIRE(warned);
  BOOST_TEST(warned->incident.sla.acknowledge.warned);
  BOOST_TEST(warned->incident.sla.resolve.warn_at == look(m, id_a)->sla.resolve.warn_at);
  pass(std::chrono::minutes(3));
  BOOST_TEST(look(m, id_a)->sla.acknowledge.missed);
  BOOST_TEST(w->published.back().subject == "soc.json.default.incident." + id_a + ".overdue");
  const auto told = decode_change(w->published[w->published.size() - 2].payload);
  BOOST_REQUIRE(told);
  BOOST_TEST(told->incident.sla.rule == "grave");
  BOOST_TEST(told->incident.sla.acknowledge.missed);
  BOOST_TEST(told->incident.sla.resolve.by == look(m, id_a)->sla.resolve.by);
  const auto version = look(m, id_a)->version;
  pass(std::chrono::minutes(60));
  BOOST_TEST(look(m, id_a)->version == version);
  ask<command_done>(
      m, change_incident{"default", id_a, set_status{status::closed, classification::true_positive, {}}, "eve"},
      [](auto&) {});
  pass(std::chrono::minutes(300));
  BOOST_TEST(!look(m, id_a)->sla.resolve.missed, "closed in time");
}

BOOST_AUTO_TEST_CASE(a_late_alert_opens_a_successor_that_names_the_closed_incident) {
  const auto m = manager(late_alert_policy::successor);
  join(m, id_a, make.make(0, "shell", "web-1", severity::high));
  const set_status closing{status::closed, classification::true_positive, "done"};
  ask<command_done>(m, change_incident{"default", id_a, closing, "eve"}, [](auto&) {});
  bool was_new = false;
  join(m, id_a, make.make(500, "shell again", "web-1", severity::high), &was_new);
  BOOST_TEST(was_new);
  BOOST_TEST(look(m, id_a)->alerts == 1U);
  incident_list open;
  ask<incident_list>(m, list_incidents{}, [&](const incident_list& l) { open = l; });
  BOOST_REQUIRE_EQUAL(open.all.size(), 1U); // the closed one is not listed
  const auto successor = open.all[0].id;
  BOOST_TEST(look(m, successor)->successor_of == id_a);
  join(m, id_a, make.make(600, "and again", "web-1", severity::high));
  BOOST_TEST(look(m, successor)->alerts == 2U);
}

BOOST_AUTO_TEST_CASE(with_a_lateness_tolerance_alerts_that_arrive_swapped_are_placed_in_order) {
  const auto m = manager();
  auto settings = std::make_shared<graph::settings>(*graph::default_settings());
  settings->with.lateness_s = 10;
  graph::graph_options options;
  options.settings = settings;
  graph::graph_ports ports{graph::router_ref(m), store_ref(store), journal_ref(journal), {}};
  const auto g = spawn_observed(sys, context("test/graph"), graph::graph_behavior, options, ports);
  spawned.push_back(g);
  sched.run();
  const auto first = make.make(0, "reverse shell", "web-1", severity::high);
  const auto second = make.make(5, "ransom note", "web-1", severity::critical);
  auto late = self->request(g, caf::infinite, graph::place_alert{second, 1});
  auto early = self->request(g, caf::infinite, graph::place_alert{first, 2});
  sched.run();
  BOOST_TEST(w->journal.empty()); // both are held
  clock->advance(std::chrono::seconds(11));
  sched.advance_time(std::chrono::seconds(11));
  sched.run();
  std::string id_of_first, id_of_second;
  early.receive([&](const graph::alert_placed& p) { id_of_first = p.incident_id; }, [](caf::error&) {});
  late.receive([&](const graph::alert_placed& p) { id_of_second = p.incident_id; }, [](caf::error&) {});
  BOOST_TEST(!id_of_first.empty());
  BOOST_TEST(id_of_second == id_of_first);
  BOOST_TEST(look(m, id_of_first)->timeline.at(0).alert_id == first->id);
}

BOOST_AUTO_TEST_CASE(a_task_change_is_noted) {
  const auto m = manager();
  join(m, id_a, make.make(0, "reverse shell", "web-1", severity::high));
  self->send(
      m, response::task_changed{"default", id_a, "run", "task-1", "block_ip", "203.0.113.9", "edge", "done", "", 5});
  sched.run();
  BOOST_REQUIRE_EQUAL(look(m, id_a)->tasks.size(), 1U);
  BOOST_TEST(look(m, id_a)->tasks[0].status == "done");
}

BOOST_AUTO_TEST_CASE(another_node_is_answered_in_bytes) {
  const auto m = manager();
  owner_request request;
  request.what = owner_request::kind::join;
  request.tenant = "default";
  request.id = id_a;
  request.who = "graph";
  request.asked = add_alert{make.make(0, "reverse shell", "web-1", severity::high), "{}", {}};
  std::string payload;
  ask<remote_answer>(m, remote_delivery{encode_request(request).take()},
                     [&](const remote_answer& r) { payload = r.payload; });
  const auto reply = decode_reply(payload);
  BOOST_REQUIRE(reply);
  BOOST_TEST(reply->changed);
  BOOST_TEST((ask<remote_answer>(m, remote_delivery{"junk"}, [](auto&) {}).code == ec::corrupt));
}

BOOST_AUTO_TEST_CASE(an_alert_placed_by_the_graph_is_answered_after_its_incident_has_it) {
  const auto m = manager();
  graph::graph_ports ports{graph::router_ref(m), store_ref(store), journal_ref(journal), {}};
  const auto g = spawn_observed(sys, context("test/graph"), graph::graph_behavior, graph::graph_options{}, ports);
  spawned.push_back(g);
  sched.run();
  graph::alert_placed placed;
  const auto a = make.make(0, "reverse shell", "web-1", severity::high);
  BOOST_TEST((ask<graph::alert_placed>(g, graph::place_alert{a, 7}, [&](const graph::alert_placed& p) {
                placed = p;
              }).code == ec::none));
  BOOST_TEST((placed.what == graph::placing::incident));
  BOOST_REQUIRE(look(m, placed.incident_id));
  BOOST_TEST(look(m, placed.incident_id)->alerts == 1U);
  ask<graph::alert_placed>(g, graph::place_alert{a, 7}, [&](const graph::alert_placed& p) { placed = p; });
  BOOST_TEST((placed.what == graph::placing::duplicate));
  ask<drained>(g, drain{}, [](auto&) {});
  sched.run();
  BOOST_TEST(w->stored["graph/0/default"].sequence == 7U);
}

BOOST_AUTO_TEST_CASE(what_people_decide_is_kept_in_the_graphs_snapshot_soon) {
  const auto m = manager();
  graph::graph_ports ports{graph::router_ref(m), store_ref(store), journal_ref(journal), {}};
  const auto g = spawn_observed(sys, context("test/graph"), graph::graph_behavior, graph::graph_options{}, ports);
  spawned.push_back(g);
  sched.run();
  ask<graph::alert_placed>(g, graph::place_alert{make.make(0, "reverse shell", "web-1", severity::high), 7},
                           [](auto&) {});
  using decided = graph::person_decided;
  for (const auto& other : {id_a, id_b})
    caf::anon_send(g, decided{decided::kind::split, "default", other, std::string(32, 'c'), {}});
  sched.run();
  BOOST_TEST(!w->stored.contains("graph/0/default"), "several are kept together");
  sched.advance_time(std::chrono::seconds(6));
  sched.run();
  BOOST_TEST(w->stored["graph/0/default"].sequence == 7U);
}

BOOST_AUTO_TEST_CASE(a_snapshot_and_the_tail_recover_what_the_journal_holds) {
  state s;
  for (int i = 0; i < 5; ++i) {
    const auto events = decide(
        s,
        add_alert{
            make.make(i, "rule " + std::to_string(i), "web-1", severity::high, {source_ip("203.0.113.9")}), "{}", {}},
        id_a, "default", begin_time, "graph", {});
    BOOST_REQUIRE(events);
    const auto again = decode_entry(*encode_entry(*events));
    BOOST_REQUIRE(again);
    for (const auto& e : *again)
      apply(s, e);
  }
  const auto back = decode_snapshot(*encode_snapshot(s));
  BOOST_REQUIRE(back);
  BOOST_TEST(content_digest(*back) == content_digest(s));
  BOOST_TEST(back->events == s.events);
}

BOOST_AUTO_TEST_SUITE_END()
