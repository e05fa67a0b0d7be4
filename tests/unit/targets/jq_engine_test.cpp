#include "connectors/targets/jq/jq_engine.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <fstream>
#include <thread>
#include <unistd.h>

namespace {

using namespace soc;
using nlohmann::json;

/// The child of this thread; 0 when there is none.
pid_t only_child() {
  pid_t out = 0;
  std::ifstream("/proc/self/task/" + std::to_string(::gettid()) + "/children") >> out;
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(jq_engine_suite)

BOOST_AUTO_TEST_CASE(a_program_gives_its_values) {
  targets::jq_engine jq;
  const auto out = jq.run(".a[] | select(. > 1)", {{"a", {1, 2, 3}}});
  BOOST_REQUIRE(out);
  BOOST_TEST(*out == json({2, 3}));
}

BOOST_AUTO_TEST_CASE(a_wrong_program_and_one_that_raises_an_error_say_why) {
  targets::jq_engine jq;
  const auto syntax = jq.run(".a[", nullptr);
  BOOST_REQUIRE(!syntax);
  BOOST_TEST(syntax.error().what.find("syntax error") != std::string::npos);
  BOOST_TEST(!jq.check("foo(1)"));
  BOOST_TEST(bool(jq.check(".a | length")));
  const auto raised = jq.run("error(\"no such pool\")", nullptr);
  BOOST_REQUIRE(!raised);
  BOOST_TEST(raised.error().what == "jq: no such pool");
}

BOOST_AUTO_TEST_CASE(a_program_that_never_ends_is_stopped_and_the_next_one_runs) {
  targets::jq_engine jq(std::chrono::milliseconds(100));
  const auto out = jq.run("def f: f; f", nullptr);
  BOOST_REQUIRE(!out);
  BOOST_TEST((out.error().code == ec::timed_out));
  targets::jq_engine again;
  BOOST_TEST(bool(again.run(".", 1)));
}

BOOST_AUTO_TEST_CASE(a_program_that_only_waits_for_the_processor_is_not_stopped) {
  targets::jq_engine jq(std::chrono::milliseconds(100));
  BOOST_REQUIRE(jq.run(".", 1)); // there is a child now
  const auto child = only_child();
  BOOST_REQUIRE(child > 0);
  ::kill(child, SIGSTOP);
  std::thread later([child] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300)); // the time that passes is what is tested
    ::kill(child, SIGCONT);
  });
  const auto out = jq.run(". + 1", 1);
  later.join();
  BOOST_REQUIRE(out);
  BOOST_TEST(*out == json::array({2}));
}

BOOST_AUTO_TEST_CASE(a_program_that_takes_all_memory_is_stopped) {
  targets::jq_engine jq(std::chrono::seconds(20));
  const auto out = jq.run("[range(100000000)]", nullptr);
  BOOST_REQUIRE(!out);
  BOOST_TEST((out.error().code == ec::too_large));
}

BOOST_AUTO_TEST_CASE(a_program_sees_no_environment) {
  setenv("SOC_TEST_SECRET", "hush", 1);
  targets::jq_engine jq;
  const auto out = jq.run("env | length", nullptr);
  BOOST_TEST_MESSAGE((out ? std::string() : out.error().what));
  BOOST_REQUIRE(out);
  BOOST_TEST(*out == json::array({0}));
}

BOOST_AUTO_TEST_SUITE_END()
