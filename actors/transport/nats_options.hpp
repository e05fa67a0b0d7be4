// transport/nats_options.hpp - how to reach NATS, and the checks that need no network. Values; made from the node's
// configuration (or from the endpoint of the managed server) before anything connects. Secrets are never part of a
// failure.
#pragma once
#include "base/result.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace soc::transport {

struct nats_options {
  std::vector<std::string> urls;                ///< "nats://host:4222" or "tls://…"; any one of the cluster is enough
  std::string user, password;                   ///< both or none
  std::string credentials_file;                 ///< .creds (JWT and seed)
  std::string nkey_seed_file;                   ///< a file with an "SU…" seed; the public key is derived from it
  std::string tls_ca, tls_certificate, tls_key; ///< PEM files; certificate and key both or none
  std::string name = "soc";                     ///< shown in the server's list of connections
  std::chrono::milliseconds connect_timeout{2000};
  std::chrono::milliseconds reconnect_min{20}, reconnect_max{2000}; ///< back-off between attempts, for ever
};

/// invalid_input with what is wrong: no url, an unknown scheme, more than one way to authenticate, half a pair.
outcome validate(const nats_options& options);

/// The wait before reconnect attempt `attempt` (from 1): doubles from min to max, ±25 % by `jitter` in [0, 1).
std::chrono::milliseconds reconnect_wait(const nats_options& options, int attempt, double jitter);

/// "U…", the public user nkey of the seed in `text` (an "SU…" line, as in a file of `nk -gen user`); invalid_input if
/// it is none.
result<std::string> public_nkey_of_seed(std::string_view text);

} // namespace soc::transport
