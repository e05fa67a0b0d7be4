#include "connectors/targets/agent/evidence.hpp"

#include "base/hash.hpp"
#include "connectors/targets/agent/file_actions.hpp"
#include "connectors/targets/agent/process_actions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

namespace soc::targets {

namespace fs = std::filesystem;
using nlohmann::json;
using answer_kind = agent_answer::kind;

namespace {

constexpr std::size_t most_rows = 5000, most_file_bytes = 1U << 20, most_answer_bytes = 256U << 10;

json processes_now() {
  json out = json::array();
  for (const auto& p : all_processes())
    if (out.size() < most_rows)
      out.push_back({{"pid", p.pid},
                     {"parent", p.parent},
                     {"started_at", format_rfc3339(p.started_at)},
                     {"name", p.name},
                     {"program", p.program},
                     {"command_line", p.command_line},
                     {"user", p.user}});
  return out;
}

/// "0100007F:1F90" of /proc/net/tcp: bytes of each 32-bit word in the machine's order.
std::string address_text(const std::string& hex) {
  const auto colon = hex.find(':');
  if (colon == std::string::npos)
    return hex;
  const auto byte = [&](std::size_t at) { return std::stoi(hex.substr(at, 2), nullptr, 16); };
  std::string out;
  for (std::size_t word = 0; word + 8 <= colon; word += 8)
    for (int i = 3; i >= 0; --i)
      out += colon == 8 ? fmt::format("{}{}", out.empty() ? "" : ".", byte(word + static_cast<std::size_t>(i) * 2))
                        : fmt::format("{:02x}", byte(word + static_cast<std::size_t>(i) * 2));
  return fmt::format("{} port {}", out, std::stoi(hex.substr(colon + 1), nullptr, 16));
}

json connections_now() {
  json out = json::array();
  for (const auto* protocol : {"tcp", "tcp6", "udp", "udp6"}) {
    std::ifstream in(fmt::format("/proc/net/{}", protocol));
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line) && out.size() < most_rows) {
      std::istringstream words(line);
      std::string slot, local, remote, state;
      words >> slot >> local >> remote >> state;
      out.push_back(
          {{"protocol", protocol}, {"local", address_text(local)}, {"remote", address_text(remote)}, {"state", state}});
    }
  }
  return out;
}

json file_facts(const fs::path& path) {
  struct stat s {};
  if (::lstat(path.c_str(), &s) != 0)
    return nullptr;
  return {{"path", path.string()},
          {"mode", s.st_mode & 07777},
          {"uid", s.st_uid},
          {"size", s.st_size},
          {"changed_at", format_rfc3339(s.st_ctim.tv_sec * ns_per_s)},
          {"sha256", S_ISREG(s.st_mode) ? sha256_of_file(path) : ""}};
}

/// Where things are made to start again: cron, units, profiles, keys, preloads.
json persistence_now() {
  json out = json::array();
  std::vector<fs::path> places{"/etc/crontab",  "/etc/ld.so.preload",         "/etc/rc.local",
                               "/etc/profile",  "/root/.ssh/authorized_keys", "/root/.bashrc",
                               "/root/.profile"};
  std::error_code error;
  for (const auto* folder : {"/etc/cron.d", "/etc/cron.hourly", "/etc/cron.daily", "/var/spool/cron/crontabs",
                             "/etc/systemd/system", "/etc/profile.d", "/etc/init.d"})
    for (const auto& entry : fs::directory_iterator(folder, fs::directory_options::skip_permission_denied, error))
      places.push_back(entry.path());
  for (const auto& home : fs::directory_iterator("/home", fs::directory_options::skip_permission_denied, error))
    for (const auto* name : {".ssh/authorized_keys", ".bashrc", ".profile"})
      places.push_back(home.path() / name);
  for (const auto& place : places)
    if (auto facts = file_facts(place); !facts.is_null() && out.size() < most_rows)
      out.push_back(std::move(facts));
  return out;
}

/// Up to the end of the file, or as much as is kept.
std::string bytes_of(int fd) {
  std::string out(most_file_bytes, '\0');
  std::size_t size = 0;
  ssize_t got = 0;
  while (size < out.size() && (got = ::read(fd, out.data() + size, out.size() - size)) > 0)
    size += static_cast<std::size_t>(got);
  out.resize(size);
  return out;
}

/// Whoever can put a link or a pipe there must not have the agent read another file, or wait forever.
json file_content(const std::string& path) {
  auto out = file_facts(path);
  if (out.is_null())
    return {{"path", path}, {"missing", true}};
  const int fd = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0 && errno != ELOOP && errno != ENXIO) {
    out["not_read"] = fmt::format("it can't be opened: {}", std::strerror(errno));
    return out;
  }
  struct stat opened {};
  if (fd >= 0 && ::fstat(fd, &opened) == 0 && S_ISREG(opened.st_mode)) {
    std::string hex;
    for (const char c : bytes_of(fd))
      hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
    out["hex"] = std::move(hex);
  } else {
    out["not_read"] = "it is no regular file";
  }
  if (fd >= 0)
    ::close(fd);
  return out;
}

} // namespace

agent_answer collect_evidence(const std::vector<std::string>& what, const std::string& path, const std::string& key,
                              const fs::path& folder) {
  const auto wanted = [&](const char* name) {
    return what.empty() || std::find(what.begin(), what.end(), name) != what.end();
  };
  json found{{"time", format_rfc3339(system_clock_source().now())}};
  if (wanted("processes"))
    found["processes"] = processes_now();
  if (wanted("connections"))
    found["connections"] = connections_now();
  if (wanted("persistence"))
    found["persistence"] = persistence_now();
  if (!path.empty())
    found["file"] = file_content(path);
  std::error_code error;
  fs::create_directories(folder, error);
  fs::permissions(folder, fs::perms::owner_all, error);
  const auto file = folder / (to_hex(hash128(key)) + ".json");
  const auto text = found.dump(1, ' ', false, json::error_handler_t::replace);
  if (!(std::ofstream(file, std::ios::binary) << text).flush())
    return {answer_kind::failed, {}, "the evidence can't be written"};
  json counts = json::object();
  for (const auto& item : found.items())
    if (item.value().is_array())
      counts[item.key()] = item.value().size();
  json output{
      {"file", file.string()}, {"sha256", sha256_of_file(file)}, {"bytes", text.size()}, {"counts", std::move(counts)}};
  if (text.size() <= most_answer_bytes)
    output["collected"] = std::move(found);
  return {answer_kind::done, std::move(output), ""};
}

} // namespace soc::targets
