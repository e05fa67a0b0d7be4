#include "connectors/targets/agent/process_actions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <poll.h>
#include <sstream>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace soc::targets {

namespace fs = std::filesystem;

namespace {

constexpr unix_ns same_start_ns = 2 * ns_per_s;
constexpr int most_rounds = 20;
constexpr int death_wait_ms = 2000;
using answer_kind = agent_answer::kind;

std::string file_text(const std::string& path, std::size_t most = 4096) {
  std::ifstream in(path, std::ios::binary);
  std::string out(most, '\0');
  in.read(out.data(), static_cast<std::streamsize>(most));
  out.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, in.gcount())));
  return out;
}

/// When the machine was booted; /proc gives start times from there.
unix_ns boot_time_ns() {
  std::ifstream in("/proc/stat");
  for (std::string word; in >> word;)
    if (word == "btime") {
      std::int64_t seconds = 0;
      in >> seconds;
      return seconds * ns_per_s;
    }
  return 0;
}

/// Open as long as the process is meant; no other can get in its place.
class pid_handle {
public:
  explicit pid_handle(int pid) : fd_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {}
  ~pid_handle() {
    if (fd_ >= 0)
      ::close(fd_);
  }
  pid_handle(const pid_handle&) = delete;
  explicit operator bool() const { return fd_ >= 0; }
  bool send(int signal) const { return syscall(SYS_pidfd_send_signal, fd_, signal, nullptr, 0) == 0; }
  bool ended_within(int ms) const {
    pollfd watched{fd_, POLLIN, 0};
    return ::poll(&watched, 1, ms) > 0;
  }

private:
  int fd_;
};

std::set<int> own_line() {
  std::set<int> out{1};
  for (int pid = ::getpid(); pid > 1;) {
    out.insert(pid);
    const auto facts = process_of(pid);
    pid = facts ? facts->parent : 0;
  }
  return out;
}

/// Why this process is not to be ended; empty: it may be.
std::string spared_because(const process_facts& p, const process_rules& rules, const std::set<int>& own) {
  if (own.contains(p.pid))
    return "it is the agent itself or what runs it";
  if (p.program.empty() && p.command_line.empty())
    return "it is of the kernel";
  return rules.spared.contains(p.name) ? fmt::format("'{}' is never ended here", p.name) : std::string{};
}

/// The ids below `root`, parents first.
std::vector<int> below(int root, const std::vector<process_facts>& all) {
  std::vector<int> out{root};
  for (std::size_t i = 0; i < out.size(); ++i)
    for (const auto& p : all)
      if (p.parent == out[i] && std::find(out.begin(), out.end(), p.pid) == out.end())
        out.push_back(p.pid);
  return out;
}

struct stopped_tree {
  std::map<int, std::unique_ptr<pid_handle>> handles;
  std::vector<std::string> spared;
};

/// Stops the process, and with `whole` all that descend from it, until no new ones turn up.
stopped_tree stop_tree(const process_name& root, bool whole, const process_rules& rules, const std::set<int>& own) {
  stopped_tree out;
  std::set<int> seen;
  for (int round = 0; round < most_rounds; ++round) {
    const auto all = whole ? all_processes() : std::vector<process_facts>{};
    bool grew = false;
    for (const int pid : below(root.pid, all)) {
      if (!seen.insert(pid).second)
        continue;
      grew = true;
      auto handle = std::make_unique<pid_handle>(pid);
      const auto facts = process_of(pid);
      if (!*handle || !facts || (pid == root.pid && !is_same(*facts, root)))
        continue;
      if (const auto why = spared_because(*facts, rules, own); !why.empty()) {
        out.spared.push_back(fmt::format("{}: {}", pid, why));
        continue;
      }
      handle->send(SIGSTOP);
      out.handles.emplace(pid, std::move(handle));
    }
    if (!grew)
      break;
  }
  return out;
}

} // namespace

std::optional<process_facts> process_of(int pid) {
  const auto base = fmt::format("/proc/{}", pid);
  const auto stat = file_text(base + "/stat");
  const auto open = stat.find('('), close = stat.rfind(')');
  if (open == std::string::npos || close == std::string::npos)
    return std::nullopt;
  process_facts out;
  out.pid = pid;
  out.name = stat.substr(open + 1, close - open - 1);
  std::istringstream rest(stat.substr(close + 1));
  std::string state;
  rest >> state >> out.parent;
  if (state == "Z" || state == "X") // ended: only its parent has not looked yet
    return std::nullopt;
  std::string skipped;
  for (int i = 0; i < 17; ++i) // to field 22 of proc(5)
    rest >> skipped;
  std::int64_t ticks = 0;
  rest >> ticks;
  static const std::int64_t per_second = sysconf(_SC_CLK_TCK);
  out.started_at = boot_time_ns() + ticks * (ns_per_s / per_second);
  out.command_line = file_text(base + "/cmdline");
  std::replace(out.command_line.begin(), out.command_line.end(), '\0', ' ');
  std::error_code none;
  out.program = fs::read_symlink(base + "/exe", none).string();
  struct stat owner {};
  if (::stat(base.c_str(), &owner) == 0)
    out.user = static_cast<int>(owner.st_uid);
  return out;
}

std::vector<process_facts> all_processes() {
  std::vector<process_facts> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const auto name = entry.path().filename().string();
    int pid = 0;
    const auto [end, wrong] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (wrong == std::errc{} && end == name.data() + name.size())
      if (auto facts = process_of(pid))
        out.push_back(std::move(*facts));
  }
  return out;
}

std::optional<process_name> read_process_name(const std::string& text) {
  process_name out;
  const auto* last = text.data() + text.size();
  const auto [end, wrong] = std::from_chars(text.data(), last, out.pid);
  if (wrong != std::errc{} || out.pid <= 0 || (end != last && *end != '|'))
    return std::nullopt;
  const std::string start = end == last ? "" : std::string(end + 1, last);
  if (start.empty())
    return out;
  if (const auto time = parse_rfc3339(start)) {
    out.started_at = *time;
    return out;
  }
  std::int64_t number = 0;
  const auto [stop, error] = std::from_chars(start.data(), start.data() + start.size(), number);
  const bool fraction = error == std::errc{} && stop != start.data() + start.size() && *stop == '.';
  if (error != std::errc{} || number <= 0 || (stop != start.data() + start.size() && !fraction))
    return std::nullopt;
  // Seconds, milliseconds, microseconds or nanoseconds since 1970: their sizes don't overlap for a thousand years.
  out.started_at = number < 100'000'000'000           ? number * ns_per_s
                   : number < 100'000'000'000'000     ? number * ns_per_ms
                   : number < 100'000'000'000'000'000 ? number * 1000
                                                      : number;
  return out;
}

bool can_be_told(const process_name& meant) {
  return meant.started_at != 0 || meant.seen_at != 0;
}

bool is_same(const process_facts& now, const process_name& meant) {
  if (now.pid != meant.pid)
    return false;
  if (meant.started_at == 0)
    return meant.seen_at != 0 && now.started_at <= meant.seen_at + same_start_ns;
  const auto apart = now.started_at - meant.started_at;
  return apart <= same_start_ns && apart >= -same_start_ns;
}

agent_answer kill_process(const process_name& meant, bool whole_tree, const process_rules& rules) {
  if (!can_be_told(meant))
    return {answer_kind::refused,
            {},
            "without its start time, or when it was seen, a process can't be told from a later one with the same id"};
  const auto facts = process_of(meant.pid);
  const nlohmann::json none = {{"killed", nlohmann::json::array()}, {"gone", true}};
  if (!facts)
    return {answer_kind::done, none, "it is gone already"};
  if (!is_same(*facts, meant))
    return {answer_kind::done, none, "it is gone; another process has its id now"};
  const auto own = own_line();
  if (const auto why = spared_because(*facts, rules, own); !why.empty())
    return {answer_kind::refused, {}, why};
  const auto tree = stop_tree(meant, whole_tree, rules, own);
  nlohmann::json killed = nlohmann::json::array();
  bool all_gone = true;
  for (const auto& [pid, one] : tree.handles)
    one->send(SIGKILL);
  for (const auto& [pid, one] : tree.handles) {
    all_gone = one->ended_within(death_wait_ms) && all_gone;
    killed.push_back(pid);
  }
  nlohmann::json output{{"killed", std::move(killed)},
                        {"gone", all_gone},
                        {"program", facts->program},
                        {"command_line", facts->command_line}};
  if (!tree.spared.empty())
    output["spared"] = tree.spared;
  return {all_gone ? answer_kind::done : answer_kind::failed, std::move(output), all_gone ? "" : "it doesn't end"};
}

} // namespace soc::targets
