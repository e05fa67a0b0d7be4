#include "console/http_api.hpp"

#include "console/http_connection.hpp"

#include <fmt/format.h>

#include <atomic>
#include <semaphore>
#include <thread>

namespace soc::console {

namespace {

constexpr std::size_t workers = 8, max_connections = 64; ///< being answered or waiting for it

/// The kernel's backlog holds those above max_connections.
class bounded_workers final : public httplib::TaskQueue {
public:
  void enqueue(std::function<void()> job) override {
    room_.acquire();
    pool_.enqueue([this, job = std::move(job)] {
      job();
      room_.release();
    });
  }
  void shutdown() override { pool_.shutdown(); }

private:
  std::counting_semaphore<> room_{max_connections};
  httplib::ThreadPool pool_{workers};
};

/// One request a connection: who keeps it open, or sends slowly, holds a worker for two seconds at most.
class one_request_server final : public httplib::Server {
  bool process_and_close_socket(socket_t socket) override {
    http_connection connection(socket, svr_sock_);
    bool closed = false;
    return process_request(connection, true, closed, nullptr);
  }
};

} // namespace

struct http_api::server {
  http_api_options options;
  one_request_server http;
  std::thread listener;
  std::atomic<bool> ended{false}; ///< the listener, by itself or told to
};

http_api::http_api(http_api_options options) : server_(std::make_unique<server>()) {
  server_->options = std::move(options);
  auto& http = server_->http;
  auto* opts = &server_->options;
  http.new_task_queue = [] { return new bounded_workers; };
  http.set_payload_max_length(4096);
  // httplib binds with SO_REUSEPORT by default: two nodes on one port would share its requests instead of failing.
  http.set_socket_options([](socket_t socket) {
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  http.Get("/metrics", [opts](const httplib::Request&, httplib::Response& out) {
    out.set_content(opts->metrics(), "text/plain; version=0.0.4");
  });
  http.Get("/healthz", [](const httplib::Request&, httplib::Response& out) { out.set_content("ok\n", "text/plain"); });
  http.Get("/readyz", [opts](const httplib::Request&, httplib::Response& out) {
    const auto state = opts->ready();
    out.status = state.ready ? 200 : 503;
    out.set_content(state.ready ? "ready\n" : state.why + "\n", "text/plain");
  });
}

http_api::~http_api() {
  stop();
}

result<std::uint16_t> http_api::start() {
  const auto& o = server_->options;
  int port = o.port;
  if (port == 0)
    port = server_->http.bind_to_any_port(o.host.c_str());
  else if (!server_->http.bind_to_port(o.host.c_str(), port))
    port = -1;
  if (port <= 0)
    return failure{ec::io_error, fmt::format("can't listen on {}:{} for /metrics; is another node running there? "
                                             "Set http.port in the configuration, or 0 for a free one",
                                             o.host, o.port)};
  server_->listener = std::thread([s = server_.get()] {
    s->http.listen_after_bind();
    s->ended = true;
  });
  return static_cast<std::uint16_t>(port);
}

void http_api::stop() {
  if (!server_->listener.joinable())
    return;
  // Told before it listens it would not hear, and listen for ever: a node ended just after its start.
  while (!server_->ended && !server_->http.is_running())
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  server_->http.stop();
  server_->listener.join();
}

} // namespace soc::console
