// sources/forward/forward_options.hpp - what a `kind: forward` connector is told. Read once at start; a value.
#pragma once
#include "base/diagnostic.hpp"
#include "base/result.hpp"
#include "base/yaml_text.hpp"
#include "connectors/sources/forward/forward_messages.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace soc::sources {

struct forward_options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 24224;                          ///< 0 = a free one
  std::string tls_certificate, tls_key, tls_client_ca; ///< PEM; given: TLS only
  std::string shared_key;                              ///< reference; empty: no handshake
  std::string hostname = "soc";                        ///< what the handshake says
  forward_rules rules;
  std::size_t max_connections = 1024;
  std::size_t queue_bytes = 32U << 20; ///< received, not yet in the pipeline; full: connections are held
  std::chrono::seconds idle_timeout{3600};
};

result<forward_options> parse_forward_options(yaml_map_reader& reader, diagnostics& found);

} // namespace soc::sources
