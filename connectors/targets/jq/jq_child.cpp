#include "connectors/targets/jq/jq_child.hpp"

#include "base/result.hpp"

#include <nlohmann/json.hpp>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

extern "C" {
#include <jq.h>
}

extern char** environ;

namespace soc::targets {

namespace {

using nlohmann::json;

constexpr std::size_t memory_bytes = 64U << 20;
constexpr std::size_t most_programs = 64, most_values = 10'000, most_answer_bytes = 4U << 20;
constexpr rlim_t cpu_s = 5; ///< for one whose parent died while it ran; the parent itself waits less long

void note_error(void* into, jv message) {
  auto& text = *static_cast<std::string*>(into);
  if (text.empty() && jv_get_kind(message) == JV_KIND_STRING)
    text = jv_string_value(message);
  jv_free(message);
}

/// Compiled programs: compiling takes far longer than running.
class jq_programs_kept {
public:
  jq_state* get(const std::string& program, std::string& error) {
    if (const auto at = known_.find(program); at != known_.end()) {
      jq_set_error_cb(at->second, note_error, &error);
      return at->second;
    }
    if (known_.size() >= most_programs) {
      jq_teardown(&known_.begin()->second);
      known_.erase(known_.begin());
    }
    jq_state* made = jq_init();
    if (made == nullptr)
      return nullptr;
    jq_set_error_cb(made, note_error, &error);
    jq_set_attr(made, jv_string("JQ_LIBRARY_PATH"), jv_array());
    if (jq_compile(made, program.c_str()) == 0) {
      jq_teardown(&made);
      return nullptr;
    }
    return known_[program] = made;
  }

private:
  std::map<std::string, jq_state*> known_;
};

json failed(ec code, std::string why) {
  return {{"code", static_cast<int>(code)}, {"error", std::move(why)}};
}

json error_of(jv value) {
  jv message = jv_invalid_get_msg(value);
  std::string text = "the program failed";
  if (jv_get_kind(message) == JV_KIND_STRING) {
    text = jv_string_value(message);
    jv_free(message);
  } else {
    jv dumped = jv_dump_string(message, 0);
    text = jv_string_value(dumped);
    jv_free(dumped);
  }
  return failed(ec::invalid_input, text);
}

json values_of(jq_state* program, const std::string& input) {
  jv parsed = jv_parse_sized(input.data(), static_cast<int>(input.size()));
  if (!jv_is_valid(parsed))
    return error_of(parsed);
  jq_start(program, parsed, 0);
  json out = json::array();
  std::size_t bytes = 0;
  for (;;) {
    jv value = jq_next(program);
    if (!jv_is_valid(value)) {
      if (jv_invalid_has_msg(jv_copy(value)) != 0)
        return error_of(value);
      jv_free(value);
      return {{"values", std::move(out)}};
    }
    jv text = jv_dump_string(value, 0);
    const std::string dumped(jv_string_value(text), static_cast<std::size_t>(jv_string_length_bytes(jv_copy(text))));
    jv_free(text);
    bytes += dumped.size();
    if (out.size() >= most_values || bytes > most_answer_bytes)
      return failed(ec::too_large, "the program gives too much");
    out.push_back(json::parse(dumped, nullptr, false));
  }
}

json answer_to(const std::string& request, jq_programs_kept& programs) {
  const auto asked = json::parse(request, nullptr, false);
  std::string error;
  const bool only_check = asked.contains("check");
  auto* program = programs.get(asked.value(only_check ? "check" : "program", ""), error);
  if (program == nullptr)
    return failed(ec::invalid_input, error.empty() ? "it is no jq program" : error);
  return only_check ? json{{"values", json::array()}} : values_of(program, asked.value("input", ""));
}

bool read_all(int from, char* into, std::size_t size) {
  while (size > 0) {
    const auto got = ::read(from, into, size);
    if (got <= 0)
      return false;
    into += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

bool write_all(int to, const char* bytes, std::size_t size) {
  while (size > 0) {
    const auto put = ::write(to, bytes, size);
    if (put <= 0)
      return false;
    bytes += put;
    size -= static_cast<std::size_t>(put);
  }
  return true;
}

/// Resident pages of this process; only system calls, for a signal handler uses it.
long resident_pages() {
  char text[128];
  const int fd = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  const auto got = fd < 0 ? -1 : ::read(fd, text, sizeof text - 1);
  if (fd >= 0)
    ::close(fd);
  if (got <= 0)
    return 0;
  text[got] = '\0';
  const char* second = std::strchr(text, ' ');
  return second == nullptr ? 0 : std::strtol(second + 1, nullptr, 10);
}

long most_pages = 0;

void look_at_memory(int) {
  if (resident_pages() > most_pages)
    _exit(1);
}

/// What a fork has from its parent doesn't count, and an allocator may have reserved far more addresses than it uses:
/// so the pages really held are looked at, a hundred times a second while a program runs.
void limit_memory() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  most_pages = resident_pages() + static_cast<long>(memory_bytes) / sysconf(_SC_PAGESIZE);
  struct sigaction action {};
  action.sa_handler = look_at_memory;
  action.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &action, nullptr);
}

void watch_memory(bool on) {
  const itimerval every{{0, on ? 10'000 : 0}, {0, on ? 10'000 : 0}};
  setitimer(ITIMER_REAL, &every, nullptr);
}

void limit_time() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto until = static_cast<rlim_t>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + cpu_s;
  const rlimit cpu{until, RLIM_INFINITY};
  setrlimit(RLIMIT_CPU, &cpu);
}

} // namespace

void serve_jq(int socket) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGABRT, SIGPIPE, SIGALRM})
    std::signal(signal, SIG_DFL);
  sigset_t none_blocked;
  sigemptyset(&none_blocked);
  sigprocmask(SIG_SETMASK, &none_blocked, nullptr);
  static char* no_environment[] = {nullptr};
  environ =
      no_environment; // a program must not see what secrets are passed in; jq reads environ, which clearenv makes null
  limit_memory();
  jq_programs_kept programs;
  for (;;) {
    std::uint32_t size = 0;
    if (!read_all(socket, reinterpret_cast<char*>(&size), sizeof size))
      _exit(0);
    std::string request(size, '\0');
    if (!read_all(socket, request.data(), request.size()))
      _exit(0);
    limit_time();
    watch_memory(true);
    const auto answer = answer_to(request, programs).dump(-1, ' ', false, json::error_handler_t::replace);
    watch_memory(false);
    size = static_cast<std::uint32_t>(answer.size());
    if (!write_all(socket, reinterpret_cast<const char*>(&size), sizeof size) ||
        !write_all(socket, answer.data(), answer.size()))
      _exit(0);
  }
}

} // namespace soc::targets
