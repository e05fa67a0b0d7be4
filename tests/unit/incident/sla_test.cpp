// Deadlines of incidents: which rule, when the clock starts, what counts as kept.
#include "../graph/alerts.hpp"
#include "incident/core/incident.hpp"
#include "incident/core/scenario.hpp"
#include "incident/core/view.hpp"

#include <boost/test/unit_test.hpp>

using namespace soc;
using namespace soc::incident;
using namespace soc::test;
using model::severity;

namespace {

constexpr unix_ns opened_at = begin_time, minute = 60 * ns_per_s;
const std::string aging_id(32, 'a');

scenario_rules rules_of(const std::string& yaml) {
  diagnostics found;
  auto out = load_scenarios({{"sla.yaml", yaml}}, found);
  BOOST_REQUIRE_MESSAGE(found.errors() == 0, (found.errors() ? render(found.all()[0], yaml) : std::string()));
  return out;
}

const char* const two_rules = R"(
sla:
  - {id: vip, acknowledge: 5m, when: {s: {tenant: vip}, condition: s}}
  - {id: grave, acknowledge: 15m, resolve: 4h, when: {s: {severity_id|gte: 4}, condition: s}}
)";

struct aging_incident {
  state s;
  void ask(command asked, unix_ns at, const std::string& tenant = "default") {
    const auto events = decide(s, asked, aging_id, tenant, at, "eve", {});
    BOOST_REQUIRE(events);
    for (const auto& e : *events)
      apply(s, e);
  }
};

aging_incident opened_with(severity level, const std::string& tenant = "default") {
  aging_incident x;
  alert_maker make;
  x.ask(add_alert{make.make(0, "reverse shell", "web-1", level), "{}", {}, {}}, opened_at, tenant);
  return x;
}

} // namespace

BOOST_AUTO_TEST_SUITE(sla_suite)

BOOST_AUTO_TEST_CASE(the_first_rule_that_holds_gives_the_times) {
  const auto rules = rules_of(two_rules);
  const auto grave = derive(opened_with(severity::high).s, rules).sla;
  BOOST_TEST(grave.rule == "grave");
  BOOST_TEST(grave.acknowledge.by == opened_at + 15 * minute);
  BOOST_TEST(grave.resolve.by == opened_at + 240 * minute);
  const auto vip = derive(opened_with(severity::high, "vip").s, rules).sla;
  BOOST_TEST(vip.acknowledge.by == opened_at + 5 * minute);
  BOOST_TEST(vip.resolve.by == 0);
  BOOST_TEST(derive(opened_with(severity::low).s, rules).sla.rule.empty());
}

BOOST_AUTO_TEST_CASE(a_deadline_is_missed_only_after_it_has_passed_and_once) {
  auto x = opened_with(severity::high);
  const auto by = opened_at + 15 * minute;
  x.ask(note_missed{deadline::acknowledge, by}, by - 1);
  BOOST_TEST(!x.s.missed_acknowledge);
  x.ask(note_missed{deadline::acknowledge, by}, by);
  BOOST_TEST(x.s.missed_acknowledge);
  const auto before = x.s.events;
  x.ask(note_missed{deadline::acknowledge, by}, by + minute);
  BOOST_TEST(x.s.events == before);
  BOOST_TEST((next_of(derive(x.s, rules_of(two_rules)).sla, by).what == deadline::resolve));
}

BOOST_AUTO_TEST_CASE(what_was_confirmed_in_time_is_kept_and_not_noted) {
  auto x = opened_with(severity::high);
  x.ask(set_status{status::in_progress, classification::none, {}}, opened_at + 10 * minute);
  x.ask(note_missed{deadline::acknowledge, opened_at + 15 * minute}, opened_at + 20 * minute);
  BOOST_TEST(!x.s.missed_acknowledge);
  const auto sla = derive(x.s, rules_of(two_rules)).sla;
  BOOST_TEST((outcome_of(sla.acknowledge, opened_at + 20 * minute) == sla_outcome::kept));
  BOOST_TEST((outcome_of(sla.resolve, opened_at + 20 * minute) == sla_outcome::open));
  BOOST_TEST((outcome_of(sla.resolve, opened_at + 241 * minute) == sla_outcome::missed));
}

BOOST_AUTO_TEST_CASE(a_false_positive_is_settled_when_it_is_closed) {
  auto x = opened_with(severity::high);
  x.ask(set_status{status::false_positive, classification::none, {}}, opened_at + minute);
  const auto sla = derive(x.s, rules_of(two_rules)).sla;
  BOOST_TEST((outcome_of(sla.resolve, opened_at + 1000 * minute) == sla_outcome::kept));
}

BOOST_AUTO_TEST_CASE(a_reopened_incident_has_its_time_to_resolve_anew) {
  auto x = opened_with(severity::high);
  x.ask(set_status{status::closed, classification::true_positive, {}}, opened_at + 60 * minute);
  x.ask(set_status{status::in_progress, classification::none, {}}, opened_at + 600 * minute);
  const auto sla = derive(x.s, rules_of(two_rules)).sla;
  BOOST_TEST(sla.resolve.by == opened_at + 840 * minute);
  BOOST_TEST((outcome_of(sla.resolve, opened_at + 700 * minute) == sla_outcome::open));
}

const char* const with_warning = R"(
sla:
  - {id: grave, acknowledge: 20m, resolve: 4h, warn: 75%, when: {s: {severity_id|gte: 4}, condition: s}}
)";

BOOST_AUTO_TEST_CASE(that_a_deadline_is_near_is_told_once_before_it_passes) {
  auto x = opened_with(severity::high);
  const auto rules = rules_of(with_warning);
  const auto by = opened_at + 20 * minute;
  const auto next = next_of(derive(x.s, rules).sla, opened_at);
  BOOST_TEST(next.near);
  BOOST_TEST(next.at == opened_at + 15 * minute);
  BOOST_TEST(next.by == by);
  x.ask(note_near{deadline::acknowledge, by}, next.at);
  x.ask(note_near{deadline::acknowledge, by}, next.at + 1);
  BOOST_TEST(x.s.history.size() == 1U + opened_with(severity::high).s.history.size());
  const auto then = next_of(derive(x.s, rules).sla, next.at);
  BOOST_TEST(!then.near);
  BOOST_TEST(then.at == by);
}

BOOST_AUTO_TEST_CASE(of_a_deadline_that_is_met_or_has_passed_nobody_is_warned) {
  const auto rules = rules_of(with_warning);
  const auto by = opened_at + 20 * minute;
  auto late = opened_with(severity::high);
  const auto next = next_of(derive(late.s, rules).sla, by); // the node was away
  BOOST_TEST(!next.near);
  BOOST_TEST(next.at == by);
  late.ask(note_near{deadline::acknowledge, by}, by);
  BOOST_TEST(!late.s.warned_acknowledge);
  auto met = opened_with(severity::high);
  met.ask(set_status{status::in_progress, classification::none, {}}, opened_at + minute);
  met.ask(note_near{deadline::acknowledge, by}, by - minute);
  BOOST_TEST(!met.s.warned_acknowledge);
  BOOST_TEST((next_of(derive(met.s, rules).sla, by).what == deadline::resolve));
}

BOOST_AUTO_TEST_CASE(a_reopened_incident_is_warned_of_anew) {
  auto x = opened_with(severity::high);
  x.ask(note_near{deadline::resolve, opened_at + 240 * minute}, opened_at + 180 * minute);
  BOOST_TEST(x.s.warned_resolve);
  x.ask(set_status{status::closed, classification::true_positive, {}}, opened_at + 200 * minute);
  x.ask(set_status{status::in_progress, classification::none, {}}, opened_at + 600 * minute);
  BOOST_TEST(!x.s.warned_resolve);
  BOOST_TEST(next_of(derive(x.s, rules_of(with_warning)).sla, opened_at + 600 * minute).at == opened_at + 780 * minute);
}

BOOST_AUTO_TEST_CASE(what_is_no_share_of_the_time_is_said_with_its_place) {
  for (const auto* wrong : {"75", "0%", "100%", "x%", "7 5%"}) {
    diagnostics found;
    load_scenarios({{"sla.yaml", "sla:\n  - {id: x, warn: '" + std::string(wrong) +
                                     "', when: {s: {severity_id: 4}, condition: s}}\n"}},
                   found);
    BOOST_REQUIRE_MESSAGE(found.errors() == 1U, wrong);
    BOOST_TEST(found.all()[0].code == "SCN007");
    BOOST_TEST(found.all()[0].place.line == 2U);
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_duration_is_said_with_its_place) {
  diagnostics found;
  load_scenarios({{"sla.yaml", "sla:\n  - {id: x, acknowledge: soon, when: {s: {severity_id: 4}, condition: s}}\n"}},
                 found);
  BOOST_REQUIRE_EQUAL(found.errors(), 1u);
  BOOST_TEST(found.all()[0].code == "SCN006");
  BOOST_TEST(found.all()[0].place.line == 2u);
}

BOOST_AUTO_TEST_SUITE_END()
