// console/http_connection.hpp - a connection of the node's HTTP side, bounded in time and bytes as a whole: a byte now
// and then does not prolong it, as it would a time-out for each read. Used by one worker of http_api; owns the socket.
#pragma once
#include <httplib.h>

#include <array>
#include <atomic>
#include <chrono>

namespace soc::console {

class http_connection final : public httplib::Stream {
public:
  /// It is cut off when `listener` is no socket any more.
  http_connection(socket_t socket, const std::atomic<socket_t>& listener);
  ~http_connection() override;

  bool is_readable() const override;
  bool is_writable() const override;
  ssize_t read(char* to, size_t size) override;
  /// All of it, or -1.
  ssize_t write(const char* from, size_t size) override;
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return socket_; }

private:
  using clock = std::chrono::steady_clock;
  bool wait_for(short event, clock::time_point until) const;

  const socket_t socket_;
  const std::atomic<socket_t>& listener_;
  const clock::time_point begun_ = clock::now();
  std::array<char, 4096> buffer_;
  std::size_t at_ = 0, end_ = 0; ///< what of the buffer is not read yet
  std::size_t received_ = 0;
};

} // namespace soc::console
