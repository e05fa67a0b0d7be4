#include "connectors/sources/nats/nats_source_options.hpp"

#include "connectors/sources/common/option_reading.hpp"

#include <fmt/format.h>

namespace soc::sources {

namespace {

/// Names become tokens of subjects.
bool is_subject_token(const std::string& name) {
  return name.find_first_of(" .*>/\\\t\r\n") == std::string::npos;
}

} // namespace

result<nats_source_options> parse_nats_source_options(yaml_map_reader& reader, diagnostics& found) {
  const auto errors_before = found.errors();
  nats_source_options out;
  claim_common_keys(reader);
  out.urls = reader.texts("url");
  out.stream = reader.text("stream").value_or("");
  out.durable = reader.text("durable").value_or("");
  out.subject = reader.text("subject").value_or("");
  out.queue = reader.text("queue").value_or("");
  out.from_end = read_choice(reader, found, "start", {"beginning", "end"}) == "end";
  out.user = reader.text("user").value_or("");
  out.password = read_secret_reference(reader, found, "password");
  out.token = read_secret_reference(reader, found, "token");
  out.credentials = reader.text("credentials").value_or("");
  out.tls_ca = reader.text("tls_ca").value_or("");
  out.tls_certificate = reader.text("tls_certificate").value_or("");
  out.tls_key = reader.text("tls_key").value_or("");
  out.split_lines = reader.boolean("split_lines").value_or(false);
  out.queue_bytes = static_cast<std::size_t>(read_number(reader, found, "queue_mib", 32, 1, 1024)) << 20;
  if (out.urls.empty())
    found.error(code_missing, reader.place(), "a nats connector has no 'url'", "url: nats://broker:4222");
  if (out.stream.empty() && out.subject.empty())
    found.error(code_missing, reader.place(), "a nats connector has neither 'stream' nor 'subject'",
                "stream: LOGS (kept and acknowledged) or subject: logs.> (best effort)");
  for (const auto& [key, name] : {std::pair{"stream", out.stream}, std::pair{"durable", out.durable}})
    if (!is_subject_token(name))
      found.error(code_option, reader.place(key), fmt::format("'{}' is no name of a {}", name, key));
  if (found.errors() > errors_before)
    return failure{ec::invalid_input, "the options of a nats connector have errors"};
  return out;
}

} // namespace soc::sources
