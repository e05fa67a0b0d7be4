// sources/http/http_options.hpp - what a `kind: http` connector is told. Read once at start; a value.
#pragma once
#include "base/diagnostic.hpp"
#include "base/result.hpp"
#include "base/yaml_text.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace soc::sources {

struct http_options {
  std::string host = "127.0.0.1";  ///< address to listen on
  std::uint16_t port = 8088;       ///< 0 = a free one
  bool otlp = false;               ///< `kind: otlp`
  bool otlp_body_only = false;     ///< the text of a log record's body is the record
  std::string path = "/ingest";    ///< where JSON, JSON lines, arrays and text are taken, beside /services/collector
  std::vector<std::string> tokens; ///< references (env:NAME, file:PATH); empty = anybody on this machine
  std::string tls_certificate, tls_key, tls_client_ca;
  std::size_t max_body_bytes = 16U << 20;    ///< as sent, and again when decompressed
  std::size_t max_pending_bytes = 64U << 20; ///< of bodies being received or stored; over it: 429
  std::size_t max_unsent_bytes = 1U << 20;   ///< of answers a client does not read: it is disconnected
  std::size_t max_connections = 1024;
  std::chrono::seconds idle_timeout{60};
  std::chrono::seconds request_timeout{30};        ///< from a request's first byte to its last
  std::chrono::milliseconds store_timeout{10'000}; ///< then 503: the client sends again
};

result<http_options> parse_http_options(yaml_map_reader& reader, diagnostics& found);
/// `kind: otlp`: the same, on port 4318 and /v1/logs unless said otherwise.
result<http_options> parse_otlp_options(yaml_map_reader& reader, diagnostics& found);

} // namespace soc::sources
