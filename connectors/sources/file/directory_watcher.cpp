#include "connectors/sources/file/directory_watcher.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

namespace soc::sources {

namespace {

constexpr std::uint32_t name_events =
    IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF;
constexpr std::uint32_t lost_events = IN_Q_OVERFLOW | IN_IGNORED | IN_UNMOUNT;
/// A busy file makes one event a write; after this many paths the poll does the rest.
constexpr std::size_t max_written = 4096;

} // namespace

directory_watcher::directory_watcher(std::function<void()> on_change)
    : inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)), stop_(::eventfd(0, EFD_CLOEXEC)),
      on_change_(std::move(on_change)) {
  if (inotify_)
    thread_ = std::thread([this] { run(); });
}

directory_watcher::~directory_watcher() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(stop_.get(), &one, sizeof one);
  if (thread_.joinable())
    thread_.join();
}

void directory_watcher::watch(const std::vector<std::string>& folders) {
  if (!inotify_)
    return;
  const std::lock_guard lock(mutex_);
  for (auto at = folders_.begin(); at != folders_.end();) {
    const bool wanted = std::find(folders.begin(), folders.end(), at->second) != folders.end();
    if (!wanted)
      ::inotify_rm_watch(inotify_.get(), at->first);
    at = wanted ? std::next(at) : folders_.erase(at);
  }
  for (const auto& folder : folders) {
    const int watch = ::inotify_add_watch(inotify_.get(), folder.c_str(), IN_MODIFY | name_events | IN_ONLYDIR);
    if (watch >= 0)
      folders_[watch] = folder;
  }
}

directory_changes directory_watcher::take() {
  const std::lock_guard lock(mutex_);
  told_ = false;
  return std::exchange(changes_, {});
}

void directory_watcher::run() {
  alignas(inotify_event) std::array<char, 64 * 1024> events;
  for (;;) {
    std::array<pollfd, 2> waits{{{inotify_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    ::poll(waits.data(), waits.size(), -1);
    if (waits[1].revents != 0)
      return;
    const auto got = ::read(inotify_.get(), events.data(), events.size());
    if (got > 0)
      note(events.data(), static_cast<std::size_t>(got));
  }
}

void directory_watcher::note(const char* events, std::size_t size) {
  bool tell = false;
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t at = 0; at + sizeof(inotify_event) <= size;) {
      inotify_event event;
      std::memcpy(&event, events + at, sizeof event);
      const char* name = events + at + sizeof event;
      at += sizeof event + event.len;
      changes_.names_changed = changes_.names_changed || (event.mask & (name_events | lost_events)) != 0;
      const auto folder = folders_.find(event.wd);
      if ((event.mask & IN_MODIFY) != 0 && folder != folders_.end() && event.len > 0 &&
          changes_.written.size() < max_written)
        changes_.written.insert(folder->second + (folder->second == "/" ? "" : "/") + name);
    }
    tell = !std::exchange(told_, true);
  }
  if (tell)
    on_change_();
}

} // namespace soc::sources
