#include "connectors/sources/http/http_options.hpp"

#include "connectors/sources/common/option_reading.hpp"

namespace soc::sources {

namespace {

std::vector<std::string> read_token_references(yaml_map_reader& reader, diagnostics& found) {
  auto tokens = reader.texts("tokens");
  for (const auto& token : tokens)
    if (token.rfind("env:", 0) != 0 && token.rfind("file:", 0) != 0) {
      found.error(code_option, reader.place("tokens"), "'tokens' are secrets: give references, not the text",
                  "env:NAME, file:PATH or secret:NAME");
      return {};
    }
  return tokens;
}

bool is_loopback(const std::string& host) {
  return host.rfind("127.", 0) == 0 || host == "::1";
}

result<http_options> parse_endpoint(yaml_map_reader& reader, diagnostics& found, http_options out) {
  const auto errors_before = found.errors();
  claim_common_keys(reader);
  out.host = reader.text("host").value_or(out.host);
  out.port = read_port(reader, found, "port").value_or(out.port);
  out.path = reader.text("path").value_or(out.path);
  out.tokens = read_token_references(reader, found);
  out.tls_certificate = reader.text("tls_certificate").value_or("");
  out.tls_key = reader.text("tls_key").value_or("");
  out.tls_client_ca = reader.text("tls_client_ca").value_or("");
  out.max_body_bytes = static_cast<std::size_t>(read_number(reader, found, "max_body_mib", 16, 1, 256)) << 20;
  out.max_pending_bytes = static_cast<std::size_t>(read_number(reader, found, "max_pending_mib", 64, 1, 4096)) << 20;
  out.max_connections = static_cast<std::size_t>(read_number(reader, found, "max_connections", 1024, 1, 100'000));
  out.idle_timeout = std::chrono::seconds(read_number(reader, found, "idle_timeout_s", 60, 1, 3600));
  out.request_timeout = std::chrono::seconds(read_number(reader, found, "request_timeout_s", 30, 1, 3600));
  out.store_timeout = std::chrono::milliseconds(read_number(reader, found, "store_timeout_ms", 10'000, 100, 120'000));
  if (out.path.empty() || out.path.front() != '/')
    found.error(code_option, reader.place("path"), "'path' must begin with '/'", "path: /ingest");
  if (out.tls_certificate.empty() != out.tls_key.empty())
    found.error(code_missing, reader.place("tls_certificate"), "'tls_certificate' and 'tls_key' belong together");
  if (out.tokens.empty() && out.tls_client_ca.empty() && !is_loopback(out.host))
    found.error(code_missing, reader.place("host"), "an http connector that others can reach needs 'tokens'",
                "tokens: [env:SOC_HTTP_TOKEN]");
  if (found.errors() > errors_before)
    return failure{ec::invalid_input, "the options of an http connector have errors"};
  return out;
}

} // namespace

result<http_options> parse_http_options(yaml_map_reader& reader, diagnostics& found) {
  return parse_endpoint(reader, found, {});
}

result<http_options> parse_otlp_options(yaml_map_reader& reader, diagnostics& found) {
  http_options defaults;
  defaults.otlp = true;
  defaults.port = 4318;
  defaults.path = "/v1/logs";
  defaults.otlp_body_only = reader.boolean("body_only").value_or(false);
  return parse_endpoint(reader, found, std::move(defaults));
}

} // namespace soc::sources
