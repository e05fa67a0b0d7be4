// targets/http/http_transport.hpp - one HTTP exchange over libcurl: time-outs, no redirects, a bound on the answer,
// verified TLS. One handle a thread keeps its connections. Thread-safe.
#pragma once
#include "response/core/http_call.hpp"

#include <functional>

namespace soc::targets {

struct tls_files {
  std::string ca_file;                        ///< empty: the system's
  std::string client_certificate, client_key; ///< PEM text, empty = none
};

/// unavailable: it surely never left; timed_out: it was sent, and nobody knows what came of it.
result<response::http_response> send_request(const response::http_request& request, const tls_files& tls,
                                             long timeout_ms);

/// How a driver sends; replaced in tests.
using http_sender =
    std::function<result<response::http_response>(const response::http_request&, const tls_files&, long timeout_ms)>;

} // namespace soc::targets
