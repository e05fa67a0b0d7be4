// transport/nats_identity.hpp - who we are to a NATS server and whom we trust: user and password, a .creds file, an
// nkey seed, TLS. A free function, for the node's link and the shell's line are made the same way. Secrets never reach
// a status text.
#pragma once
#include "transport/nats_options.hpp"

#include <nats/nats.h>

namespace soc::transport {

/// Sets user, credentials or nkey, and TLS when a file of it or a tls:// url is given. NATS_INVALID_ARG: the seed file
/// holds no user seed; otherwise what libnats says of the files.
natsStatus identify(natsOptions* o, const nats_options& wanted);

} // namespace soc::transport
