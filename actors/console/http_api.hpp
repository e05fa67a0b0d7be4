// console/http_api.hpp - what a node says over HTTP: /metrics (Prometheus text), /healthz (the process answers),
// /readyz (the node takes work). Read-only and without secrets. Decides only: node/http_side.hpp has the sockets.
#pragma once
#include <functional>
#include <string>
#include <string_view>

namespace soc::console {

struct readiness {
  bool ready = false;
  std::string why; ///< what is still missing, for people
};

/// Called on the thread that serves.
struct http_api {
  std::function<std::string()> metrics;
  std::function<readiness()> ready;
};

struct http_answer {
  int status = 200;
  std::string body;
  std::string content_type = "text/plain";
};

/// `target` may have a query, which says nothing here.
http_answer answer(const http_api& api, std::string_view method, std::string_view target);

} // namespace soc::console
