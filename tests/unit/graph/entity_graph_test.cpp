#include "alerts.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <random>

using namespace soc;
using namespace soc::graph;
using namespace soc::test;
using model::entity_role;
using model::entity_type;
using model::severity;

namespace {

struct placed_alerts {
  std::map<std::string, std::set<std::string>> incidents; ///< id → alert ids
  std::map<std::string, std::string> of;                  ///< alert id → incident
  std::vector<doubt> doubts;

  void take(const decision& d) {
    for (const auto& m : d.merges) {
      for (const auto& id : incidents[m.from])
        of[id] = m.into;
      incidents[m.into].merge(incidents[m.from]);
      incidents.erase(m.from);
    }
    for (const auto& p : d.placed) {
      incidents[p.incident_id].insert(p.alert->id);
      of[p.alert->id] = p.incident_id;
    }
    doubts.insert(doubts.end(), d.doubts.begin(), d.doubts.end());
  }
};

settings_ptr with(std::string yaml) {
  diagnostics found;
  auto out = std::make_shared<settings>(load_settings({{"test.yaml", std::move(yaml)}}, found));
  BOOST_REQUIRE_EQUAL(found.errors(), 0U);
  return out;
}

/// A quiet company: each host raises its own two kinds of low alerts every hour.
void live_quietly(entity_graph& g, alert_maker& make, int hours, int hosts, double from_s = 0) {
  for (int hour = 0; hour < hours; ++hour)
    for (int host = 0; host < hosts; ++host) {
      const auto name = "host-" + std::to_string(host);
      g.place(make.make(from_s + hour * 3600.0 + host, "update check", name, severity::low));
      g.place(make.make(from_s + hour * 3600.0 + host + 0.5, "login", name, severity::low,
                        {acting_user("user-" + std::to_string(host))}));
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(entity_graph_places)

BOOST_AUTO_TEST_CASE(a_grave_host_alert_opens_an_incident_at_once) {
  entity_graph g("default", default_settings());
  alert_maker make;
  const auto d = g.place(make.make(0, "reverse shell", "web-1", severity::high));
  BOOST_TEST((d.what == placing::incident));
  BOOST_REQUIRE_EQUAL(d.placed.size(), 1U);
  BOOST_TEST(d.placed[0].opens);
  BOOST_TEST(d.placed[0].incident_id.size() == 32U);
}

BOOST_AUTO_TEST_CASE(a_network_alert_alone_is_no_incident) {
  entity_graph g("default", default_settings());
  alert_maker make;
  const auto d = g.place(make.make(0, "sql injection", "web-1", severity::high, {source_ip("203.0.113.9")}, "waf"));
  BOOST_TEST(d.placed.empty());
}

BOOST_AUTO_TEST_CASE(the_alert_that_opens_a_candidate_is_in_its_incident_however_many_wait) {
  entity_graph g("default", default_settings());
  alert_maker make;
  placed_alerts seen;
  const auto attacker = source_ip("203.0.113.9");
  const auto most = static_cast<int>(g.with().with.max_waiting);
  for (int i = 0; i < most + 5; ++i)
    seen.take(g.place(make.make(i, "sql injection", "web-1", severity::high, {attacker}, "modsecurity waf")));
  BOOST_TEST(seen.incidents.empty());
  const auto shell = make.make(most + 10, "shell spawned by web server", "web-1", severity::high, {attacker});
  seen.take(g.place(shell));
  BOOST_REQUIRE_EQUAL(seen.incidents.size(), 1U);
  BOOST_TEST(seen.of.contains(shell->id));
  BOOST_TEST(seen.of.contains("alert-1"), "the first, whose id the incident has");
}

BOOST_AUTO_TEST_CASE(a_web_intrusion_seen_by_waf_server_host_and_firewall_is_one_incident) {
  entity_graph g("default", default_settings());
  alert_maker make;
  live_quietly(g, make, 24, 5);
  placed_alerts seen;
  const double t = 24 * 3600;
  const auto attacker = source_ip("203.0.113.9");
  const auto shell_file = thing(entity_type::file, entity_role::target, "/var/www/html/x.php", "web-1");
  const auto shell = thing(entity_type::process, entity_role::target, "sh", "web-1");
  const auto www = acting_user("web-1\\www-data");
  const auto outside = thing(entity_type::ip, entity_role::destination, "203.0.113.9");
  const auto a = make.make(t, "sql injection", "web-1", severity::high, {attacker}, "modsecurity waf");
  const auto b = make.make(t + 20, "webshell upload", "web-1", severity::high, {attacker}, "nginx");
  const auto c = make.make(t + 40, "file written to web root", "web-1", severity::high, {www, shell_file});
  const auto d = make.make(t + 60, "shell spawned by web server", "web-1", severity::high, {www, shell});
  const auto e = make.make(t + 80, "connection to attacker", "", severity::medium, {outside}, "cloud firewall");
  for (const auto& x : {a, b, c, d, e})
    seen.take(g.place(x));
  BOOST_TEST(seen.incidents.size() == 1U);
  for (const auto& x : {a, b, c, d, e})
    BOOST_TEST(seen.of.contains(x->id), x->title);
}

BOOST_AUTO_TEST_CASE(a_fresh_graph_takes_the_attempts_on_a_server_into_the_intrusion_that_follows) {
  entity_graph g("default", default_settings());
  alert_maker make;
  placed_alerts seen;
  const auto a = make.make(0, "sql injection", "web-1", severity::high, {source_ip("203.0.113.9")}, "modsecurity waf");
  const auto b = make.make(9, "shell spawned by web server", "web-1", severity::high, {acting_user("web-1\\www-data")});
  seen.take(g.place(a));
  BOOST_TEST(seen.incidents.empty());
  seen.take(g.place(b));
  BOOST_TEST(seen.incidents.size() == 1U);
  BOOST_TEST(seen.of.contains(a->id));
  BOOST_TEST(seen.of.contains(b->id));
}

BOOST_AUTO_TEST_CASE(alerts_on_unrelated_hosts_stay_apart) {
  entity_graph g("default", default_settings());
  alert_maker make;
  placed_alerts seen;
  seen.take(g.place(make.make(0, "reverse shell", "web-1", severity::high, {source_ip("203.0.113.9")})));
  seen.take(g.place(make.make(1, "credential dump", "db-7", severity::high, {source_ip("198.51.100.7")})));
  BOOST_TEST(seen.incidents.size() == 2U);
}

BOOST_AUTO_TEST_CASE(what_a_host_raises_every_day_is_background) {
  entity_graph g("default", default_settings());
  alert_maker make;
  live_quietly(g, make, 48, 3);
  const auto d = g.place(make.make(48 * 3600 + 5, "update check", "host-1", severity::low));
  BOOST_TEST((d.what == placing::everyday));
}

BOOST_AUTO_TEST_CASE(ten_attackers_behind_one_nat_address_on_a_shared_proxy_are_ten_incidents) {
  entity_graph g("default", default_settings());
  alert_maker make;
  const auto nat = source_ip("100.64.0.1");
  for (int hour = 0; hour < 24; ++hour) // everybody works through the NAT address, every day
    for (int host = 0; host < 30; ++host)
      g.place(make.make(hour * 3600.0 + host * 7, "proxy login", "vm-" + std::to_string(host), severity::low,
                        {nat, acting_user("acme\\user-" + std::to_string(host))}));
  placed_alerts seen;
  std::map<int, std::set<std::string>> wanted;
  for (int step = 0; step < 5; ++step)
    for (int i = 0; i < 10; ++i) {
      const auto user = acting_user("acme\\user-" + std::to_string(i));
      const double t = 24 * 3600.0 + step * 60 + i;
      auto a = step % 2 == 0 ? make.make(t, "tool " + std::to_string(step), "vm-" + std::to_string(i), severity::high,
                                         {nat, user})
                             : make.make(t, "proxy block " + std::to_string(step), "proxy-1", severity::medium,
                                         {nat, user}, "firewall");
      wanted[i].insert(a->id);
      seen.take(g.place(a));
    }
  BOOST_TEST(seen.incidents.size() == 10U);
  for (const auto& [i, ids] : wanted) {
    std::set<std::string> into;
    for (const auto& id : ids)
      into.insert(seen.of[id]);
    BOOST_TEST(into.size() == 1U, "attacker " << i << " is in " << into.size() << " incidents");
  }
}

BOOST_AUTO_TEST_CASE(an_attack_over_three_clouds_is_one_incident) {
  entity_graph g("default", default_settings());
  alert_maker make;
  placed_alerts seen;
  const auto attacker = source_ip("203.0.113.50");
  const auto alice = thing(entity_type::user, entity_role::actor, "alice@example.com", "azure");
  const auto role = thing(entity_type::cloud_resource, entity_role::target, "arn:aws:iam::111122223333:role/deploy");
  const auto role_acts =
      thing(entity_type::cloud_resource, entity_role::actor, "arn:aws:iam::111122223333:role/deploy");
  const auto ecs = thing(entity_type::cloud_resource, entity_role::target, "i-bp1abcdef");
  std::vector<std::shared_ptr<model::alert>> all;
  const auto add = [&](double t, const char* rule, severity level, std::vector<model::entity> entities,
                       const char* cloud, const char* account, std::string host = {}) {
    auto a = make.make(t, rule, std::move(host), level, std::move(entities), cloud);
    a->cloud = cloud;
    a->account = account;
    all.push_back(a);
    seen.take(g.place(a));
  };
  add(0, "impossible travel sign-in", severity::medium, {attacker, alice}, "azure", "tenant-1");
  add(300, "role assumed from new address", severity::medium, {alice, attacker, role}, "aws", "111122223333");
  add(900, "instance created by foreign role", severity::medium, {role_acts, ecs}, "alibaba", "1234567890");
  add(1200, "mining pool connection", severity::high,
      {thing(entity_type::domain, entity_role::destination, "pool.example"), ecs}, "alibaba", "1234567890",
      "i-bp1abcdef");
  BOOST_TEST(seen.incidents.size() == 1U);
  for (const auto& a : all)
    BOOST_TEST(seen.of.contains(a->id), a->title);
}

BOOST_AUTO_TEST_CASE(a_known_alert_is_ignored) {
  entity_graph g("default", default_settings());
  alert_maker make;
  const auto a = make.make(0, "reverse shell", "web-1", severity::high);
  g.place(a);
  const auto again = g.place(a);
  BOOST_TEST((again.what == placing::duplicate));
  BOOST_TEST(again.placed.empty());
}

BOOST_AUTO_TEST_CASE(a_connecting_entity_that_becomes_common_is_doubted) {
  entity_graph g("default", default_settings());
  alert_maker make;
  placed_alerts seen;
  const auto ip = source_ip("203.0.113.77");
  seen.take(g.place(make.make(0, "reverse shell", "web-1", severity::high, {ip})));
  seen.take(g.place(make.make(10, "reverse shell", "web-2", severity::high, {ip})));
  BOOST_TEST(seen.incidents.size() == 1U);
  for (int i = 0; i < 30; ++i) // it turns out that everybody talks to it
    for (int round = 0; round < 2; ++round)
      seen.take(g.place(
          make.make(7200.0 + i * 60 + round, "flow", "pc-" + std::to_string(i), severity::informational, {ip})));
  BOOST_TEST(!seen.doubts.empty());
}

BOOST_AUTO_TEST_CASE(what_a_person_split_is_not_merged_again) {
  entity_graph g("default", default_settings());
  alert_maker make;
  placed_alerts seen;
  const auto ip = source_ip("203.0.113.9");
  const auto a = make.make(0, "reverse shell", "web-1", severity::high, {ip});
  const auto b = make.make(10, "credential dump", "db-1", severity::high, {ip});
  seen.take(g.place(a));
  seen.take(g.place(b));
  const auto first = seen.of[a->id];
  BOOST_REQUIRE_EQUAL(seen.of[b->id], first);
  g.person_split(first, std::string(32, 'f'), {b}, b->time);
  const auto again = g.place(make.make(20, "credential dump", "db-1", severity::high, {ip}));
  BOOST_REQUIRE_EQUAL(again.placed.size(), 1U);
  BOOST_TEST(again.placed[0].incident_id == std::string(32, 'f'));
  BOOST_TEST(again.merges.empty());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(aggregation_rules)

BOOST_AUTO_TEST_CASE(an_exclusion_keeps_alerts_out) {
  entity_graph g("default",
                 with("rules:\n  - {id: lab, aggregate: exclude, when: {s: {host: 'lab-*'}, condition: s}}\n"));
  alert_maker make;
  BOOST_TEST((g.place(make.make(0, "reverse shell", "lab-3", severity::critical)).what == placing::excluded));
  BOOST_TEST((g.place(make.make(0, "reverse shell", "web-1", severity::critical)).what == placing::incident));
}

BOOST_AUTO_TEST_CASE(pass_through_makes_each_alert_an_incident) {
  entity_graph g("default", with("rules:\n  - {id: all, aggregate: pass_through}\n"));
  alert_maker make;
  placed_alerts seen;
  for (int i = 0; i < 3; ++i)
    seen.take(g.place(make.make(i, "alert", "web-1", severity::low)));
  BOOST_TEST(seen.incidents.size() == 3U);
}

BOOST_AUTO_TEST_CASE(same_type_gathers_a_kind_within_its_window) {
  entity_graph g("default", with("rules:\n  - {id: kinds, aggregate: same_type, window_minutes: 10}\n"));
  alert_maker make;
  placed_alerts seen;
  for (const double t : {0.0, 60.0, 120.0, 7200.0})
    seen.take(g.place(make.make(t, "policy violation", "pc-" + std::to_string(t), severity::low)));
  BOOST_TEST(seen.incidents.size() == 2U);
}

BOOST_AUTO_TEST_CASE(own_keys_gather_equal_values) {
  entity_graph g("default",
                 with("rules:\n  - {id: users, aggregate: keys, keys: [entity.user], window_minutes: 60}\n"));
  alert_maker make;
  placed_alerts seen;
  for (int i = 0; i < 6; ++i)
    seen.take(g.place(make.make(i, "rule " + std::to_string(i), "pc", severity::low,
                                {acting_user("user-" + std::to_string(i % 2))})));
  BOOST_TEST(seen.incidents.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_wrong_file_is_reported_with_places_and_the_rest_is_loaded) {
  diagnostics found;
  const auto s = load_settings(
      {{"bad.yaml",
        "parameters:\n  open_scor: 3\nrules:\n  - {id: a, aggregate: grph}\n  - {id: b, aggregate: exclude}\n"}},
      found);
  BOOST_TEST(found.errors() == 2U);
  BOOST_TEST(found.all()[0].place.line == 2);
  BOOST_TEST(found.all()[0].hint.find("open_score") != std::string::npos);
  BOOST_TEST(s.rules.size() == 1U);
}

BOOST_AUTO_TEST_CASE(the_built_in_rules_load_without_a_complaint) {
  BOOST_TEST(default_settings()->rules.size() >= 3U);
  BOOST_TEST(default_settings()->dull_entities.contains("user:root"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(explanations)

BOOST_AUTO_TEST_CASE(a_join_names_the_entity_and_its_weight) {
  entity_graph g("default", default_settings());
  alert_maker make;
  g.place(make.make(0, "reverse shell", "web-1", severity::high, {source_ip("203.0.113.9")}));
  const auto d = g.place(make.make(5, "new admin", "db-1", severity::high, {source_ip("203.0.113.9")}));
  BOOST_REQUIRE_EQUAL(d.placed.size(), 1U);
  const auto& why = d.placed[0].why;
  BOOST_REQUIRE(!why.reasons.empty());
  BOOST_TEST(why.reasons[0].kind == "entity");
  BOOST_TEST(why.reasons[0].label == "203.0.113.9");
  BOOST_TEST(why.reasons[0].weight > 2.0);
  BOOST_TEST(in_words(why).find("203.0.113.9") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(json_keeps_all_of_it) {
  explanation why{7.25, 4.5, 7.5, "rule-1", {{"entity", "ip", "10.0.0.1", "10.0.0.1", 4.5, "shares ip \"10.0.0.1\""}}};
  BOOST_TEST((explanation_from_json(to_json(why)) == why));
  BOOST_TEST((explanation_from_json("[1,2") == explanation{}));
}

BOOST_AUTO_TEST_SUITE_END()
