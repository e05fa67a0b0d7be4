// sources/http/http_server.hpp - the thread and the socket of a pushed-logs endpoint: HTTP or HTTPS on one event loop,
// requests out by a callback, answers in from any thread. Owned by the source's actor.
#pragma once
#include "connectors/sources/common/stream_listener.hpp"
#include "connectors/sources/http/http_connection.hpp"
#include "connectors/sources/http/http_options.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace soc::sources {

/// Where an answer belongs: a connection's number is never used again while the server runs.
struct http_ticket {
  int fd = -1;
  std::uint64_t number = 0;
};

/// What is decided about a request on the server's thread. `later` = respond() will be called with the ticket.
struct http_verdict {
  bool later = false;
  http_response response;
};

class http_server final : public http_exchange {
public:
  using head_check = std::function<http_response(const http_request&)>;
  using request_handler = std::function<http_verdict(http_request, http_ticket)>;

  http_server(const http_options& options, head_check admit, request_handler handle, source_counts_ptr counts,
              std::shared_ptr<const clock_source> clock);
  ~http_server() override;

  outcome start();
  void stop();
  std::uint16_t port() const { return port_; }

  /// Any thread.
  void respond(http_ticket ticket, http_response response);

  // -- of http_exchange, on the server's thread
  http_response admit(const http_request& head) override;
  bool reserve(std::size_t bytes) override;
  void release(std::size_t bytes) override;
  void handle(int connection, http_request request) override;
  http_response busy(const http_request& head) override;

private:
  class numbered_connection;
  void run();
  void deliver_answers();
  void answer(int fd, const http_response& response);

  const http_options options_;
  head_check admit_;
  request_handler handle_;
  source_counts_ptr counts_;
  std::shared_ptr<const clock_source> clock_;
  event_loop loop_;
  std::unique_ptr<stream_listener> listener_;
  std::map<int, numbered_connection*> connections_; ///< by descriptor
  std::uint64_t last_number_ = 0;
  std::size_t reserved_bytes_ = 0;
  std::uint16_t port_ = 0;
  std::mutex mutex_; ///< guards answers_
  std::vector<std::pair<http_ticket, http_response>> answers_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

} // namespace soc::sources
