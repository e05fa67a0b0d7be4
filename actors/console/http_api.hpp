// console/http_api.hpp - the node's HTTP side: /metrics (Prometheus text), /healthz (the process answers), /readyz (the
// node takes work). Owned by the node: a listener thread of its own from start() to stop(). Read-only and without
// secrets; loopback by default.
#pragma once
#include "base/result.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace soc::console {

struct readiness {
  bool ready = false;
  std::string why; ///< what is still missing, for people
};

struct http_api_options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0; ///< 0: a free one
  std::function<std::string()> metrics;
  std::function<readiness()> ready;
};

class http_api {
public:
  explicit http_api(http_api_options options);
  ~http_api();
  http_api(const http_api&) = delete;
  http_api& operator=(const http_api&) = delete;

  /// Binds and listens; the port it got.
  result<std::uint16_t> start();
  /// Answers no more and cuts off who is connected; returns when its threads have ended, in a fraction of a second.
  void stop();

private:
  struct server;
  std::unique_ptr<server> server_;
};

} // namespace soc::console
