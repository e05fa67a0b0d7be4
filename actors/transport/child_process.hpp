// transport/child_process.hpp - a child process with a keeper thread that starts it, waits for it and tells an actor of
// its end; and a lock file. The child leads its own process group, gets SIGTERM when the keeper thread (so the node)
// dies, and is stopped when the object goes.
#pragma once
#include "base/result.hpp"

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace soc::transport {

/// An flock on a file, held as long as any copy of the descriptor is open - also in a child that inherited it.
class file_lock {
public:
  file_lock() = default;
  file_lock(file_lock&& other) noexcept;
  file_lock& operator=(file_lock&& other) noexcept;
  ~file_lock();
  /// refused when someone else holds it.
  static result<file_lock> take(const std::filesystem::path& file);
  int descriptor() const { return fd_; }

private:
  int fd_ = -1;
};

struct child_command {
  std::filesystem::path program;      ///< absolute
  std::vector<std::string> arguments; ///< without the program's name
  std::filesystem::path output;       ///< stdout and stderr are appended to it
  std::filesystem::path lock;         ///< taken before the start and inherited by the child; empty = none
  std::filesystem::path pid_file;     ///< written with the child's pid; empty = none
};

/// Sent once when the child has ended, or could not be started.
struct child_ended {
  std::uint64_t child = 0; ///< child_process::number
  std::string how;         ///< "exit status 1", "signal 9", "could not start: …"
};

class child_process {
public:
  /// Starts it; `watcher` hears child_ended. refused when the lock is held by a process that is still alive.
  static result<std::unique_ptr<child_process>> start(const child_command& command, caf::actor watcher,
                                                      std::chrono::milliseconds stop_timeout);
  /// SIGTERM, SIGKILL after stop_timeout, and waits for the end. The watcher hears nothing more.
  ~child_process();

  std::uint64_t number() const { return number_; }
  int pid() const;

private:
  struct shared;
  child_process(std::shared_ptr<shared> state, std::uint64_t number, std::chrono::milliseconds stop_timeout);
  std::shared_ptr<shared> shared_;
  std::uint64_t number_;
  std::chrono::milliseconds stop_timeout_;
};

/// "exit status 1" or "signal 9" of a wait status.
std::string describe_exit(int wait_status);

} // namespace soc::transport

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::child_ended)
