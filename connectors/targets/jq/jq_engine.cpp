#include "connectors/targets/jq/jq_engine.hpp"

#include "connectors/targets/jq/jq_child.hpp"

#include <cerrno>
#include <csignal>
#include <ctime>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace soc::targets {

using nlohmann::json;

namespace {

constexpr std::size_t most_input_bytes = 4U << 20;
constexpr std::chrono::seconds longest_queue{5};
using steady = std::chrono::steady_clock;

enum class moved { all, late, gone };

std::chrono::nanoseconds processor_time_of(pid_t child) {
  clockid_t clock{};
  timespec used{};
  if (clock_getcpuclockid(child, &clock) != 0 || clock_gettime(clock, &used) != 0)
    return {};
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

/// What a child may take for one program: processor time, so that a busy machine fails nobody's program, and at the
/// most ten times as long by the clock.
class allowance {
public:
  allowance(pid_t child, std::chrono::milliseconds limit)
      : child_(child), processor_until_(processor_time_of(child) + limit), until_(steady::now() + 10 * limit) {}

  bool used_up() const { return steady::now() >= until_ || processor_time_of(child_) >= processor_until_; }

private:
  pid_t child_;
  std::chrono::nanoseconds processor_until_;
  steady::time_point until_;
};

/// Reads or writes the whole of it within what is allowed.
moved move_all(int socket, char* bytes, std::size_t size, bool out, const allowance& allowed) {
  constexpr int look_every_ms = 20;
  while (size > 0) {
    pollfd watched{socket, static_cast<short>(out ? POLLOUT : POLLIN), 0};
    const int ready = ::poll(&watched, 1, look_every_ms);
    if (ready == 0 && allowed.used_up())
      return moved::late;
    if (ready == 0 || (ready < 0 && errno == EINTR))
      continue;
    const auto done = out ? ::send(socket, bytes, size, MSG_NOSIGNAL) : ::recv(socket, bytes, size, 0);
    if (done < 0 && (errno == EINTR || errno == EAGAIN))
      continue;
    if (done <= 0)
      return moved::gone;
    bytes += done;
    size -= static_cast<std::size_t>(done);
  }
  return moved::all;
}

} // namespace

jq_engine::~jq_engine() {
  stop();
}

outcome jq_engine::start() {
  if (child_ > 0)
    return done{};
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return failure{ec::unavailable, "no socket for jq"};
  // A forked child of a process with threads may use malloc (glibc sees to it) and what needs no lock: libjq does no
  // more.
  child_ = fork();
  if (child_ == 0) {
    constexpr int socket = 3;
    if (dup2(ends[1], socket) != socket)
      _exit(1);
    for (const int fd : {0, 1, 2}) {
      ::close(fd);
      (void)!::open("/dev/null", O_RDWR);
    }
    close_range(socket + 1, ~0U, 0);
    serve_jq(socket);
  }
  ::close(ends[1]);
  if (child_ < 0) {
    ::close(ends[0]);
    return failure{ec::unavailable, "no process for jq"};
  }
  socket_ = ends[0];
  fcntl(socket_, F_SETFL, O_NONBLOCK);
  return done{};
}

void jq_engine::stop() {
  if (child_ <= 0)
    return;
  ::close(socket_);
  ::kill(child_, SIGKILL);
  while (waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
  }
  child_ = socket_ = -1;
}

result<std::string> jq_engine::ask(const std::string& request) {
  std::unique_lock lock(mutex_, longest_queue);
  if (!lock)
    return failure{ec::unavailable, "jq is busy"};
  if (const auto started = start(); !started)
    return started.error();
  const allowance allowed(child_, limit_);
  auto size = static_cast<std::uint32_t>(request.size());
  std::string answer;
  auto went = move_all(socket_, reinterpret_cast<char*>(&size), sizeof size, true, allowed);
  if (went == moved::all)
    went = move_all(socket_, const_cast<char*>(request.data()), request.size(), true, allowed);
  if (went == moved::all)
    went = move_all(socket_, reinterpret_cast<char*>(&size), sizeof size, false, allowed);
  if (went == moved::all) {
    answer.resize(size);
    went = move_all(socket_, answer.data(), answer.size(), false, allowed);
  }
  if (went == moved::all)
    return answer;
  stop();
  if (went == moved::late)
    return failure{ec::timed_out, "the jq program took too long"};
  return failure{ec::too_large, "the jq program took too much memory"};
}

result<json> jq_engine::run(const std::string& program, const json& input) {
  const auto text = input.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() > most_input_bytes)
    return failure{ec::too_large, "too much for a jq program"};
  auto answer = ask(json{{"program", program}, {"input", text}}.dump(-1, ' ', false, json::error_handler_t::replace));
  if (!answer)
    return answer.error();
  auto parsed = json::parse(*answer, nullptr, false);
  if (parsed.is_object() && parsed.contains("values"))
    return std::move(parsed["values"]);
  if (!parsed.is_object())
    return failure{ec::internal, "jq answered with no JSON"};
  return failure{static_cast<ec>(parsed.value("code", 1)), "jq: " + parsed.value("error", "")};
}

outcome jq_engine::check(const std::string& program) {
  auto answer = ask(json{{"check", program}}.dump(-1, ' ', false, json::error_handler_t::replace));
  if (!answer)
    return answer.error();
  const auto parsed = json::parse(*answer, nullptr, false);
  if (parsed.is_object() && parsed.contains("values"))
    return done{};
  return failure{ec::invalid_input, parsed.is_object() ? parsed.value("error", "") : ""};
}

jq_function jq_function_of(std::shared_ptr<jq_engine> engine) {
  return [engine = std::move(engine)](const std::string& program, const json& input) {
    return engine->run(program, input);
  };
}

} // namespace soc::targets
