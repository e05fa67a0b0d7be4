#include "transport/child_process.hpp"

#include <caf/send.hpp>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <future>
#include <linux/close_range.h>
#include <mutex>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace soc::transport {

namespace {

constexpr int inherited_lock_fd = 3;

failure process_failure(const std::string& doing) {
  return {ec::io_error, doing + ": " + std::strerror(errno)};
}

std::uint64_t next_child_number() {
  static std::atomic<std::uint64_t> last{0}; // only uniqueness within the process matters
  return ++last;
}

/// What the child needs, made before the fork: after it only async-signal-safe calls are allowed.
struct prepared_child {
  std::string program, output;
  std::vector<std::string> arguments;
  std::vector<char*> argv;
  int lock_fd = -1;
  pid_t parent = 0;
};

[[noreturn]] void become_child(const prepared_child& child) {
  constexpr int exit_not_started = 127;
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != child.parent)
    _exit(exit_not_started); // the node died between fork and prctl
  setpgid(0, 0);             // Ctrl-C at the node's terminal is for the node
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const int out = open(child.output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
  dup2(in, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(out, STDERR_FILENO);
  if (child.lock_fd == inherited_lock_fd)
    fcntl(inherited_lock_fd, F_SETFD, 0);
  else if (child.lock_fd >= 0)
    dup2(child.lock_fd, inherited_lock_fd);
  close_range(child.lock_fd >= 0 ? inherited_lock_fd + 1 : inherited_lock_fd, ~0U, CLOSE_RANGE_CLOEXEC);
  execv(child.program.c_str(), child.argv.data());
  _exit(exit_not_started);
}

} // namespace

file_lock::file_lock(file_lock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

file_lock& file_lock::operator=(file_lock&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0)
      close(fd_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

file_lock::~file_lock() {
  if (fd_ >= 0)
    close(fd_);
}

result<file_lock> file_lock::take(const std::filesystem::path& file) {
  file_lock out;
  out.fd_ = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (out.fd_ < 0)
    return process_failure(file.string());
  if (flock(out.fd_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      return failure{ec::refused, file.string() + " is held by another process"};
    return process_failure(file.string());
  }
  return out;
}

std::string describe_exit(int wait_status) {
  if (WIFSIGNALED(wait_status))
    return "signal " + std::to_string(WTERMSIG(wait_status));
  return "exit status " + std::to_string(WEXITSTATUS(wait_status));
}

struct child_process::shared {
  std::mutex mutex; ///< guards what follows
  std::condition_variable changed;
  caf::actor watcher;
  std::uint64_t number = 0;
  pid_t pid = 0;
  bool ended = false;
  std::thread keeper;

  /// The keeper: the child gets its death signal when this thread ends, which is after the child.
  static void keep(const std::shared_ptr<shared>& self, prepared_child child, file_lock lock,
                   std::filesystem::path pid_file, std::promise<outcome> started) {
    child.lock_fd = lock.descriptor();
    child.parent = getpid();
    const pid_t pid = fork();
    if (pid == 0)
      become_child(child);
    lock = {}; // the child alone holds it now
    if (pid < 0) {
      self->end("could not start");
      started.set_value(process_failure("fork"));
      return;
    }
    {
      const std::lock_guard guard(self->mutex);
      self->pid = pid;
    }
    if (!pid_file.empty())
      std::ofstream(pid_file) << pid << '\n';
    started.set_value(done{});
    int status = 0;
    while (true) {
      siginfo_t info{};
      if (waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) == 0 || errno != EINTR)
        break;
    }
    // Reaped under the lock: nobody signals a pid that is free again.
    const std::lock_guard guard(self->mutex);
    waitpid(pid, &status, 0);
    self->end_locked(describe_exit(status));
  }

  void end(const std::string& how) {
    const std::lock_guard guard(mutex);
    end_locked(how);
  }

  void end_locked(const std::string& how) {
    ended = true;
    changed.notify_all();
    if (watcher)
      caf::anon_send(watcher, child_ended{number, how});
    watcher = nullptr;
  }

  void signal(int what) {
    const std::lock_guard guard(mutex);
    if (pid > 0 && !ended)
      kill(pid, what);
  }

  bool wait(std::chrono::milliseconds span) {
    std::unique_lock guard(mutex);
    return changed.wait_for(guard, span, [this] { return ended; });
  }
};

result<std::unique_ptr<child_process>> child_process::start(const child_command& command, caf::actor watcher,
                                                            std::chrono::milliseconds stop_timeout) {
  file_lock lock;
  if (!command.lock.empty()) {
    auto taken = file_lock::take(command.lock);
    if (!taken)
      return taken.error();
    lock = std::move(*taken);
  }
  prepared_child child;
  child.program = command.program.string();
  child.output = command.output.empty() ? "/dev/null" : command.output.string();
  child.arguments.push_back(command.program.filename().string());
  child.arguments.insert(child.arguments.end(), command.arguments.begin(), command.arguments.end());
  for (auto& argument : child.arguments)
    child.argv.push_back(argument.data());
  child.argv.push_back(nullptr);
  auto state = std::make_shared<shared>();
  state->watcher = std::move(watcher);
  state->number = next_child_number();
  std::promise<outcome> started;
  auto answer = started.get_future();
  const auto number = state->number;
  // argv points into `arguments`, whose elements do not move with the vector.
  state->keeper =
      std::thread(shared::keep, state, std::move(child), std::move(lock), command.pid_file, std::move(started));
  std::unique_ptr<child_process> out(new child_process(std::move(state), number, stop_timeout));
  if (auto fine = answer.get(); !fine)
    return fine.error();
  return out;
}

child_process::child_process(std::shared_ptr<shared> state, std::uint64_t number,
                             std::chrono::milliseconds stop_timeout)
    : shared_(std::move(state)), number_(number), stop_timeout_(stop_timeout) {}

child_process::~child_process() {
  {
    const std::lock_guard guard(shared_->mutex);
    shared_->watcher = nullptr;
  }
  shared_->signal(SIGTERM);
  if (!shared_->wait(stop_timeout_)) {
    shared_->signal(SIGKILL);
    shared_->wait(stop_timeout_);
  }
  shared_->keeper.join();
}

int child_process::pid() const {
  const std::lock_guard guard(shared_->mutex);
  return shared_->pid;
}

} // namespace soc::transport
