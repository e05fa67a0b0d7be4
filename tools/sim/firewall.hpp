// tools/sim/firewall.hpp - a simulated cloud firewall over HTTP: bearer token, idempotency keys, a rate limit, blocks
// that end by themselves, and a record of every call. Binds 127.0.0.1 only.
//
//   POST   /v1/blocks {"ip","ttl_seconds","comment"}   201 {"id","ip","expires_at"}; 409 for another body under a used
//   key DELETE /v1/blocks/<ip>                             200, or 404 when it isn't there GET    /v1/blocks/<ip> 200
//   or 404, both with {"blocked"} GET    /v1/blocks, /v1/calls                       what stands, and all that was
//   asked, with the answer
#pragma once
#include <string>

namespace soc::sim {

struct firewall_options {
  int port = 9700;
  std::string token;
  std::string state_file; ///< empty: in memory
  int changes_per_s = 100;
};

/// Serves until the process is ended; prints "firewall simulator on 127.0.0.1:<port>" when it is ready. 1: the port is
/// taken.
int run_firewall(const firewall_options& options);

} // namespace soc::sim
