#include "connectors/sources/http/http_server.hpp"
#include "unit/sources/test_client.hpp"

using namespace soc;
using namespace soc::sources;
using namespace soc::sources::testing;

namespace {

/// Moved by the test, read by the server's thread.
class shared_clock final : public clock_source {
public:
  unix_ns now() const override { return now_; }
  void advance(std::chrono::nanoseconds by) { now_ += by.count(); }

private:
  std::atomic<unix_ns> now_{1'000 * ns_per_s};
};

/// A server whose requests wait until the test answers them, unless it echoes.
class running_http {
public:
  explicit running_http(http_options options = {}, bool answers_at_once = true)
      : counts(std::make_shared<source_counts>()), clock(std::make_shared<shared_clock>()) {
    options.port = 0;
    server = std::make_unique<http_server>(
        options, [](const http_request& head) { return admit_request({}, head); },
        [this, answers_at_once](http_request request, http_ticket ticket) -> http_verdict {
          const std::lock_guard lock(mutex);
          bodies.push_back(request.body);
          tickets.push_back(ticket);
          return {!answers_at_once, stored_response(push_kind::plain, 1)};
        },
        counts, clock);
    BOOST_REQUIRE(static_cast<bool>(server->start()));
  }
  std::size_t requests() {
    const std::lock_guard lock(mutex);
    return bodies.size();
  }

  source_counts_ptr counts;
  std::shared_ptr<shared_clock> clock;
  std::mutex mutex;
  std::vector<std::string> bodies;
  std::vector<http_ticket> tickets;
  std::unique_ptr<http_server> server;
};

std::string post_text(const std::string& body, const std::string& more = {}) {
  return "POST /ingest HTTP/1.1\r\nHost: x\r\n" + more + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

bool has_status(const std::string& answer, int status) {
  return answer.rfind("HTTP/1.1 " + std::to_string(status) + " ", 0) == 0;
}

std::string one_answer(test_client& client) {
  return client.receive([](const std::string& text) {
    const auto end = text.find("\r\n\r\n");
    const auto at = text.find("Content-Length: ");
    return end != std::string::npos && at != std::string::npos &&
           text.size() >= end + 4 + std::stoul(text.substr(at + 16));
  });
}

} // namespace

BOOST_AUTO_TEST_SUITE(http_over_sockets)

BOOST_AUTO_TEST_CASE(requests_on_one_connection_are_answered_one_after_the_other) {
  running_http s;
  test_client client(s.server->port());
  client.send(post_text("one") + post_text("two") + post_text("three"));
  const auto answers = client.receive([](const std::string& text) {
    std::size_t found = 0;
    for (auto at = text.find("HTTP/1.1 200"); at != std::string::npos; at = text.find("HTTP/1.1 200", at + 1))
      ++found;
    return found == 3 && text.size() >= 3 * 80;
  });
  BOOST_TEST(has_status(answers, 200));
  BOOST_TEST(s.bodies == (std::vector<std::string>{"one", "two", "three"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(chunked_bodies_arrive_whole_however_they_are_cut) {
  running_http s;
  test_client client(s.server->port());
  const std::string text =
      "POST /ingest HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n6\r\nefghij\r\n0\r\n\r\n";
  for (const char c : text)
    client.send(std::string_view(&c, 1));
  BOOST_TEST(has_status(one_answer(client), 200));
  BOOST_TEST(s.bodies.at(0) == "abcdefghij");
}

BOOST_AUTO_TEST_CASE(an_answer_may_come_later_from_another_thread) {
  running_http s({}, false);
  test_client client(s.server->port());
  client.send(post_text("x"));
  BOOST_TEST(eventually([&] { return s.requests() == 1; }));
  s.server->respond(s.tickets[0], unavailable_response(push_kind::plain));
  const auto answer = one_answer(client);
  BOOST_TEST(has_status(answer, 503));
  BOOST_TEST(answer.find("Retry-After: 2") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_answer_for_a_connection_that_is_gone_goes_to_nobody) {
  running_http s({}, false);
  auto first = std::make_unique<test_client>(s.server->port());
  first->send(post_text("x"));
  BOOST_TEST(eventually([&] { return s.requests() == 1; }));
  first.reset();
  BOOST_TEST(eventually([&] { return s.counts->open == 0U; }));
  test_client second(s.server->port());
  second.send(post_text("y"));
  BOOST_TEST(eventually([&] { return s.requests() == 2; }));
  s.server->respond(s.tickets[0], stored_response(push_kind::plain, 1));
  s.server->respond(s.tickets[1], stored_response(push_kind::plain, 2));
  BOOST_TEST(one_answer(second).find("\"records\":2") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_body_over_the_limit_is_refused_before_it_is_kept) {
  http_options options;
  options.max_body_bytes = 1000;
  running_http s(options);
  test_client client(s.server->port());
  client.send(post_text(std::string(100'000, 'x')));
  BOOST_TEST(has_status(one_answer(client), 413));
  test_client chunked(s.server->port());
  chunked.send("POST /ingest HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n" +
               std::string(60'000, 'x'));
  BOOST_TEST(has_status(one_answer(chunked), 413));
  BOOST_TEST(s.requests() == 0U);
}

BOOST_AUTO_TEST_CASE(when_too_much_is_pending_clients_are_told_to_come_back) {
  http_options options;
  options.max_pending_bytes = 1000;
  running_http s(options, false);
  test_client first(s.server->port()), second(s.server->port());
  first.send(post_text(std::string(900, 'a')));
  BOOST_TEST(eventually([&] { return s.requests() == 1; }));
  second.send(post_text(std::string(900, 'b')));
  const auto answer = one_answer(second);
  BOOST_TEST(has_status(answer, 429));
  BOOST_TEST(answer.find("Retry-After: 1") != std::string::npos);
  s.server->respond(s.tickets[0], stored_response(push_kind::plain, 1));
  BOOST_TEST(has_status(one_answer(first), 200));
  second.send(post_text(std::string(900, 'c')));
  BOOST_TEST(eventually([&] { return s.requests() == 2; }));
}

BOOST_AUTO_TEST_CASE(a_refused_request_leaves_its_connection_usable) {
  running_http s;
  test_client client(s.server->port());
  client.send("POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n");
  BOOST_TEST(has_status(one_answer(client), 404));
  client.send(std::string(50'000, 'z') + post_text("after"));
  BOOST_TEST(has_status(one_answer(client), 200));
  BOOST_TEST(s.bodies.at(0) == "after");
}

BOOST_AUTO_TEST_CASE(a_client_that_waits_for_100_continue_gets_it) {
  running_http s;
  test_client client(s.server->port());
  client.send("POST /ingest HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  const auto go_on = client.receive([](const std::string& text) { return text.find("\r\n\r\n") != std::string::npos; });
  BOOST_TEST(go_on == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ok");
  BOOST_TEST(has_status(one_answer(client), 200));
}

BOOST_AUTO_TEST_CASE(a_request_that_trickles_in_is_cut_off_and_costs_no_other_client_anything) {
  running_http s;
  std::vector<std::unique_ptr<test_client>> slow;
  for (int i = 0; i < 200; ++i) {
    slow.push_back(std::make_unique<test_client>(s.server->port()));
    slow.back()->send("POST /ingest HTTP/1.1\r\nX-Slow: ");
  }
  test_client quick(s.server->port());
  quick.send(post_text("quick"));
  BOOST_TEST(has_status(one_answer(quick), 200));
  BOOST_TEST(eventually([&] { return s.counts->open == 201U; }));
  s.clock->advance(std::chrono::seconds{20});
  slow[0]->send("a");
  s.clock->advance(std::chrono::seconds{20}); // 40 s after its first byte, 20 s after its last
  BOOST_TEST(slow[0]->closed_by_peer());
}

BOOST_AUTO_TEST_CASE(junk_is_answered_with_400_and_the_connection_closed) {
  running_http s;
  for (const std::string& junk : {std::string("\x16\x03\x01\x02junk\r\n\r\n"), std::string("GET\r\n\r\n"),
                                  "POST /ingest HTTP/1.1\r\nContent-Length: -5\r\n\r\n" + std::string("x"),
                                  "POST /ingest HTTP/1.1\r\n" + std::string(40'000, 'h')}) {
    test_client client(s.server->port());
    client.send(junk);
    const auto answer = one_answer(client);
    BOOST_TEST((has_status(answer, 400) || has_status(answer, 431)));
  }
  test_client good(s.server->port());
  good.send(post_text("good"));
  BOOST_TEST(has_status(one_answer(good), 200));
}

BOOST_AUTO_TEST_SUITE_END()
