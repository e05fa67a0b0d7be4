#include "base/computed_value.hpp"

#include <boost/test/unit_test.hpp>

using namespace soc;
using nlohmann::json;

namespace {

/// Stands for jq: gives the program's text and the input's size.
result<json> told(const std::string& program, const json& input) {
  return json::array({program, input.size()});
}

} // namespace

BOOST_AUTO_TEST_SUITE(computed_value_suite)

BOOST_AUTO_TEST_CASE(programs_anywhere_in_a_pattern_are_computed_and_the_rest_is_expanded) {
  const json scope{{"ip", "203.0.113.9"}};
  const auto out = expand_computed({{"a", "${ip}"}, {"b", json::array({json{{"jq", ".x"}}, 7})}}, scope, told);
  BOOST_REQUIRE(out);
  BOOST_TEST((*out)["a"] == "203.0.113.9");
  BOOST_TEST((*out)["b"] == json::array({json::array({".x", 1}), 7}));
}

BOOST_AUTO_TEST_CASE(a_pattern_with_a_program_and_no_jq_is_refused) {
  const auto out = expand_computed({{"a", {{"jq", ".x"}}}}, json::object(), {});
  BOOST_REQUIRE(!out);
  BOOST_TEST((out.error().code == ec::unavailable));
}

BOOST_AUTO_TEST_CASE(the_bound_of_an_expansion_holds_for_all_parts_together) {
  const json scope{{"text", std::string(max_expanded_bytes / 2, 'x')}};
  BOOST_TEST(static_cast<bool>(expand_computed(json::array({"${text}"}), scope, told)));
  const auto out = expand_computed(json::array({"${text}", "${text}", "${text}"}), scope, told);
  BOOST_REQUIRE(!out);
  BOOST_TEST((out.error().code == ec::too_large));
}

BOOST_AUTO_TEST_SUITE_END()
