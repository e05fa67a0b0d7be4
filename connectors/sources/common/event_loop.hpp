// sources/common/event_loop.hpp - one thread's epoll: handlers by descriptor, and a wake-up from other threads. Owned
// and run by one thread; only wake() may be called by others.
#pragma once
#include "base/result.hpp"
#include "connectors/sources/common/descriptor.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

namespace soc::sources {

class event_loop {
public:
  using handler = std::function<void(std::uint32_t events)>;

  event_loop();

  outcome add(int fd, std::uint32_t events, handler on_event);
  void change(int fd, std::uint32_t events);
  /// Also from inside a handler; the descriptor stays the caller's to close.
  void remove(int fd);

  /// Waits at most `timeout` and runs what is ready. False when it was woken by wake().
  bool run_once(std::chrono::milliseconds timeout);
  /// Any thread.
  void wake();

private:
  descriptor epoll_, wake_;
  std::unordered_map<int, std::shared_ptr<handler>> handlers_;
};

} // namespace soc::sources
