// sources/syslog/udp_receiver.hpp - syslog over UDP: a datagram is a message. Reads many with one call; what the kernel
// dropped because we were slow is counted too. Lives on its loop's thread.
#pragma once
#include "connectors/sources/common/descriptor.hpp"
#include "connectors/sources/common/origin_batches.hpp"

#include <string>
#include <sys/socket.h>
#include <vector>

namespace soc::sources {

class udp_receiver {
public:
  udp_receiver(descriptor socket, std::size_t max_message_bytes, source_counts_ptr counts);

  /// Reads what is there (bounded) into `into`.
  void receive(origin_batches& into, unix_ns now);
  const descriptor& socket() const { return socket_; }

private:
  void arm();
  void take(std::size_t index, std::size_t length, origin_batches& into, unix_ns now);
  void note_kernel_drops(msghdr& header);

  descriptor socket_;
  std::size_t max_message_bytes_;
  source_counts_ptr counts_;
  std::string buffers_;
  std::vector<mmsghdr> headers_;
  std::vector<iovec> spans_;
  std::vector<sockaddr_storage> peers_;
  std::vector<std::string> controls_;
  std::uint32_t kernel_drops_ = 0; ///< as last reported: the kernel counts since the socket was opened
};

} // namespace soc::sources
