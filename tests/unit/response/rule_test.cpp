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

BOOST_AUTO_TEST_SUITE_END()
