// What rules and schedules hand to playbooks, checked when they are loaded.
#include "response/rule_inputs.hpp"

#include <boost/test/unit_test.hpp>

using namespace soc;
using namespace soc::response;

namespace {

std::vector<std::string> problems_of(const std::string& rules) {
  diagnostics found;
  playbook::library all;
  all["p"] = playbook::load_playbook("p.yaml",
                                     "{name: p, inputs: {ip: {type: ip}, count: {type: integer, default: 1}, "
                                     "incident: {type: object, required: false}}, steps: [{id: e, end: completed}]}",
                                     found);
  BOOST_REQUIRE(all["p"]);
  response_config config;
  load_response_file("r.yaml", rules, config, found);
  BOOST_TEST(found.errors() == 0U);
  check_rule_inputs(config, all, found);
  std::vector<std::string> out;
  for (const auto& d : found.all())
    out.push_back(d.message);
  return out;
}

using texts = std::vector<std::string>;

} // namespace

BOOST_AUTO_TEST_SUITE(rule_inputs)

BOOST_AUTO_TEST_CASE(what_the_playbook_takes_is_no_problem) {
  BOOST_TEST(problems_of("rules: [{id: r, for_each: {type: ip}, playbook: p, inputs: {ip: '${entity.ip}', count: 2}}]\n"
                         "schedules: [{id: s, every: 1h, playbook: p, inputs: {ip: 203.0.113.9}}]\n") == texts{},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_name_it_doesnt_know_is_said_with_the_one_that_was_meant) {
  BOOST_TEST(problems_of("schedules: [{id: s, every: 1h, playbook: p, inputs: {ip: 203.0.113.9, cuont: 2}}]") ==
                 texts{"schedule 's': playbook 'p' has no input 'cuont'"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(one_that_is_needed_and_not_given_is_said) {
  BOOST_TEST(problems_of("rules: [{id: r, playbook: p}]") == texts{"rule 'r': playbook 'p' needs input 'ip'"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_literal_of_the_wrong_type_is_said_and_a_reference_is_left_to_the_run) {
  BOOST_TEST(problems_of("rules: [{id: r, playbook: p, inputs: {ip: '${incident.ip}', count: many}}]") ==
                 texts{"rule 'r': input 'count' of playbook 'p' must be integer"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
