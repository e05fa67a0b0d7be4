// Laws of the graph: the same alerts give the same incidents, however they come; a snapshot changes nothing.
#include "alerts.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <rapidcheck.h>

using namespace soc;
using namespace soc::graph;
using namespace soc::test;
using model::severity;

namespace {

/// A small world in which things meet often.
std::vector<model::alert_ptr> alerts_of(const std::vector<int>& choices) {
  alert_maker make;
  std::vector<model::alert_ptr> out;
  double t = 0;
  for (const int c : choices) {
    const auto x = static_cast<unsigned>(c);
    t += x % 977;
    std::vector<model::entity> entities;
    if (x & 1)
      entities.push_back(source_ip("203.0.113." + std::to_string(x / 7 % 9 + 1)));
    if (x & 2)
      entities.push_back(acting_user("acme\\user-" + std::to_string(x / 11 % 5)));
    out.push_back(make.make(t, "rule " + std::to_string(x / 3 % 12), "host-" + std::to_string(x / 5 % 6),
                            static_cast<severity>(x / 13 % 6), std::move(entities),
                            x % 4 == 0 ? "suricata" : "auditd"));
  }
  return out;
}

std::string told(const decision& d) {
  std::string out = std::to_string(static_cast<int>(d.what));
  for (const auto& m : d.merges)
    out += " m " + m.from + " " + m.into;
  for (const auto& p : d.placed)
    out += " p " + p.alert->id + " " + p.incident_id + " " + to_json(p.why);
  return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(the_same_alerts_give_the_same_incidents) {
  BOOST_TEST(rc::check([](const std::vector<int>& choices) {
    const auto alerts = alerts_of(choices);
    entity_graph a("default", default_settings()), b("default", default_settings());
    for (const auto& x : alerts)
      RC_ASSERT(told(a.place(x)) == told(b.place(x)));
    RC_ASSERT(a.snapshot() == b.snapshot());
  }));
}

BOOST_AUTO_TEST_CASE(a_restored_graph_decides_as_the_one_it_was_made_from) {
  BOOST_TEST(rc::check([](const std::vector<int>& choices) {
    const auto alerts = alerts_of(choices);
    entity_graph whole("default", default_settings());
    auto parted = std::make_unique<entity_graph>("default", default_settings());
    for (std::size_t i = 0; i < alerts.size(); ++i) {
      if (i % 3 == 1) {
        auto again = entity_graph::restore(parted->snapshot(), default_settings());
        RC_ASSERT(static_cast<bool>(again));
        parted = std::move(again).take();
      }
      RC_ASSERT(told(whole.place(alerts[i])) == told(parted->place(alerts[i])));
    }
    RC_ASSERT(whole.snapshot() == parted->snapshot());
  }));
}

BOOST_AUTO_TEST_CASE(redelivery_changes_nothing) {
  BOOST_TEST(rc::check([](const std::vector<int>& choices) {
    const auto alerts = alerts_of(choices);
    entity_graph once("default", default_settings()), twice("default", default_settings());
    for (const auto& x : alerts) {
      const auto d = told(once.place(x));
      RC_ASSERT(d == told(twice.place(x)));
      RC_ASSERT(twice.place(x).placed.empty());
    }
  }));
}

BOOST_AUTO_TEST_CASE(no_alert_is_in_two_incidents) {
  BOOST_TEST(rc::check([](const std::vector<int>& choices) {
    entity_graph g("default", default_settings());
    std::set<std::string> seen;
    for (const auto& x : alerts_of(choices))
      for (const auto& p : g.place(x).placed)
        RC_ASSERT(seen.insert(p.alert->id).second);
  }));
}

BOOST_AUTO_TEST_CASE(an_explanation_is_json_whatever_its_labels_say) {
  BOOST_TEST(rc::check([](const std::string& label, const std::string& words, int sevenths) {
    explanation why;
    why.suspicion = 4;
    why.reasons.push_back({"entity", "ip", label, label, sevenths / 7.0, words});
    const auto doc = nlohmann::json::parse(to_json(why), nullptr, false);
    RC_ASSERT(doc.is_object());
    RC_ASSERT(doc["suspicion"] == 4.0);
    const auto back = explanation_from_json(to_json(why));
    RC_ASSERT(to_json(back) == to_json(why));
  }));
  explanation why;
  why.suspicion = 0.049;
  why.links = 7.001;
  why.needed = -1.5;
  why.reasons.push_back({"asset", "", "", "", 12, "same \"asset\""});
  BOOST_TEST(to_json(why) == R"({"suspicion":0.05,"links":7.0,"needed":-1.5,"reasons":[{"kind":"asset","weight":12.0,)"
                             R"("words":"same \"asset\""}]})");
}

BOOST_AUTO_TEST_CASE(a_broken_snapshot_is_refused_not_read) {
  entity_graph g("default", default_settings());
  for (const auto& x : alerts_of({1, 2, 3, 5, 8, 13, 21, 34, 55, 89}))
    g.place(x);
  const auto bytes = g.snapshot();
  for (std::size_t cut = 0; cut < bytes.size(); cut += 7)
    BOOST_TEST(!entity_graph::restore(bytes.substr(0, cut), default_settings()));
  for (std::size_t i = 0; i < bytes.size(); i += 11) {
    auto flipped = bytes;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x40);
    BOOST_TEST(!entity_graph::restore(flipped, default_settings()));
  }
}
