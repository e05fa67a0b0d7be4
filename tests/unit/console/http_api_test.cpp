#include "console/http_api.hpp"

#include <boost/test/unit_test.hpp>
#include <httplib.h>

#include <arpa/inet.h>
#include <chrono>
#include <poll.h>
#include <string_view>
#include <unistd.h>
#include <vector>

using namespace soc::console;
using namespace std::chrono_literals;

namespace {

using console_clock = std::chrono::steady_clock;

http_api_options nothing_to_say() {
  return {.metrics = [] { return std::string(); }, .ready = [] { return readiness{}; }};
}

/// A connection that says nothing by itself.
class raw_client {
public:
  explicit raw_client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    BOOST_REQUIRE(::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
  }
  raw_client(const raw_client&) = delete;
  ~raw_client() { ::close(fd_); }

  void send(std::string_view text) { (void)::send(fd_, text.data(), text.size(), MSG_NOSIGNAL); }
  /// Waits that long for the server to close the connection.
  bool is_closed(std::chrono::milliseconds wait) {
    pollfd asked{fd_, POLLIN, 0};
    char byte = 0;
    return ::poll(&asked, 1, static_cast<int>(wait.count())) > 0 && ::recv(fd_, &byte, 1, 0) <= 0;
  }

private:
  int fd_;
};

std::vector<std::unique_ptr<raw_client>> silent_clients(std::uint16_t port, std::size_t count) {
  std::vector<std::unique_ptr<raw_client>> out;
  for (std::size_t i = 0; i < count; ++i)
    out.push_back(std::make_unique<raw_client>(port));
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(http_api_suite)

BOOST_AUTO_TEST_CASE(it_ends_when_told_to_just_after_its_start) {
  for (int i = 0; i < 200; ++i) {
    http_api api(nothing_to_say());
    BOOST_REQUIRE(api.start());
    api.stop(); // mostly before its thread listens
  }
}

BOOST_AUTO_TEST_CASE(a_port_in_use_is_said_with_what_to_do) {
  http_api first(nothing_to_say());
  const auto port = first.start();
  BOOST_REQUIRE(port);
  auto options = nothing_to_say();
  options.port = *port;
  http_api second(options);
  const auto refused = second.start();
  BOOST_REQUIRE(!refused);
  BOOST_TEST(refused.error().what.find("http.port") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(answers_come_whole_and_say_whether_the_node_is_ready) {
  const std::string text(4U << 20, 'm'); // more than a socket takes at once
  auto options = nothing_to_say();
  options.metrics = [&] { return text; };
  options.ready = [] { return readiness{false, "no NATS"}; };
  http_api api(options);
  const auto port = api.start();
  BOOST_REQUIRE(port);
  httplib::Client client("127.0.0.1", *port);
  const auto metrics = client.Get("/metrics");
  BOOST_REQUIRE((metrics && metrics->status == 200));
  BOOST_TEST((metrics->body == text));
  const auto ready = client.Get("/readyz");
  BOOST_REQUIRE((ready && ready->status == 503));
  BOOST_TEST(ready->body == "no NATS\n");
  const auto nowhere = client.Get("/nowhere");
  BOOST_REQUIRE(nowhere);
  BOOST_TEST(nowhere->status == 404);
}

BOOST_AUTO_TEST_CASE(silent_connections_do_not_keep_the_others_waiting) {
  http_api api(nothing_to_say());
  const auto port = api.start();
  BOOST_REQUIRE(port);
  const auto silent = silent_clients(*port, 4);
  const auto began = console_clock::now();
  const auto answer = httplib::Client("127.0.0.1", *port).Get("/healthz");
  BOOST_REQUIRE((answer && answer->status == 200));
  BOOST_TEST((console_clock::now() - began < 1500ms));
}

BOOST_AUTO_TEST_CASE(a_connection_that_drips_its_request_is_cut_off) {
  http_api api(nothing_to_say());
  const auto port = api.start();
  BOOST_REQUIRE(port);
  raw_client dripping(*port);
  dripping.send("GET /healthz HTTP/1.1\r\nx: ");
  const auto began = console_clock::now();
  while (!dripping.is_closed(50ms) && console_clock::now() - began < 10s)
    dripping.send("x");
  BOOST_TEST((console_clock::now() - began < 5s));
}

BOOST_AUTO_TEST_CASE(it_ends_at_once_though_connections_are_open) {
  http_api api(nothing_to_say());
  const auto port = api.start();
  BOOST_REQUIRE(port);
  BOOST_REQUIRE(httplib::Client("127.0.0.1", *port).Get("/healthz"));
  const auto silent = silent_clients(*port, 12); // more than there are workers
  const auto began = console_clock::now();
  api.stop();
  BOOST_TEST((console_clock::now() - began < 1500ms));
}

BOOST_AUTO_TEST_SUITE_END()
