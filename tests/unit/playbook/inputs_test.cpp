#include "playbook/core/inputs.hpp"

#include <boost/test/unit_test.hpp>

using namespace soc;
using namespace soc::playbook;

namespace {

definition_ptr with_inputs() {
  diagnostics found;
  auto out =
      load_playbook("p.yaml",
                    "{name: p, inputs: {ip: {type: ip}, n: {type: integer, required: false}, sure: {type: boolean, "
                    "required: false}, hosts: {type: list, required: false}, entity: {type: object, required: "
                    "false}, other: {type: any, required: false}}, steps: [{id: e, end: completed}]}",
                    found);
  BOOST_REQUIRE_MESSAGE(out, (found.all().empty() ? "" : found.all()[0].message));
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(inputs_as_words)

BOOST_AUTO_TEST_CASE(each_word_becomes_the_declared_type) {
  const auto got = inputs_of_words(
      *with_inputs(), {"ip=203.0.113.9", "n=-4", "sure=yes", "hosts=a,b", "other=a=b", R"(entity={"type":"ip"})"});
  BOOST_REQUIRE(got);
  BOOST_TEST(got->dump() ==
             R"({"entity":{"type":"ip"},"hosts":["a","b"],"ip":"203.0.113.9","n":-4,"other":"a=b","sure":true})");
  BOOST_TEST((*inputs_of_words(*with_inputs(), {"hosts=[1,2]"}))["hosts"].dump() == "[1,2]");
  BOOST_TEST(bool(checked_inputs(*with_inputs(), *got)));
}

BOOST_AUTO_TEST_CASE(what_is_no_such_value_or_no_input_is_named_with_a_way_out) {
  const auto why = [](const char* word) { return inputs_of_words(*with_inputs(), {word}).error().what; };
  BOOST_TEST(why("n=four") == "input 'n' of playbook 'p' must be integer, not 'four'");
  BOOST_TEST(why("sure=perhaps") == "input 'sure' of playbook 'p' must be boolean, not 'perhaps'");
  BOOST_TEST(why("hots=a") == "playbook 'p' has no input 'hots'; did you mean 'hosts'?");
  BOOST_TEST(why("zzzzzz=a") == "playbook 'p' has no input 'zzzzzz'; it takes: ip, n, sure, hosts, entity, other");
  BOOST_TEST(why("203.0.113.9") == "'203.0.113.9' is no input: write NAME=VALUE");
}

BOOST_AUTO_TEST_SUITE_END()
