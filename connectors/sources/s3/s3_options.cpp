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
