// Which runs the response rules want for an incident.
#include "response/core/rule.hpp"

#include <boost/test/unit_test.hpp>

#include <set>

namespace {

using namespace soc;
using namespace soc::response;
using nlohmann::json;

response_config rules_for_sources() {
  response_config out;
  diagnostics found;
  load_response_file("test.yaml", R"(
rules:
  - id: block
    title: Block each source
    for_each: {source: {type: ip, role: source}, condition: source}
    mode: auto
    playbook: block_source_ip
    inputs: {ip: "${entity.ip}"}
)",
                     out, found);
  BOOST_REQUIRE_EQUAL(found.errors(), 0U);
  return out;
}

json incident_with(std::size_t sources, std::size_t malicious = 0) {
  json entities = json::array();
  for (std::size_t i = 0; i < sources; ++i)
    entities.push_back(
        entity_json({model::entity_type::ip, model::entity_role::source, "203.0.113." + std::to_string(i), ""},
                    i + malicious >= sources ? "malicious" : ""));
  return {{"id", "i1"},       {"tenant", "default"}, {"status", "new"},
          {"severity_id", 4}, {"automation", true},  {"entities", entities}};
}

response_config rules_of(const std::string& text, std::size_t errors = 0) {
  response_config out;
  diagnostics found;
  load_response_file("test.yaml", text, out, found);
  BOOST_TEST(found.errors() == errors);
  return out;
}

/// Raised 100,000 s after 1970.
model::alert alert_of(const std::string& id, std::vector<std::string> sources) {
  model::alert out;
  out.id = id;
  out.rule_id = "web-shell";
  out.level = model::severity::high;
  out.detected_at = 100'000 * ns_per_s;
  for (auto& ip : sources)
    out.entities.push_back({model::entity_type::ip, model::entity_role::source, ip, ip});
  return out;
}

const char* const alert_rule = R"(
rules:
  - id: look-up
    trigger: alert
    when: {alert.severity_id|gte: 4}
    for_each: {type: ip}
    mode: auto
    playbook: enrich
    inputs: {ip: "${entity.ip}", why: "${alert.rule}"}
)";

std::vector<wanted_run> wanted_of(const response_config& config, const model::alert& alert,
                                  unix_ns now = 100'010 * ns_per_s) {
  std::vector<std::string> problems;
  auto out = wanted_runs_of_alert(
      config, alert, now, [](const std::string&) { return false; }, problems);
  BOOST_TEST(problems.empty());
  return out;
}

const is_known_run nobody = [](const std::string&) { return false; };

} // namespace

BOOST_AUTO_TEST_SUITE(response_rules)

BOOST_AUTO_TEST_CASE(a_rule_wants_a_run_for_each_entity_it_fits) {
  std::vector<std::string> problems;
  const auto wanted = wanted_runs(rules_for_sources(), incident_with(3), nobody, problems);
  BOOST_REQUIRE_EQUAL(wanted.size(), 3U);
  BOOST_TEST(problems.empty());
  BOOST_TEST(wanted[1].inputs["ip"] == "203.0.113.1");
  BOOST_TEST(wanted[1].inputs["incident"]["entities"].size() == 3U);
}

BOOST_AUTO_TEST_CASE(runs_that_are_known_are_not_wanted_again) {
  std::vector<std::string> problems;
  const auto config = rules_for_sources();
  std::set<std::string> known;
  for (const auto& run : wanted_runs(config, incident_with(3), nobody, problems))
    known.insert(run.id);
  const auto more = wanted_runs(
      config, incident_with(4), [&](const std::string& id) { return known.contains(id); }, problems);
  BOOST_REQUIRE_EQUAL(more.size(), 1U);
  BOOST_TEST(more[0].inputs["ip"] == "203.0.113.3");
}

BOOST_AUTO_TEST_CASE(a_run_of_a_large_incident_keeps_the_entities_of_most_interest) {
  std::vector<std::string> problems;
  const auto wanted = wanted_runs(rules_for_sources(), incident_with(max_run_entities + 50, 2), nobody, problems);
  BOOST_REQUIRE_EQUAL(wanted.size(), max_run_entities + 50); // rules look at all of them
  const auto& kept = wanted[0].inputs["incident"]["entities"];
  BOOST_TEST(kept.size() == max_run_entities);
  BOOST_TEST(kept[0]["verdict"] == "malicious");
  BOOST_TEST(wanted[0].inputs["incident"]["entities_left_out"] == 50);
}

BOOST_AUTO_TEST_CASE(a_rule_on_alerts_wants_a_run_for_each_entity_of_each_alert) {
  const auto config = rules_of(alert_rule);
  const auto wanted = wanted_of(config, alert_of("a1", {"203.0.113.1", "203.0.113.2", "203.0.113.1"}));
  BOOST_REQUIRE_EQUAL(wanted.size(), 2U);
  BOOST_TEST(wanted[1].inputs["ip"] == "203.0.113.2");
  BOOST_TEST(wanted[1].inputs["why"] == "web-shell");
  BOOST_TEST(wanted[1].inputs["alert"]["id"] == "a1");
  BOOST_TEST(wanted[1].incident_id.empty());
  BOOST_TEST(wanted_of(config, alert_of("a2", {"203.0.113.1"}))[0].id != wanted[0].id);
  BOOST_TEST(wanted_of(config, alert_of("a1", {"203.0.113.1"}))[0].id == wanted[0].id);
}

BOOST_AUTO_TEST_CASE(rules_look_only_at_what_they_are_for) {
  std::vector<std::string> problems;
  BOOST_TEST(wanted_runs(rules_of(alert_rule), incident_with(3), nobody, problems).empty());
  BOOST_TEST(wanted_of(rules_for_sources(), alert_of("a1", {"203.0.113.1"})).empty());
  BOOST_TEST(!has_alert_rules(rules_for_sources()));
  BOOST_TEST(has_alert_rules(rules_of(alert_rule)));
  auto low = alert_of("a1", {"203.0.113.1"});
  low.level = model::severity::low;
  BOOST_TEST(wanted_of(rules_of(alert_rule), low).empty());
}

BOOST_AUTO_TEST_CASE(once_in_a_time_is_once_for_an_entity_whatever_alerts_name_it) {
  const auto config = rules_of(std::string(alert_rule) + "    once_per: 1h\n");
  const auto first = wanted_of(config, alert_of("a1", {"203.0.113.1"}));
  BOOST_TEST(wanted_of(config, alert_of("a2", {"203.0.113.1"}))[0].id == first[0].id);
  BOOST_TEST(wanted_of(config, alert_of("a2", {"203.0.113.2"}))[0].id != first[0].id);
  auto later = alert_of("a3", {"203.0.113.1"});
  later.detected_at += 3600 * ns_per_s;
  BOOST_TEST(wanted_of(config, later, later.detected_at)[0].id != first[0].id);
  auto elsewhere = alert_of("a1", {"203.0.113.1"});
  elsewhere.tenant = "other";
  BOOST_TEST(wanted_of(config, elsewhere)[0].id != first[0].id);
}

BOOST_AUTO_TEST_CASE(an_alert_raised_too_long_ago_starts_nothing) {
  const auto config = rules_of(std::string(alert_rule) + "    within: 10m\n");
  BOOST_TEST(wanted_of(config, alert_of("a1", {"203.0.113.1"}), 100'600 * ns_per_s).size() == 1U);
  BOOST_TEST(wanted_of(config, alert_of("a1", {"203.0.113.1"}), 100'601 * ns_per_s).empty());
}

BOOST_AUTO_TEST_CASE(what_is_for_alerts_only_is_said_of_other_rules) {
  rules_of("rules: [{id: r, playbook: p, once_per: 1h}]", 1);
  rules_of("rules: [{id: r, playbook: p, trigger: schedule}]", 1);
  rules_of("rules: [{id: r, playbook: p, trigger: alert, once_per: soon}]", 1);
}

BOOST_AUTO_TEST_SUITE_END()
