#include "connectors/sources/syslog/syslog_options.hpp"

#include "connectors/sources/common/option_reading.hpp"

namespace soc::sources {

result<syslog_options> parse_syslog_options(yaml_map_reader& reader, diagnostics& found) {
  const auto errors_before = found.errors();
  syslog_options out;
  claim_common_keys(reader);
  out.host = reader.text("host").value_or(out.host);
  out.udp_port = read_port(reader, found, "udp_port");
  out.tcp_port = read_port(reader, found, "tcp_port");
  out.tls_port = read_port(reader, found, "tls_port");
  out.tls_certificate = reader.text("tls_certificate").value_or("");
  out.tls_key = reader.text("tls_key").value_or("");
  out.tls_client_ca = reader.text("tls_client_ca").value_or("");
  out.max_message_bytes = static_cast<std::size_t>(
      read_number(reader, found, "max_message_bytes", static_cast<std::int64_t>(out.max_message_bytes), 480, 16 << 20));
  out.max_connections = static_cast<std::size_t>(
      read_number(reader, found, "max_connections", static_cast<std::int64_t>(out.max_connections), 1, 100'000));
  out.queue_bytes = static_cast<std::size_t>(read_number(reader, found, "queue_mib", 16, 1, 1024)) << 20;
  out.idle_timeout = std::chrono::seconds(read_number(reader, found, "idle_timeout_s", 3600, 1, 7 * 86400));
  out.handshake_timeout = std::chrono::seconds(read_number(reader, found, "handshake_timeout_s", 10, 1, 300));
  if (!out.udp_port && !out.tcp_port && !out.tls_port)
    found.error(code_missing, reader.place(), "a syslog connector listens on no port",
                "add `udp_port:`, `tcp_port:` or `tls_port:`");
  if (out.tls_port && (out.tls_certificate.empty() || out.tls_key.empty()))
    found.error(code_missing, reader.place("tls_port"), "'tls_port' needs a certificate",
                "add `tls_certificate:` and `tls_key:` (PEM files)");
  if (found.errors() > errors_before)
    return failure{ec::invalid_input, "the options of a syslog connector have errors"};
  return out;
}

} // namespace soc::sources
