#include "connectors/targets/http/http_driver.hpp"
#include "connectors/targets/jq/jq_engine.hpp"
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

// ---- Sequences, pages, tokens: against a sender of this test's own

namespace {

struct told {
  std::vector<response::http_request> requests;
  std::vector<result<response::http_response>> answers;
  targets::http_sender sender() {
    return [this](const response::http_request& q, const targets::tls_files&, long) -> result<response::http_response> {
      requests.push_back(q);
      if (requests.size() > answers.size())
        return failure{ec::timed_out, "no answer"};
      return answers[requests.size() - 1];
    };
  }
  void say(int status, const json& body) { answers.push_back(response::http_response{status, {}, body.dump()}); }
};

const char* const address_list = R"(
name: t
kind: firewall
actions:
  act:
    effect: irreversible
    idempotency: natural
    parameters: {ip: {type: text}}
    requests:
      - {id: find, method: POST, reads: true, path: /list, output: {lock: "${body.lock}", all: "${body.all}"}}
      - id: update
        when: {sel: {find.all: 203.0.113.9}, condition: not sel}
        method: POST
        path: /list
        body: {lock: "${find.lock}", all: {jq: ".find.all + [.params.ip]"}}
    output: {before: "${find.all | length}", id: "${update.id}"}
)";

response::component_call call_with(const std::string& component) {
  return call_of(component, 1, {{"ip", "203.0.113.9"}}, "token");
}

} // namespace

BOOST_AUTO_TEST_CASE(a_call_of_several_requests_uses_what_the_earlier_ones_found) {
  told server;
  server.say(200, {{"lock", "L1"}, {"all", {"198.51.100.1"}}});
  server.say(200, {{"id", 7}});
  const auto jq = targets::jq_function_of(std::make_shared<targets::jq_engine>());
  targets::http_driver driver(test_clock(), jq, server.sender());
  const auto out = driver.call(call_with(address_list));
  BOOST_REQUIRE_MESSAGE((out.what == call_outcome::kind::succeeded), out.detail);
  BOOST_TEST(out.output == json({{"before", 1}, {"id", 7}}));
  BOOST_REQUIRE(server.requests.size() == 2U);
  BOOST_TEST(json::parse(server.requests[1].body) == json({{"lock", "L1"}, {"all", {"198.51.100.1", "203.0.113.9"}}}));
}

BOOST_AUTO_TEST_CASE(no_answer_is_doubt_only_after_a_request_that_changes_something) {
  const auto jq = targets::jq_function_of(std::make_shared<targets::jq_engine>());
  told silent;
  targets::http_driver first(test_clock(), jq, silent.sender());
  BOOST_TEST((first.call(call_with(address_list)).what == call_outcome::kind::transient));
  told half;
  half.say(200, {{"lock", "L1"}, {"all", json::array()}});
  targets::http_driver second(test_clock(), jq, half.sender());
  BOOST_TEST((second.call(call_with(address_list)).what == call_outcome::kind::unknown));
}

BOOST_AUTO_TEST_CASE(all_pages_are_read_and_a_list_without_end_is_refused) {
  const std::string paged = R"(
name: t
kind: firewall
actions:
  act:
    effect: read
    parameters: {ip: {type: text}}
    request:
      path: /rules
      query: {size: 2}
      pagination: {items: body.rules, next: body.token, as: {query: token}, most: 3}
      output: {count: "${body.items | length}", mine: "${body.items | where ip 203.0.113.9 | first}"}
)";
  told server;
  server.say(200, {{"rules", {{{"ip", "198.51.100.1"}}, {{"ip", "198.51.100.2"}}}}, {"token", "t2"}});
  server.say(200, {{"rules", {{{"ip", "203.0.113.9"}}}}, {"token", ""}});
  targets::http_driver driver(test_clock(), {}, server.sender());
  const auto out = driver.call(call_with(paged));
  BOOST_REQUIRE_MESSAGE((out.what == call_outcome::kind::succeeded), out.detail);
  BOOST_TEST(out.output == json({{"count", 3}, {"mine", {{"ip", "203.0.113.9"}}}}));
  BOOST_TEST(server.requests[1].url() == "http://127.0.0.1:1/rules?size=2&token=t2");
  told endless;
  for (int i = 0; i < 9; ++i)
    endless.say(200, {{"rules", json::array()}, {"token", "more"}});
  targets::http_driver again(test_clock(), {}, endless.sender());
  BOOST_TEST(again.call(call_with(paged)).detail == "more than 3 pages");
}

BOOST_AUTO_TEST_CASE(an_oauth2_token_is_fetched_once_and_again_when_it_is_refused) {
  const std::string guarded = R"(
name: t
kind: identity
auth: {type: oauth2, token_url: "https://login.example/${instance.settings.tenant}/token", client_id: token, secret: token, scope: "api/.default"}
actions:
  act: {effect: read, parameters: {ip: {type: text}}, request: {path: /users}}
)";
  told server;
  server.say(200, {{"access_token", "T1"}, {"expires_in", 3600}});
  server.say(200, json::object());
  server.say(401, json::object());
  server.say(200, {{"access_token", "T2"}, {"expires_in", "3600"}});
  server.say(200, {{"echo", "hush"}});
  auto call = call_with(guarded);
  auto instance = *call.instance;
  instance.settings = {{"tenant", "acme"}};
  call.instance = std::make_shared<const resource_instance>(instance);
  targets::http_driver driver(test_clock(), {}, server.sender());
  BOOST_TEST((driver.call(call).what == call_outcome::kind::succeeded));
  BOOST_TEST(server.requests[0].url() == "https://login.example/acme/token");
  BOOST_TEST(server.requests[0].body ==
             "grant_type=client_credentials&scope=api%2F.default&client_id=hush&client_secret=hush");
  BOOST_TEST(server.requests[1].headers.back().second == "Bearer T1");
  const auto again = driver.call(call);
  BOOST_TEST((again.what == call_outcome::kind::succeeded));
  BOOST_TEST(server.requests[4].headers.back().second == "Bearer T2");
}

BOOST_AUTO_TEST_CASE(a_secret_that_the_target_echoes_gets_into_no_output) {
  told server;
  setenv("SOC_TEST_SECRET", "a-long-secret", 1);
  server.say(200, {{"id", "you said a-long-secret"}});
  auto call = call_with(bearer);
  setenv("SOC_TEST_SECRET", "a-long-secret", 1);
  targets::http_driver driver(test_clock(), {}, server.sender());
  const auto out = driver.call(call);
  BOOST_TEST(out.output == json({{"id", "you said ***"}}));
}

BOOST_AUTO_TEST_CASE(texts_in_xml_are_escaped_and_forms_encoded) {
  told server;
  server.say(200, json::object());
  server.say(200, json::object());
  targets::http_driver driver(test_clock(), {}, server.sender());
  auto call = call_of(R"(
name: t
kind: firewall
actions:
  act: {effect: irreversible, parameters: {ip: {type: text}}, request: {method: POST, path: /api, text: "<ip>${params.ip}</ip>", content_type: application/xml}}
)",
                      1, {{"ip", "1.2.3.4</ip><all/>"}}, "token");
  (void)driver.call(call);
  BOOST_TEST(server.requests[0].body == "<ip>1.2.3.4&lt;/ip&gt;&lt;all/&gt;</ip>");
  auto form = call_of(R"(
name: t
kind: firewall
actions:
  act: {effect: irreversible, parameters: {ip: {type: text}}, request: {method: POST, path: "?a=1", form: {ip: "${params.ip}", none: ""}}}
)",
                      1, {{"ip", "a&b"}}, "token");
  (void)driver.call(form);
  BOOST_TEST(server.requests[1].body == "ip=a%26b");
  BOOST_TEST(server.requests[1].url() == "http://127.0.0.1:1/?a=1");
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
