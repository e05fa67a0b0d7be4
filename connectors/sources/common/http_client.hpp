// sources/common/http_client.hpp - outgoing HTTP of sources that fetch: one request at a time, the body streamed to the
// caller, everything timed and bounded. Adapter over libcurl; an object belongs to one thread, stop() to any.
#pragma once
#include "base/result.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace soc::sources {

struct fetch_request {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

struct fetch_response {
  int status = 0;
  std::map<std::string, std::string> headers; ///< names in lower case
  std::string body;                           ///< without a sink: of at most max_body_bytes
  std::string header(const std::string& name) const {
    const auto it = headers.find(name);
    return it == headers.end() ? std::string{} : it->second;
  }
};

struct fetch_limits {
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::seconds silence{60}; ///< ended when less than a byte a second came for so long
  std::size_t max_body_bytes = 64U << 20;
  std::string tls_ca; ///< PEM; empty = the system's
};

class http_client {
public:
  /// Called with each piece of a 2xx body; false ends the transfer.
  using body_sink = std::function<bool(int status, std::string_view)>;

  explicit http_client(fetch_limits limits);
  ~http_client();

  /// Redirects are not followed: they would carry credentials elsewhere. ec::unavailable when the peer can't be
  /// reached or falls silent, ec::closed when stopped or ended by the sink, ec::too_large past the limit.
  result<fetch_response> fetch(const fetch_request& request, const body_sink& sink = {});

  /// Any thread: a transfer under way ends within a second, later ones fail.
  void stop() { stopped_ = true; }

private:
  struct transfer;
  struct handle;
  fetch_limits limits_;
  std::unique_ptr<handle> handle_;
  std::atomic<bool> stopped_{false};
};

/// RFC 3986: everything but A-Z a-z 0-9 - . _ ~ as %XX; '/' too unless `keep_slash`.
std::string percent_encoded(std::string_view text, bool keep_slash = false);

} // namespace soc::sources
