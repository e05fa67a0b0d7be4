#include "connectors/targets/nftables/command.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace soc::targets {

namespace {

constexpr std::size_t max_output_bytes = 64U << 20;

/// Both ends of a pipe, closed with it; close-on-exec, so that no other child inherits them.
struct pipe_pair {
  int ends[2] = {-1, -1};
  pipe_pair() {
    if (pipe2(ends, O_CLOEXEC) != 0)
      ends[0] = ends[1] = -1;
  }
  ~pipe_pair() {
    close_end(0);
    close_end(1);
  }
  pipe_pair(const pipe_pair&) = delete;
  bool good() const { return ends[0] >= 0; }
  void close_end(int which) {
    if (ends[which] >= 0)
      ::close(ends[which]);
    ends[which] = -1;
  }
};

/// Reads what there is; closes the end at its end.
void drain_pipe(pipe_pair& from, std::string& into) {
  char buffer[16384];
  const auto got = ::read(from.ends[0], buffer, sizeof buffer);
  if (got > 0 && into.size() < max_output_bytes)
    into.append(buffer, static_cast<std::size_t>(got));
  if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
    from.close_end(0);
}

void feed_pipe(pipe_pair& to, const std::string& input, std::size_t& written) {
  const auto put = ::write(to.ends[1], input.data() + written, input.size() - written);
  if (put > 0)
    written += static_cast<std::size_t>(put);
  if (written == input.size() || (put < 0 && errno != EINTR && errno != EAGAIN))
    to.close_end(1);
}

/// Moves bytes until the child has closed its ends; false when the time is up first.
bool exchange(pipe_pair& in, pipe_pair& out, pipe_pair& err, const std::string& input, command_result& result,
              std::chrono::steady_clock::time_point deadline) {
  std::size_t written = 0;
  fcntl(in.ends[1], F_SETFL, O_NONBLOCK);
  if (input.empty())
    in.close_end(1);
  while (out.ends[0] >= 0 || err.ends[0] >= 0) {
    pollfd watched[3] = {{out.ends[0], POLLIN, 0}, {err.ends[0], POLLIN, 0}, {in.ends[1], POLLOUT, 0}};
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0)
      return false;
    if (::poll(watched, 3, static_cast<int>(left)) < 0 && errno != EINTR)
      return false;
    if (watched[0].revents != 0)
      drain_pipe(out, result.output);
    if (watched[1].revents != 0)
      drain_pipe(err, result.errors);
    if (watched[2].revents != 0 && in.ends[1] >= 0)
      feed_pipe(in, input, written);
  }
  return true;
}

} // namespace

result<command_result> run_command(const std::vector<std::string>& arguments, const std::string& input,
                                   std::chrono::milliseconds limit) {
  pipe_pair in, out, err;
  if (!in.good() || !out.good() || !err.good())
    return failure{ec::unavailable, "no pipe"};
  std::vector<char*> argv;
  for (const auto& argument : arguments)
    argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.ends[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out.ends[1], 1);
  posix_spawn_file_actions_adddup2(&actions, err.ends[1], 2);
  pid_t child = 0;
  const int error = posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0)
    return failure{ec::unavailable, arguments[0] + " did not start: " + std::strerror(error)};
  in.close_end(0);
  out.close_end(1);
  err.close_end(1);
  command_result result;
  const bool whole = exchange(in, out, err, input, result, std::chrono::steady_clock::now() + limit);
  if (!whole)
    ::kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!whole)
    return failure{ec::timed_out, arguments[0] + " was killed: no answer in time"};
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

} // namespace soc::targets
