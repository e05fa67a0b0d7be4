// How a supervisor restarts, gives up and stops, in virtual time.
#include "fixture.hpp"

using namespace soc;
using namespace soc::test;
using namespace std::chrono_literals;

namespace {

supervisor_spec of(std::vector<child_spec> children) {
  supervisor_spec spec;
  spec.backoff.jitter = 0;
  spec.children = std::move(children);
  return spec;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(supervision, tree_fixture)

BOOST_AUTO_TEST_CASE(children_are_started_in_order) {
  start(of({talk("a"), talk("b"), talk("c")}));
  BOOST_TEST(log->joined() == "+a +b +c");
  BOOST_TEST((read("node/b").state == actor_state::running));
  BOOST_TEST(read("node/b").kind == "talker");
}

BOOST_AUTO_TEST_CASE(a_failed_child_is_restarted_after_its_back_off_and_its_what_is_kept) {
  start(of({talk("a"), talk("b")}));
  send("node/a", boom{"disk on fire"});
  BOOST_TEST(log->joined() == "+a +b -a");
  BOOST_TEST((read("node/a").state == actor_state::backing_off));
  BOOST_TEST(read("node/a").last_failure == "disk on fire");
  pass(99ms);
  BOOST_TEST(log->joined() == "+a +b -a");
  pass(1ms);
  BOOST_TEST(log->joined() == "+a +b -a +a");
  BOOST_TEST(read("node/a").restarts == 1u);
  BOOST_TEST(read("node/b").restarts == 0u);
}

BOOST_AUTO_TEST_CASE(rest_for_one_restarts_those_started_after_the_failed_one) {
  auto spec = of({talk("a"), talk("b"), talk("c"), talk("d")});
  spec.strategy = supervision_strategy::rest_for_one;
  start(spec);
  send("node/b", boom{"x"});
  BOOST_TEST(log->joined() == "+a +b +c +d -b -d -c");
  pass(100ms);
  BOOST_TEST(log->joined() == "+a +b +c +d -b -d -c +b +c +d");
}

BOOST_AUTO_TEST_SUITE_END()
