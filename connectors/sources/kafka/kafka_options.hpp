// sources/kafka/kafka_options.hpp - what a `kind: kafka` connector is told. Read once at start; a value.
#pragma once
#include "base/diagnostic.hpp"
#include "base/result.hpp"
#include "base/yaml_text.hpp"

#include <string>
#include <vector>

namespace soc::sources {

struct kafka_options {
  std::vector<std::string> brokers, topics;     ///< topics beginning with ^ are expressions
  std::string group;                            ///< empty = soc-<connector>
  bool from_end = false;                        ///< where a group without committed offsets begins
  std::string security = "plaintext";           ///< plaintext, ssl, sasl_plaintext, sasl_ssl
  std::string sasl_mechanism = "PLAIN";         ///< PLAIN, SCRAM-SHA-256, SCRAM-SHA-512
  std::string username, password;               ///< the password is a reference
  std::string tls_ca, tls_certificate, tls_key; ///< PEM files
  bool split_lines = false;                     ///< a message's lines are records of their own
  std::size_t queue_bytes = 64U << 20;          ///< fetched, not yet handed on
};

result<kafka_options> parse_kafka_options(yaml_map_reader& reader, diagnostics& found);

} // namespace soc::sources
