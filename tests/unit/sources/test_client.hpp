// tests/unit/sources/test_client.hpp - the other end of a socket, and waiting with a limit.
#pragma once
#include "connectors/sources/common/descriptor.hpp"

#include <boost/test/unit_test.hpp>

#include <arpa/inet.h>
#include <chrono>
#include <functional>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <thread>

namespace soc::sources::testing {

/// Polls `what` until it is true; false after `limit`.
inline bool eventually(const std::function<bool()>& what, std::chrono::milliseconds limit = std::chrono::seconds{10}) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!what()) {
    if (std::chrono::steady_clock::now() > until)
      return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return true;
}

class test_client {
public:
  explicit test_client(std::uint16_t port, int type = SOCK_STREAM)
      : socket_(::socket(AF_INET, type | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    BOOST_REQUIRE(::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }

  /// False when the peer does not take it any more.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0)
        return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  /// How much the peer takes without being waited for.
  std::size_t send_what_fits(std::string_view bytes) {
    const auto sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent > 0 ? static_cast<std::size_t>(sent) : 0;
  }
  /// What comes until `enough` says so, the peer closes, or ten seconds pass.
  std::string receive(const std::function<bool(const std::string&)>& enough) {
    std::string out, piece(64 * 1024, '\0');
    while (!enough(out)) {
      pollfd wait{socket_.get(), POLLIN, 0};
      if (::poll(&wait, 1, 10'000) <= 0)
        break;
      const auto got = ::recv(socket_.get(), piece.data(), piece.size(), 0);
      if (got <= 0)
        break;
      out.append(piece, 0, static_cast<std::size_t>(got));
    }
    return out;
  }
  bool closed_by_peer() {
    return receive([](const std::string&) { return false; }).empty();
  }
  void close() { socket_.close(); }

private:
  descriptor socket_;
};

} // namespace soc::sources::testing
