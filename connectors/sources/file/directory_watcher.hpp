// sources/file/directory_watcher.hpp - inotify on folders: says quickly that something changed, from a thread of its
// own. A hint only: whoever uses it looks at the files every now and then as well (network file systems, full watch
// tables).
#pragma once
#include "connectors/sources/common/descriptor.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace soc::sources {

/// What happened since it was last taken.
struct directory_changes {
  std::set<std::string> written; ///< paths with new content
  bool names_changed = false;    ///< created, renamed or removed files; or events were lost
};

class directory_watcher {
public:
  /// `on_change` is called from the watcher's thread, once until take() is called.
  explicit directory_watcher(std::function<void()> on_change);
  ~directory_watcher();

  /// Watches these folders and no others. Those that can't be watched are left out.
  void watch(const std::vector<std::string>& folders);
  directory_changes take();
  bool works() const { return static_cast<bool>(inotify_); }

private:
  void run();
  void note(const char* events, std::size_t size);

  descriptor inotify_, stop_;
  std::function<void()> on_change_;
  std::mutex mutex_; ///< guards what follows
  std::map<int, std::string> folders_;
  directory_changes changes_;
  bool told_ = false;
  std::thread thread_;
};

} // namespace soc::sources
