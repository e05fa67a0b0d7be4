#include "connectors/sources/common/event_loop.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <sys/epoll.h>
#include <sys/eventfd.h>

namespace soc::sources {

event_loop::event_loop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)), wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = wake_.get();
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event);
}

outcome event_loop::add(int fd, std::uint32_t events, handler on_event) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
    return failure{ec::io_error, std::string("epoll: ") + std::strerror(errno)};
  handlers_[fd] = std::make_shared<handler>(std::move(on_event));
  return done{};
}

void event_loop::change(int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void event_loop::remove(int fd) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  handlers_.erase(fd);
}

bool event_loop::run_once(std::chrono::milliseconds timeout) {
  std::array<epoll_event, 128> ready;
  const int count =
      ::epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), static_cast<int>(timeout.count()));
  bool woken = false;
  for (int i = 0; i < count; ++i) {
    const int fd = ready[static_cast<std::size_t>(i)].data.fd;
    if (fd == wake_.get()) {
      std::uint64_t ignored = 0;
      woken = ::read(fd, &ignored, sizeof ignored) > 0 || woken;
      continue;
    }
    // A handler before this one may have removed it; a copy keeps it alive while it removes itself.
    if (const auto found = handlers_.find(fd); found != handlers_.end()) {
      const auto keep = found->second;
      (*keep)(ready[static_cast<std::size_t>(i)].events);
    }
  }
  return !woken;
}

void event_loop::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
}

} // namespace soc::sources
