#include "console/http_connection.hpp"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace soc::console {

namespace {

constexpr std::chrono::seconds time_to_ask{2}, time_to_take_the_answer{5}; ///< of a client, from its turn on
constexpr std::chrono::milliseconds time_to_notice_the_end{100};
constexpr std::size_t max_request_bytes = 64U << 10;

} // namespace

http_connection::http_connection(socket_t socket, const std::atomic<socket_t>& listener)
    : socket_(socket), listener_(listener) {}

http_connection::~http_connection() {
  ::shutdown(socket_, SHUT_RDWR);
  ::close(socket_);
}

bool http_connection::wait_for(short event, clock::time_point until) const {
  using std::chrono::milliseconds;
  while (listener_ != INVALID_SOCKET) {
    const auto left = std::chrono::ceil<milliseconds>(until - clock::now());
    if (left <= milliseconds(0))
      return false;
    pollfd asked{socket_, event, 0};
    const int ready = ::poll(&asked, 1, static_cast<int>(std::min(left, time_to_notice_the_end).count()));
    if (ready > 0)
      return true;
    if (ready < 0 && errno != EINTR)
      return false;
  }
  return false;
}

bool http_connection::is_readable() const {
  return at_ < end_ || wait_for(POLLIN, begun_ + time_to_ask);
}

bool http_connection::is_writable() const {
  return wait_for(POLLOUT, begun_ + time_to_take_the_answer);
}

ssize_t http_connection::read(char* to, size_t size) {
  if (!is_readable() || received_ > max_request_bytes)
    return -1;
  if (at_ == end_) {
    const auto got = ::recv(socket_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (got <= 0)
      return got;
    at_ = 0;
    end_ = static_cast<std::size_t>(got);
    received_ += end_;
  }
  const auto taken = std::min(size, end_ - at_);
  std::copy_n(buffer_.data() + at_, taken, to);
  at_ += taken;
  return static_cast<ssize_t>(taken);
}

ssize_t http_connection::write(const char* from, size_t size) {
  std::size_t sent = 0;
  while (sent < size && is_writable()) {
    const auto took = ::send(socket_, from + sent, size - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (took > 0)
      sent += static_cast<std::size_t>(took);
    else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
      return -1;
  }
  return sent == size ? static_cast<ssize_t>(size) : -1;
}

} // namespace soc::console
