#include "console/http_api.hpp"

#include <boost/test/unit_test.hpp>

using namespace soc::console;

BOOST_AUTO_TEST_SUITE(http_api_suite)

BOOST_AUTO_TEST_CASE(it_ends_when_told_to_just_after_its_start) {
  for (int i = 0; i < 200; ++i) {
    http_api api({.metrics = [] { return std::string(); }, .ready = [] { return readiness{}; }});
    BOOST_REQUIRE(api.start());
    api.stop(); // mostly before its thread listens
  }
}

BOOST_AUTO_TEST_CASE(a_port_in_use_is_said_with_what_to_do) {
  http_api first({.metrics = [] { return std::string(); }, .ready = [] { return readiness{}; }});
  const auto port = first.start();
  BOOST_REQUIRE(port);
  http_api second({.port = *port, .metrics = [] { return std::string(); }, .ready = [] { return readiness{}; }});
  const auto refused = second.start();
  BOOST_REQUIRE(!refused);
  BOOST_TEST(refused.error().what.find("http.port") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
