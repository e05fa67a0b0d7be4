// sources/nats/nats_source_options.hpp - what a `kind: nats` connector is told. Read once at start; a value.
#pragma once
#include "base/diagnostic.hpp"
#include "base/result.hpp"
#include "base/yaml_text.hpp"

#include <string>
#include <vector>

namespace soc::sources {

struct nats_source_options {
  std::vector<std::string> urls;
  std::string stream, durable;                  ///< JetStream; durable empty = soc-<connector>
  std::string subject;                          ///< JetStream: a filter; else what is subscribed to
  std::string queue;                            ///< without a stream: nodes of one group share the messages
  bool from_end = false;                        ///< where a new durable begins
  std::string user, password, token;            ///< password and token are references
  std::string credentials;                      ///< a .creds file (JWT and seed)
  std::string tls_ca, tls_certificate, tls_key; ///< PEM
  bool split_lines = false;
  std::size_t queue_bytes = 32U << 20;
};

result<nats_source_options> parse_nats_source_options(yaml_map_reader& reader, diagnostics& found);

} // namespace soc::sources
