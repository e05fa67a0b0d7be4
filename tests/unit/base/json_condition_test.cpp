#include "base/json_condition.hpp"
#include "base/json_template.hpp"
#include "base/network.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using nlohmann::json;
using namespace soc;

bool condition_matches(const std::string& yaml, const json& document) {
  diagnostics found;
  const auto text = parse_yaml("test.yaml", yaml, "TST001", found);
  const auto condition = json_condition::parse("test.yaml", text.documents.at(0), "TST002", found);
  BOOST_REQUIRE_MESSAGE(condition, (found.all().empty() ? std::string("no condition") : found.all()[0].message));
  return condition->matches(document);
}

std::string condition_error(const std::string& yaml) {
  diagnostics found;
  const auto text = parse_yaml("test.yaml", yaml, "TST001", found);
  BOOST_REQUIRE(!json_condition::parse("test.yaml", text.documents.at(0), "TST002", found));
  BOOST_REQUIRE(found.errors() > 0);
  return found.all()[0].message + " / " + found.all()[0].hint;
}

const json incident = json::parse(R"({"scenario":"web_intrusion","severity_id":4,"title":"Web intrusion on www",
  "entities":[{"type":"ip","role":"source","ip":"203.0.113.9"},{"type":"host","role":"target","name":"www"}],
  "stages":["scan","webshell_upload"],"a.b":{"c":1},"empty":null})");

} // namespace

BOOST_AUTO_TEST_SUITE(json_condition_suite)

BOOST_AUTO_TEST_CASE(all_fields_of_a_selection_must_match_and_any_of_a_list_of_values) {
  BOOST_TEST(
      condition_matches("{s: {scenario: [ransomware, WEB_intrusion], severity_id|gte: 4}, condition: s}", incident));
  BOOST_TEST(!condition_matches("{s: {scenario: web_intrusion, severity_id|gt: 4}, condition: s}", incident));
}

BOOST_AUTO_TEST_CASE(a_list_on_the_way_matches_when_any_item_does) {
  BOOST_TEST(
      condition_matches("{s: {entities.ip|cidr: 203.0.113.0/24, stages: webshell_upload}, condition: s}", incident));
  BOOST_TEST(!condition_matches("{s: {stages|all: [scan, ransom]}, condition: s}", incident));
  BOOST_TEST(condition_matches("{s: {stages|all: [scan, webshell*]}, condition: s}", incident));
}

BOOST_AUTO_TEST_CASE(the_any_modifier_wants_one_item_that_fulfils_all_of_it) {
  BOOST_TEST(condition_matches("{s: {entities|any: {type: ip, role: source}}, condition: s}", incident));
  BOOST_TEST(!condition_matches("{s: {entities|any: {type: ip, role: target}}, condition: s}", incident));
}

BOOST_AUTO_TEST_CASE(and_binds_tighter_than_or_and_not_tighter_than_both) {
  const auto with = [](const std::string& c) {
    return condition_matches("{yes: {severity_id: 4}, nope: {severity_id: 1}, condition: \"" + c + "\"}", incident);
  };
  BOOST_TEST(with("yes or nope and nope"));
  BOOST_TEST(!with("(yes or nope) and nope"));
  BOOST_TEST(with("not nope and yes"));
  BOOST_TEST(with("1 of them"));
  BOOST_TEST(!with("all of them"));
  BOOST_TEST(with("1 of y*"));
}

BOOST_AUTO_TEST_CASE(absent_null_and_dotted_keys_are_told_apart) {
  BOOST_TEST(condition_matches("{s: {missing: null, empty: null}, condition: s}", incident));
  BOOST_TEST(condition_matches("{s: {missing|exists: false, title|exists: true}, condition: s}", incident));
  BOOST_TEST(condition_matches("{s: {a.b.c: 1}, condition: s}", incident));
}

BOOST_AUTO_TEST_CASE(wildcards_and_their_escapes_match_as_sigma_says) {
  BOOST_TEST(condition_matches("{s: {title|startswith: 'web i', title|contains: 'sion ON'}, condition: s}", incident));
  BOOST_TEST(condition_matches("{s: {title: 'Web?intrusion*'}, condition: s}", incident));
  BOOST_TEST(!condition_matches("{s: {title: 'Web\\?intrusion*'}, condition: s}", incident));
  BOOST_TEST(condition_matches("{s: {title|re: '^Web.*www$'}, condition: s}", incident));
  BOOST_TEST(!condition_matches("{s: {title|cased|contains: 'web'}, condition: s}", incident));
}

BOOST_AUTO_TEST_CASE(a_wrong_condition_is_explained_with_a_hint) {
  BOOST_TEST(condition_error("{s: {title|contians: x}, condition: s}").find("contains") != std::string::npos);
  BOOST_TEST(condition_error("{sel: {title: x}, condition: sle}").find("'sel'") != std::string::npos);
  BOOST_TEST(condition_error("{s: {title|re: '('}, condition: s}").find("regular expression") != std::string::npos);
  BOOST_TEST(condition_error("{s: {title: x}, condition: '(s'}").find("')'") != std::string::npos);
  BOOST_TEST(condition_error("[1, 2]").find("map") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_lone_reference_keeps_its_type_and_references_in_text_become_text) {
  const json scope{{"n", 3}, {"list", {1, 2}}, {"host", "www"}};
  BOOST_TEST((*expand("${n}", scope) == json(3)));
  BOOST_TEST((*expand(json{{"x", {"${list}", "on ${host}: ${n}"}}}, scope) == json{{"x", {json{1, 2}, "on www: 3"}}}));
  BOOST_TEST((*expand("$${n}", scope) == json("${n}")));
}

BOOST_AUTO_TEST_CASE(filters_work_left_to_right) {
  BOOST_TEST((*expand("${entities | where type ip | pluck ip | first}", incident) == json("203.0.113.9")));
  BOOST_TEST((*expand("${stages | join ', ' | upper}", incident) == json("SCAN, WEBSHELL_UPLOAD")));
  BOOST_TEST((*expand("${nothing.here | default 24h}", incident) == json("24h")));
  BOOST_TEST((*expand("${entities | length}", incident) == json(2)));
}

BOOST_AUTO_TEST_CASE(a_path_that_leads_nowhere_and_bad_syntax_are_failures_that_name_the_reference) {
  const auto missing = expand("${steps.x}", incident);
  BOOST_REQUIRE(!missing);
  BOOST_TEST((missing.error().code == ec::not_found));
  BOOST_TEST(missing.error().what.find("steps.x") != std::string::npos);
  BOOST_TEST(!expand("${open", incident));
  BOOST_TEST(!expand("${title | sharpen}", incident));
  BOOST_TEST(!references("${title | first 2}"));
}

BOOST_AUTO_TEST_CASE(an_expansion_has_a_limit) {
  const json scope{{"big", std::string(max_expanded_bytes / 2 + 1, 'x')}};
  const auto out = expand(json{"${big}", "${big}"}, scope);
  BOOST_REQUIRE(!out);
  BOOST_TEST((out.error().code == ec::too_large));
}

BOOST_AUTO_TEST_CASE(networks_overlap_whatever_way_they_are_written) {
  const auto net = [](const char* text) { return *parse_network(text); };
  BOOST_TEST(net("10.0.0.0/8").contains(net("10.255.1.2")));
  BOOST_TEST(net("10.0.0.0/8").contains(net("::ffff:10.1.2.3")));
  BOOST_TEST(net("0.0.0.0/0").overlaps(net("192.0.2.1")));
  BOOST_TEST(!net("192.0.2.0/25").overlaps(net("192.0.2.128/25")));
  BOOST_TEST(net("2001:db8::/33").contains(net("2001:db8:7fff::1")));
  BOOST_TEST(!net("2001:db8::/33").contains(net("2001:db8:8000::1")));
  BOOST_TEST(to_string(net("10.1.2.3/8")) == "10.0.0.0/8");
  BOOST_TEST(!parse_network("10.0.0.0/33"));
  BOOST_TEST(!parse_network("10.0.0"));
  BOOST_TEST(!parse_network(std::string_view("10.0.0.1\0/8", 10)));
}

BOOST_AUTO_TEST_SUITE_END()
