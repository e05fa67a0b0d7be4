#include "connectors/targets/http/http_driver.hpp"
#include "connectors/targets/nftables/command.hpp"

#include <boost/test/unit_test.hpp>
#include <httplib.h>

#include <thread>

namespace {

using namespace soc;
using namespace soc::response;
using nlohmann::json;

/// A real HTTP server of this process, on a free port of loopback.
struct served {
  httplib::Server server;
  int port = 0;
  std::thread thread;
  void start() {
    port = server.bind_to_any_port("127.0.0.1");
    thread = std::thread([this] { server.listen_after_bind(); });
    while (!server.is_running())
      std::this_thread::yield();
  }
  ~served() {
    server.stop();
    if (thread.joinable())
      thread.join();
  }
};

component_call call_of(const std::string& component, int port, json parameters, const std::string& secret_name) {
  diagnostics found;
  component_call out;
  out.component = load_component("test.yaml", component, found);
  BOOST_REQUIRE_MESSAGE(out.component, (found.errors() ? found.all()[0].message : ""));
  resource_instance instance;
  instance.name = "here";
  instance.endpoint = "http://127.0.0.1:" + std::to_string(port);
  instance.credentials = {{secret_name, "env:SOC_TEST_SECRET"}};
  out.instance = std::make_shared<const resource_instance>(instance);
  out.action = "act";
  out.parameters = std::move(parameters);
  out.idempotency_key = "key-1";
  setenv("SOC_TEST_SECRET", "hush", 1);
  return out;
}

const char* const bearer = R"(
name: t
kind: test
auth: {type: bearer, secret: token}
actions:
  act:
    effect: irreversible
    parameters: {ip: {type: text}}
    timeout: 1s
    request:
      method: PUT
      path: "/things/${params.ip}"
      headers: {Idempotency-Key: "${call.idempotency_key}", X-Ip: "${params.ip}"}
      body: {ip: "${params.ip}"}
      missing: {status: 404}
      output: {id: "${body.id}"}
)";

auto test_clock() {
  return std::make_shared<manual_clock>(1'764'000'000 * ns_per_s);
}

} // namespace

BOOST_AUTO_TEST_SUITE(http_driver_suite)

BOOST_AUTO_TEST_CASE(answers_become_success_failure_or_another_try) {
  served s;
  int status = 200;
  s.server.Put(".*", [&](const httplib::Request&, httplib::Response& a) {
    a.status = status;
    a.set_content(R"({"id": 1})", "application/json");
  });
  s.start();
  targets::http_driver driver(test_clock());
  const auto outcome_for = [&](int code) {
    status = code;
    return driver.call(call_of(bearer, s.port, {{"ip", "1.2.3.4"}}, "token")).what;
  };
  BOOST_TEST((outcome_for(200) == call_outcome::kind::succeeded));
  BOOST_TEST((outcome_for(403) == call_outcome::kind::failed));
  BOOST_TEST((outcome_for(429) == call_outcome::kind::transient));
  BOOST_TEST((outcome_for(503) == call_outcome::kind::transient));
  BOOST_TEST((outcome_for(404) == call_outcome::kind::succeeded)); // what was to go isn't there
  BOOST_TEST((outcome_for(302) == call_outcome::kind::failed));    // never followed
}

BOOST_AUTO_TEST_CASE(a_target_that_isnt_there_is_another_try_and_no_secret_is_told) {
  targets::http_driver driver(test_clock());
  const auto out = driver.call(call_of(bearer, 1, {{"ip", "1.2.3.4"}}, "token"));
  BOOST_TEST((out.what == call_outcome::kind::transient));
  const auto without = driver.call(call_of(bearer, 1, {{"ip", "1.2.3.4"}}, "other"));
  BOOST_TEST((without.what == call_outcome::kind::failed));
  BOOST_TEST(out.detail.find("hush") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_webhook_is_signed_over_time_and_body) {
  served s;
  httplib::Request seen;
  s.server.Post(".*", [&](const httplib::Request& q, httplib::Response& a) {
    seen = q;
    a.set_content("ok", "text/plain");
  });
  s.start();
  targets::http_driver driver(test_clock());
  const auto out = driver.call(call_of(R"(
name: t
kind: notify
auth: {type: hmac, secret: key, header: X-Signature, time_header: X-Time, prefix: "sha256="}
actions:
  act: {effect: irreversible, parameters: {text: {type: text}}, request: {method: POST, path: /hook, body: {text: "${params.text}"}}}
)",
                                       s.port, {{"text", "hello"}}, "key"));
  BOOST_TEST((out.what == call_outcome::kind::succeeded));
  BOOST_TEST(seen.get_header_value("X-Time") == "1764000000");
  BOOST_TEST(seen.get_header_value("X-Signature") ==
             targets::hmac_signature("hush", "1764000000", seen.body, "sha256="));
  // RFC 4231, test case 2
  BOOST_TEST(targets::hmac_signature("Jefe", "", "what do ya want for nothing?", "") ==
             "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

BOOST_AUTO_TEST_CASE(a_program_gets_its_arguments_and_input_and_is_killed_when_its_time_is_up) {
  const auto echoed = targets::run_command({"cat", "-"}, "a $(b) 'c'", std::chrono::seconds(5));
  BOOST_REQUIRE(echoed);
  BOOST_TEST(echoed->output == "a $(b) 'c'");
  const auto killed = targets::run_command({"cat", "/dev/zero"}, "", std::chrono::milliseconds(50));
  BOOST_REQUIRE(!killed);
  BOOST_TEST((killed.error().code == ec::timed_out));
  BOOST_TEST(!targets::run_command({"no-such-program-here"}, "", std::chrono::seconds(1)));
}

BOOST_AUTO_TEST_SUITE_END()
