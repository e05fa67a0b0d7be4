// What a node says over HTTP, without a socket.
#include "console/http_api.hpp"

#include <boost/test/unit_test.hpp>

using namespace soc::console;

namespace {

http_api node_that_waits_for_nats() {
  return {.metrics = [] { return std::string("soc_up 1\n"); }, .ready = [] { return readiness{false, "no NATS"}; }};
}

} // namespace

BOOST_AUTO_TEST_SUITE(http_api_suite)

BOOST_AUTO_TEST_CASE(a_living_process_is_healthy_though_it_is_not_ready) {
  const auto api = node_that_waits_for_nats();
  BOOST_TEST(answer(api, "GET", "/healthz").status == 200);
  const auto ready = answer(api, "GET", "/readyz");
  BOOST_TEST(ready.status == 503);
  BOOST_TEST(ready.body == "no NATS\n");
}

BOOST_AUTO_TEST_CASE(metrics_are_prometheus_text_whatever_the_query) {
  const auto said = answer(node_that_waits_for_nats(), "GET", "/metrics?x=1");
  BOOST_TEST(said.body == "soc_up 1\n");
  BOOST_TEST(said.content_type == "text/plain; version=0.0.4");
}

BOOST_AUTO_TEST_CASE(other_paths_and_methods_are_refused) {
  BOOST_TEST(answer(node_that_waits_for_nats(), "GET", "/nowhere").status == 404);
  BOOST_TEST(answer(node_that_waits_for_nats(), "POST", "/healthz").status == 405);
}

BOOST_AUTO_TEST_SUITE_END()
