#include "connectors/sources/syslog/udp_receiver.hpp"

#include "connectors/sources/common/sockets.hpp"
#include "connectors/sources/syslog/syslog_framing.hpp"

#include <cstring>

namespace soc::sources {

namespace {

constexpr std::size_t datagrams_a_call = 64;
constexpr int calls_a_turn = 16;
/// One byte more than the limit tells a message that fits from one that was cut.
constexpr std::size_t cut_probe = 1;

} // namespace

udp_receiver::udp_receiver(descriptor socket, std::size_t max_message_bytes, source_counts_ptr counts)
    : socket_(std::move(socket)), max_message_bytes_(max_message_bytes), counts_(std::move(counts)),
      buffers_(datagrams_a_call * (max_message_bytes + cut_probe), '\0'), headers_(datagrams_a_call),
      spans_(datagrams_a_call), peers_(datagrams_a_call),
      controls_(datagrams_a_call, std::string(CMSG_SPACE(sizeof(std::uint32_t)), '\0')) {}

void udp_receiver::arm() {
  for (std::size_t i = 0; i < datagrams_a_call; ++i) {
    spans_[i] = {buffers_.data() + i * (max_message_bytes_ + cut_probe), max_message_bytes_ + cut_probe};
    auto& header = headers_[i].msg_hdr;
    header = {};
    header.msg_name = &peers_[i];
    header.msg_namelen = sizeof peers_[i];
    header.msg_iov = &spans_[i];
    header.msg_iovlen = 1;
    header.msg_control = controls_[i].data();
    header.msg_controllen = controls_[i].size();
  }
}

void udp_receiver::receive(origin_batches& into, unix_ns now) {
  for (int call = 0; call < calls_a_turn; ++call) {
    arm();
    const int got = ::recvmmsg(socket_.get(), headers_.data(), datagrams_a_call, MSG_DONTWAIT, nullptr);
    for (int i = 0; i < got; ++i)
      take(static_cast<std::size_t>(i), headers_[static_cast<std::size_t>(i)].msg_len, into, now);
    if (got < static_cast<int>(datagrams_a_call))
      return;
  }
}

void udp_receiver::take(std::size_t index, std::size_t length, origin_batches& into, unix_ns now) {
  auto& header = headers_[index].msg_hdr;
  note_kernel_drops(header);
  auto message = std::string_view(static_cast<const char*>(spans_[index].iov_base), length);
  if (length > max_message_bytes_ || (header.msg_flags & MSG_TRUNC) != 0) {
    message = message.substr(0, max_message_bytes_);
    count(counts_->truncated_records);
  }
  message = trim_message(message);
  if (!message.empty())
    into.add_or_drop(peer_name(peers_[index]), message, now);
}

void udp_receiver::note_kernel_drops(msghdr& header) {
  for (auto* c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL)
      continue;
    std::uint32_t drops = 0;
    std::memcpy(&drops, CMSG_DATA(c), sizeof drops);
    count(counts_->dropped_records, drops - kernel_drops_);
    kernel_drops_ = drops;
  }
}

} // namespace soc::sources
