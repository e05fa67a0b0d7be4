#include "connectors/sources/forward/forward_options.hpp"

#include "connectors/sources/common/option_reading.hpp"

namespace soc::sources {

namespace {

bool is_loopback_host(const std::string& host) {
  return host.rfind("127.", 0) == 0 || host == "::1";
}

} // namespace

result<forward_options> parse_forward_options(yaml_map_reader& reader, diagnostics& found) {
  const auto errors_before = found.errors();
  forward_options out;
  claim_common_keys(reader);
  out.host = reader.text("host").value_or(out.host);
  out.port = read_port(reader, found, "port").value_or(out.port);
  out.tls_certificate = reader.text("tls_certificate").value_or("");
  out.tls_key = reader.text("tls_key").value_or("");
  out.tls_client_ca = reader.text("tls_client_ca").value_or("");
  out.shared_key = read_secret_reference(reader, found, "shared_key");
  out.hostname = reader.text("hostname").value_or(out.hostname);
  out.rules.message_key = reader.text("message_key").value_or("");
  out.rules.max_message_bytes = static_cast<std::size_t>(read_number(reader, found, "max_message_mib", 16, 1, 256))
                                << 20;
  out.max_connections = static_cast<std::size_t>(read_number(reader, found, "max_connections", 1024, 1, 100'000));
  out.queue_bytes = static_cast<std::size_t>(read_number(reader, found, "queue_mib", 32, 1, 1024)) << 20;
  out.idle_timeout = std::chrono::seconds(read_number(reader, found, "idle_timeout_s", 3600, 1, 7 * 86'400));
  if (out.tls_certificate.empty() != out.tls_key.empty())
    found.error(code_missing, reader.place(), "TLS needs both 'tls_certificate' and 'tls_key'", "PEM files");
  if (!is_loopback_host(out.host) && out.shared_key.empty() && out.tls_client_ca.empty())
    found.error(code_missing, reader.place("host"),
                "a forward connector that listens on more than loopback lets anybody in",
                "add `shared_key:` or `tls_client_ca:`");
  if (found.errors() > errors_before)
    return failure{ec::invalid_input, "the options of a forward connector have errors"};
  return out;
}

} // namespace soc::sources
