// sources/syslog/syslog_options.hpp - what a `kind: syslog` connector is told. Read once at start; a value.
#pragma once
#include "base/diagnostic.hpp"
#include "base/result.hpp"
#include "base/yaml_text.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace soc::sources {

struct syslog_options {
  std::string host = "127.0.0.1";                            ///< address to listen on; 0.0.0.0 or :: for all
  std::optional<std::uint16_t> udp_port, tcp_port, tls_port; ///< absent = not served; 0 = a free one
  std::string tls_certificate, tls_key;                      ///< PEM files; the certificate with its chain
  std::string tls_client_ca;                                 ///< PEM; given = clients must show a certificate it signed
  std::size_t max_message_bytes = 64 * 1024;
  std::size_t max_connections = 1024;
  std::size_t queue_bytes =
      16U << 20; ///< received, not yet in the pipeline; full: TCP is held, UDP dropped and counted
  std::chrono::seconds idle_timeout{3600};    ///< a silent connection is closed
  std::chrono::seconds handshake_timeout{10}; ///< TLS
};

result<syslog_options> parse_syslog_options(yaml_map_reader& reader, diagnostics& found);

} // namespace soc::sources
