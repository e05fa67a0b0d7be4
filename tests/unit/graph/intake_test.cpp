// Alerts that arrive swapped within the tolerance give the incidents they give in order.
#include "alerts.hpp"
#include "graph/core/ordered_intake.hpp"

#include <boost/test/unit_test.hpp>

#include <rapidcheck.h>

using namespace soc;
using namespace soc::graph;
using namespace soc::test;
using model::severity;

namespace {

std::vector<model::alert_ptr> busy_minutes(const std::vector<int>& choices) {
  alert_maker make;
  std::vector<model::alert_ptr> out;
  double t = 0;
  for (const int c : choices) {
    const auto x = static_cast<unsigned>(c);
    t += x % 4;
    std::vector<model::entity> entities{source_ip("203.0.113." + std::to_string(x / 7 % 9 + 1)),
                                        acting_user("acme\\user-" + std::to_string(x / 11 % 5))};
    out.push_back(make.make(t, "rule " + std::to_string(x / 3 % 12), "host-" + std::to_string(x / 5 % 6),
                            static_cast<severity>(x / 13 % 6), std::move(entities)));
  }
  return out;
}

std::string incidents_of(entity_graph& g, const std::vector<model::alert_ptr>& alerts) {
  std::string out;
  for (const auto& a : alerts) {
    const auto d = g.place(a);
    for (const auto& m : d.merges)
      out += "m " + m.from + " " + m.into + "\n";
    for (const auto& p : d.placed)
      out += p.alert->id + " " + p.incident_id + " " + to_json(p.why) + "\n";
  }
  return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(alerts_swapped_within_the_tolerance_give_the_same_incidents) {
  BOOST_TEST(rc::check([](const std::vector<int>& choices) {
    constexpr unix_ns tolerance = 10 * ns_per_s;
    const auto in_order = busy_minutes(choices);
    // Each is late by at most the tolerance.
    std::vector<std::pair<unix_ns, model::alert_ptr>> arrivals;
    for (const auto& a : in_order)
      arrivals.emplace_back(a->time + *rc::gen::inRange<unix_ns>(0, tolerance), a);
    std::stable_sort(arrivals.begin(), arrivals.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    ordered_intake straight(tolerance), swapped(tolerance);
    std::vector<model::alert_ptr> a, b;
    const auto take = [](std::vector<model::alert_ptr>& to, std::vector<model::alert_ptr> more) {
      to.insert(to.end(), more.begin(), more.end());
    };
    for (const auto& alert : in_order)
      take(a, straight.add(alert, 0));
    for (const auto& [at, alert] : arrivals)
      take(b, swapped.add(alert, at));
    take(a, straight.flush());
    take(b, swapped.flush());
    entity_graph x("default", default_settings()), y("default", default_settings());
    RC_ASSERT(incidents_of(x, a) == incidents_of(y, b));
    RC_ASSERT(x.snapshot() == y.snapshot());
  }));
}

BOOST_AUTO_TEST_CASE(without_a_tolerance_nothing_is_held) {
  alert_maker make;
  ordered_intake intake(0);
  const auto late = make.make(0, "r", "h", severity::low), early = make.make(60, "r", "h", severity::low);
  BOOST_TEST(intake.add(early, 0).size() == 1u);
  BOOST_TEST(intake.add(late, 0).size() == 1u);
  BOOST_TEST(intake.held() == 0u);
}

BOOST_AUTO_TEST_CASE(an_alert_waits_no_longer_than_the_tolerance) {
  alert_maker make;
  ordered_intake intake(10 * ns_per_s);
  const auto a = make.make(0, "r", "h", severity::low), b = make.make(5, "r", "h", severity::low);
  BOOST_TEST(intake.add(b, 100 * ns_per_s).empty());
  BOOST_TEST(intake.add(a, 103 * ns_per_s).empty());
  BOOST_TEST(intake.waited(109 * ns_per_s).empty());
  const auto due = intake.waited(110 * ns_per_s); // b is due, and a is older
  BOOST_REQUIRE_EQUAL(due.size(), 2u);
  BOOST_TEST(due[0] == a);
  BOOST_TEST(due[1] == b);
}
