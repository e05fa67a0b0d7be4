// The sockets of /metrics, /healthz and /readyz: who is silent or slow holds up nobody, and not the end.
#include "node/http_side.hpp"

#include <boost/test/unit_test.hpp>

#include <arpa/inet.h>
#include <chrono>
#include <memory>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

using namespace soc;
using namespace std::chrono_literals;

namespace {

using http_clock = std::chrono::steady_clock;

std::unique_ptr<sources::http_server> serve(std::string metrics = {}, std::uint16_t port = 0) {
  auto served = node::serve_http("127.0.0.1", port,
                                 {.metrics = [metrics = std::move(metrics)] { return metrics; },
                                  .ready =
                                      [] {
                                        return console::readiness{true, {}};
                                      }});
  BOOST_REQUIRE(served);
  return std::move(served).take();
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
  std::string get(const std::string& path) {
    send("GET " + path + " HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n");
    std::string out(1U << 16, '\0');
    std::string all;
    for (ssize_t n = 0; (n = ::recv(fd_, out.data(), out.size(), 0)) > 0;)
      all.append(out, 0, static_cast<std::size_t>(n));
    return all;
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

BOOST_AUTO_TEST_SUITE(http_side)

BOOST_AUTO_TEST_CASE(it_ends_when_told_to_just_after_its_start) {
  for (int i = 0; i < 50; ++i)
    serve()->stop();
}

BOOST_AUTO_TEST_CASE(a_port_in_use_is_said_with_what_to_do) {
  const auto first = serve();
  const auto refused = node::serve_http("127.0.0.1", first->port(), {});
  BOOST_REQUIRE(!refused);
  BOOST_TEST(refused.error().what.find("http.port") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_long_answer_comes_whole) {
  const std::string text(4U << 20, 'm'); // more than a socket takes at once
  const auto server = serve(text);
  const auto said = raw_client(server->port()).get("/metrics");
  BOOST_TEST(said.starts_with("HTTP/1.1 200 OK\r\n"));
  BOOST_TEST(said.ends_with("\r\n\r\n" + text));
}

BOOST_AUTO_TEST_CASE(silent_connections_do_not_keep_the_others_waiting) {
  const auto server = serve();
  const auto silent = silent_clients(server->port(), 100); // more than are held at once
  const auto began = http_clock::now();
  BOOST_TEST(raw_client(server->port()).get("/healthz").ends_with("\r\n\r\nok\n"));
  BOOST_TEST((http_clock::now() - began < 1500ms));
}

BOOST_AUTO_TEST_CASE(a_connection_that_drips_its_request_is_cut_off) {
  const auto server = serve();
  raw_client dripping(server->port());
  dripping.send("GET /healthz HTTP/1.1\r\nx: ");
  const auto began = http_clock::now();
  while (!dripping.is_closed(50ms) && http_clock::now() - began < 10s)
    dripping.send("x");
  BOOST_TEST((http_clock::now() - began < 6s));
}

BOOST_AUTO_TEST_CASE(it_ends_at_once_though_connections_are_open) {
  const auto server = serve();
  const auto silent = silent_clients(server->port(), 12);
  const auto began = http_clock::now();
  server->stop();
  BOOST_TEST((http_clock::now() - began < 1500ms));
}

BOOST_AUTO_TEST_SUITE_END()
