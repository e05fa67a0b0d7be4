#include "node/http_side.hpp"

#include <fmt/format.h>

namespace soc::node {

namespace {

sources::http_options options_of(const std::string& host, std::uint16_t port) {
  sources::http_options out;
  out.host = host;
  out.port = port;
  out.max_body_bytes = 4096;
  out.max_pending_bytes = 64U << 10;
  out.max_unsent_bytes = 64U << 20; // the metrics of many actors are longer than what a log source is told
  out.max_connections = 64;
  out.idle_timeout = std::chrono::seconds{5};
  out.request_timeout = std::chrono::seconds{2};
  return out;
}

} // namespace

result<std::unique_ptr<sources::http_server>> serve_http(const std::string& host, std::uint16_t port,
                                                         console::http_api api) {
  const auto admit = [](const sources::http_request&) { return sources::http_response{}; };
  const auto handle = [api = std::move(api)](const sources::http_request& asked, sources::http_ticket) {
    auto said = console::answer(api, asked.method, asked.target);
    return sources::http_verdict{false, {said.status, std::move(said.body), 0, std::move(said.content_type)}};
  };
  auto server = std::make_unique<sources::http_server>(options_of(host, port), admit, handle,
                                                       std::make_shared<sources::source_counts>(),
                                                       std::make_shared<system_clock_source>());
  if (const auto started = server->start(); !started)
    return failure{ec::io_error, fmt::format("can't listen on {}:{} for /metrics ({}); is another node running there? "
                                             "Set http.port in the configuration, or 0 for a free one",
                                             host, port, started.error().what)};
  return server;
}

} // namespace soc::node
