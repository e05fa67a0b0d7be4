// sources/common/sockets.hpp - listening sockets and peer names. Adapter over the system's calls; stateless.
#pragma once
#include "base/result.hpp"
#include "connectors/sources/common/descriptor.hpp"

#include <cstdint>
#include <string>
#include <sys/socket.h>

namespace soc::sources {

/// Non-blocking, close-on-exec; `port` 0 = a free one. `host` is a numeric address.
result<descriptor> listen_tcp(const std::string& host, std::uint16_t port);
result<descriptor> bind_udp(const std::string& host, std::uint16_t port, int receive_buffer_bytes);

/// The port a socket is bound to, 0 if none.
std::uint16_t bound_port(const descriptor& socket);

/// The numeric address without the port; IPv4-mapped addresses as IPv4.
std::string peer_name(const sockaddr_storage& address);

} // namespace soc::sources
