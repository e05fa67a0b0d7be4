#include "connectors/sources/kafka/kafka_options.hpp"

#include "connectors/sources/common/option_reading.hpp"

namespace soc::sources {

result<kafka_options> parse_kafka_options(yaml_map_reader& reader, diagnostics& found) {
  const auto errors_before = found.errors();
  kafka_options out;
  claim_common_keys(reader);
  out.brokers = reader.texts("brokers");
  out.topics = reader.texts("topics");
  out.group = reader.text("group").value_or("");
  out.from_end = read_choice(reader, found, "start", {"beginning", "end"}) == "end";
  out.security = read_choice(reader, found, "security", {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"});
  out.sasl_mechanism = read_choice(reader, found, "sasl_mechanism", {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"});
  out.username = reader.text("username").value_or("");
  out.password = read_secret_reference(reader, found, "password");
  out.tls_ca = reader.text("tls_ca").value_or("");
  out.tls_certificate = reader.text("tls_certificate").value_or("");
  out.tls_key = reader.text("tls_key").value_or("");
  out.split_lines = reader.boolean("split_lines").value_or(false);
  out.queue_bytes = static_cast<std::size_t>(read_number(reader, found, "queue_mib", 64, 1, 4096)) << 20;
  if (out.brokers.empty())
    found.error(code_missing, reader.place(), "a kafka connector has no 'brokers'", "brokers: [kafka-1:9092]");
  if (out.topics.empty())
    found.error(code_missing, reader.place(), "a kafka connector has no 'topics'", "topics: [syslog]");
  if (out.security.rfind("sasl_", 0) == 0 && (out.username.empty() || out.password.empty()))
    found.error(code_missing, reader.place("security"), "SASL needs 'username' and 'password'",
                "password: env:KAFKA_PASSWORD");
  if (found.errors() > errors_before)
    return failure{ec::invalid_input, "the options of a kafka connector have errors"};
  return out;
}

} // namespace soc::sources
