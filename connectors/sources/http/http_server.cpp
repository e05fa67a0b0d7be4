#include "connectors/sources/http/http_server.hpp"

#include "connectors/sources/common/sockets.hpp"

namespace soc::sources {

/// A connection the server can find again, as long as it is there.
class http_server::numbered_connection final : public stream_protocol {
public:
  numbered_connection(http_server& server, http_limits limits, std::string peer, int fd, std::uint64_t number)
      : server_(server), fd_(fd), number_(number), connection_(server, limits, std::move(peer), fd) {
    server_.connections_[fd_] = this;
  }
  ~numbered_connection() override { server_.connections_.erase(fd_); }

  bool feed(std::string_view bytes, unix_ns now) override { return connection_.feed(bytes, now); }
  void finish(unix_ns now) override { connection_.finish(now); }
  std::string take_replies() override { return connection_.take_replies(); }
  bool wants_close() const override { return connection_.wants_close(); }
  bool overdue(unix_ns now) const override { return connection_.overdue(now); }

  std::uint64_t number() const { return number_; }
  http_connection& connection() { return connection_; }

private:
  http_server& server_;
  int fd_;
  std::uint64_t number_;
  http_connection connection_;
};

http_server::http_server(const http_options& options, head_check admit, request_handler handle,
                         source_counts_ptr counts, std::shared_ptr<const clock_source> clock)
    : options_(options), admit_(std::move(admit)), handle_(std::move(handle)), counts_(std::move(counts)),
      clock_(std::move(clock)) {}

http_server::~http_server() {
  stop();
}

outcome http_server::start() {
  tls_context tls;
  if (!options_.tls_certificate.empty()) {
    auto made = make_tls_context({options_.tls_certificate, options_.tls_key, options_.tls_client_ca});
    if (!made)
      return made.error();
    tls = std::move(made).take();
  }
  auto socket = listen_tcp(options_.host, options_.port);
  if (!socket)
    return socket.error();
  port_ = bound_port(*socket);
  const http_limits limits{options_.max_body_bytes, options_.request_timeout};
  const auto make = [this, limits](const std::string& peer, int fd) {
    return std::make_unique<numbered_connection>(*this, limits, peer, fd, ++last_number_);
  };
  const stream_limits bounds{options_.max_connections, options_.idle_timeout, std::chrono::seconds{10},
                             options_.max_unsent_bytes};
  listener_ = std::make_unique<stream_listener>(loop_, std::move(socket).take(), std::move(tls), bounds, make, counts_,
                                                *clock_);
  if (const auto opened = listener_->open(); !opened)
    return opened;
  thread_ = std::thread([this] { run(); });
  return done{};
}

void http_server::stop() {
  stopping_ = true;
  loop_.wake();
  if (thread_.joinable())
    thread_.join();
}

void http_server::run() {
  auto swept_at = clock_->now();
  while (!stopping_) {
    loop_.run_once(std::chrono::milliseconds{1000});
    deliver_answers();
    if (const auto now = clock_->now(); now - swept_at >= ns_per_s) {
      listener_->sweep();
      swept_at = now;
    }
  }
  listener_.reset();
}

void http_server::respond(http_ticket ticket, http_response response) {
  {
    const std::lock_guard lock(mutex_);
    answers_.emplace_back(ticket, std::move(response));
  }
  loop_.wake();
}

void http_server::deliver_answers() {
  std::vector<std::pair<http_ticket, http_response>> answers;
  {
    const std::lock_guard lock(mutex_);
    answers.swap(answers_);
  }
  for (const auto& [ticket, response] : answers) {
    const auto found = connections_.find(ticket.fd);
    if (found != connections_.end() && found->second->number() == ticket.number)
      answer(ticket.fd, response);
  }
}

void http_server::answer(int fd, const http_response& response) {
  const auto found = connections_.find(fd);
  if (found == connections_.end())
    return;
  if (response.status >= 400)
    count(counts_->refused);
  found->second->connection().respond(response, clock_->now());
  listener_->flush_replies(fd);
}

http_response http_server::admit(const http_request& head) {
  auto answer = admit_(head);
  if (answer.status >= 400)
    count(counts_->refused);
  return answer;
}

bool http_server::reserve(std::size_t bytes) {
  // One request always fits, or a body within its own limit could never be taken.
  if (reserved_bytes_ > 0 && reserved_bytes_ + bytes > options_.max_pending_bytes)
    return false;
  reserved_bytes_ += bytes;
  return true;
}

void http_server::release(std::size_t bytes) {
  reserved_bytes_ -= std::min(bytes, reserved_bytes_);
}

void http_server::handle(int connection, http_request request) {
  const auto found = connections_.find(connection);
  if (found == connections_.end())
    return;
  auto verdict = handle_(std::move(request), {connection, found->second->number()});
  if (verdict.later)
    return;
  if (verdict.response.status >= 400)
    count(counts_->refused);
  found->second->connection().respond(verdict.response, clock_->now());
}

http_response http_server::busy(const http_request& head) {
  count(counts_->refused);
  return busy_response(kind_of_target(head.target));
}

} // namespace soc::sources
