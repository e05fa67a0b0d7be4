#include "connectors/sources/common/sockets.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>

namespace soc::sources {

namespace {

failure socket_failure(const std::string& what, const std::string& host, std::uint16_t port) {
  const int number = errno;
  return {ec::io_error, what + " " + host + ":" + std::to_string(port) + ": " + std::strerror(number)};
}

result<descriptor> bound_socket(const std::string& host, std::uint16_t port, int type) {
  addrinfo hints{};
  hints.ai_socktype = type;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0)
    return failure{ec::invalid_input, "'" + host + "' is not a numeric address"};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> address(found, ::freeaddrinfo);
  descriptor socket(::socket(address->ai_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket)
    return socket_failure("can't open a socket for", host, port);
  const int on = 1;
  if (type == SOCK_STREAM)
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(socket.get(), address->ai_addr, address->ai_addrlen) != 0)
    return socket_failure("can't listen on", host, port);
  return socket;
}

} // namespace

result<descriptor> listen_tcp(const std::string& host, std::uint16_t port) {
  auto socket = bound_socket(host, port, SOCK_STREAM);
  if (socket && ::listen(socket->get(), 512) != 0)
    return socket_failure("can't listen on", host, port);
  return socket;
}

result<descriptor> bind_udp(const std::string& host, std::uint16_t port, int receive_buffer_bytes) {
  auto socket = bound_socket(host, port, SOCK_DGRAM);
  if (!socket)
    return socket;
  const int on = 1;
  // Over net.core.rmem_max only root gets what it asks for; the plain option is the best others can have.
  if (::setsockopt(socket->get(), SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer_bytes, sizeof receive_buffer_bytes) != 0)
    ::setsockopt(socket->get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
  ::setsockopt(socket->get(), SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
  return socket;
}

std::uint16_t bound_port(const descriptor& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return 0;
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<sockaddr_in&>(address).sin_port);
}

std::string peer_name(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text, sizeof text);
  } else if (address.ss_family == AF_INET6) {
    const auto& six = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&six))
      ::inet_ntop(AF_INET, six.s6_addr + 12, text, sizeof text);
    else
      ::inet_ntop(AF_INET6, &six, text, sizeof text);
  }
  return text;
}

} // namespace soc::sources
