#include "connectors/sources/s3/s3_options.hpp"

#include "connectors/sources/common/option_reading.hpp"
#include "connectors/sources/s3/s3_progress.hpp"

#include <fmt/format.h>

namespace soc::sources {

namespace {

void check_endpoint(s3_options& out, yaml_map_reader& reader, diagnostics& found) {
  while (!out.endpoint.empty() && out.endpoint.back() == '/')
    out.endpoint.pop_back();
  const auto scheme = out.endpoint.find("://");
  const bool known = out.endpoint.rfind("http://", 0) == 0 || out.endpoint.rfind("https://", 0) == 0;
  if (!known || out.endpoint.find('/', scheme + 3) != std::string::npos)
    found.error(code_option, reader.place("endpoint"), fmt::format("'{}' is no endpoint", out.endpoint),
                "https://HOST or https://HOST:PORT; the bucket has its own key");
  if (!out.path_style && known)
    out.endpoint.insert(scheme + 3, out.bucket + ".");
}

void read_queue(s3_options& out, yaml_map_reader& reader, diagnostics& found) {
  out.sqs_queue = reader.text("sqs_queue").value_or("");
  out.sqs_region = reader.text("sqs_region").value_or(out.region);
  out.sqs_wait = std::chrono::seconds(read_number(reader, found, "sqs_wait_s", 20, 0, 20));
  out.sqs_hidden = std::chrono::seconds(read_number(reader, found, "sqs_hidden_s", 300, 10, 43'200));
  if (out.sqs_queue.empty())
    return;
  const auto scheme = out.sqs_queue.find("://");
  const bool known = out.sqs_queue.rfind("http://", 0) == 0 || out.sqs_queue.rfind("https://", 0) == 0;
  if (!known || out.sqs_queue.find('/', scheme + 3) == std::string::npos)
    found.error(code_option, reader.place("sqs_queue"), fmt::format("'{}' is no queue", out.sqs_queue),
                "https://sqs.REGION.amazonaws.com/ACCOUNT/NAME");
  if (out.access_key.empty())
    found.error(code_missing, reader.place("sqs_queue"), "a queue needs 'access_key' and 'secret_key'",
                "access_key: env:S3_ACCESS_KEY");
}

void read_hook(s3_options& out, yaml_map_reader& reader, diagnostics& found) {
  out.webhook_port = read_port(reader, found, "webhook_port");
  out.webhook_host = reader.text("webhook_host").value_or(out.webhook_host);
  out.webhook_path = reader.text("webhook_path").value_or(out.webhook_path);
  out.webhook_tokens = reader.texts("webhook_tokens");
  for (const auto& token : out.webhook_tokens)
    if (token.rfind("env:", 0) != 0 && token.rfind("file:", 0) != 0 && token.rfind("secret:", 0) != 0) {
      found.error(code_option, reader.place("webhook_tokens"),
                  "'webhook_tokens' are secrets: give references, not the text", "env:NAME, file:PATH or secret:NAME");
      out.webhook_tokens.clear();
      break;
    }
  if (out.webhook_path.empty() || out.webhook_path.front() != '/')
    found.error(code_option, reader.place("webhook_path"), "'webhook_path' must begin with '/'",
                "webhook_path: /notify");
  if (out.webhook_port && out.webhook_tokens.empty() && out.webhook_host.rfind("127.", 0) != 0 &&
      out.webhook_host != "::1")
    found.error(code_missing, reader.place("webhook_host"), "a webhook that others can reach needs 'webhook_tokens'",
                "webhook_tokens: [env:SOC_S3_HOOK_TOKEN]");
  if (out.webhook_port && !out.sqs_queue.empty())
    found.error(code_option, reader.place("webhook_port"),
                "'webhook_port' is for buckets that are listed, 'sqs_queue' names the objects itself");
}

} // namespace

result<s3_options> parse_s3_options(yaml_map_reader& reader, diagnostics& found) {
  const auto errors_before = found.errors();
  s3_options out;
  claim_common_keys(reader);
  // `region` is also what records are marked with: the bucket's may differ.
  out.region = reader.text("bucket_region").value_or(reader.text("region").value_or(out.region));
  out.bucket = reader.text("bucket").value_or("");
  const auto endpoint = reader.text("endpoint");
  out.path_style = reader.boolean("path_style").value_or(endpoint.has_value());
  out.endpoint = endpoint.value_or("https://s3." + out.region + ".amazonaws.com");
  out.prefixes = reader.texts("prefixes");
  if (out.prefixes.empty())
    out.prefixes.emplace_back();
  out.access_key = read_secret_reference(reader, found, "access_key");
  out.secret_key = read_secret_reference(reader, found, "secret_key");
  out.session_token = read_secret_reference(reader, found, "session_token");
  const auto format = read_choice(reader, found, "format", {"auto", "lines", "csv"});
  out.format = format == "lines" ? s3_format::lines : format == "csv" ? s3_format::csv : s3_format::automatic;
  out.any_order = read_choice(reader, found, "order", {"key", "any"}) == "any";
  out.poll = std::chrono::seconds(read_number(reader, found, "poll_s", 60, 1, 86'400));
  out.lookback = std::chrono::hours(read_number(reader, found, "lookback_h", 48, 1, 24 * 400));
  out.max_record_bytes =
      static_cast<std::size_t>(read_number(reader, found, "max_record_bytes", 1 << 20, 480, 16 << 20));
  out.queue_bytes = static_cast<std::size_t>(read_number(reader, found, "queue_mib", 16, 1, 1024)) << 20;
  out.tls_ca = reader.text("tls_ca").value_or("");
  read_queue(out, reader, found);
  read_hook(out, reader, found);
  if (out.bucket.empty())
    found.error(code_missing, reader.place(), "an s3 connector has no 'bucket'", "bucket: my-logs");
  if (out.access_key.empty() != out.secret_key.empty())
    found.error(code_missing, reader.place("access_key"), "'access_key' and 'secret_key' go together",
                "secret_key: env:S3_SECRET_KEY");
  for (const auto& prefix : out.prefixes)
    if (!is_prefix_pattern(prefix))
      found.error(code_option, reader.place("prefixes"), fmt::format("'{}' has an unknown % directive", prefix),
                  "%Y %m %d %H; %% for the character");
  check_endpoint(out, reader, found);
  if (found.errors() > errors_before)
    return failure{ec::invalid_input, "the options of an s3 connector have errors"};
  return out;
}

} // namespace soc::sources
