#include "transport/nats_server_child.hpp"

#include <nlohmann/json.hpp>

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <netinet/in.h>
#include <sstream>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace soc::transport {

namespace fs = std::filesystem;

namespace {

failure site_failure(const std::string& doing) {
  return {ec::io_error, doing + ": " + std::strerror(errno)};
}

/// Replaces `path` with a file only its owner can read.
outcome write_private(const fs::path& path, const std::string& text) {
  const auto fresh = path.string() + ".new";
  const int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0)
    return site_failure(fresh);
  const bool written =
      fchmod(fd, 0600) == 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  if (!written || std::rename(fresh.c_str(), path.c_str()) != 0)
    return site_failure(path.string());
  return done{};
}

result<std::string> random_password() {
  std::array<unsigned char, 24> bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    return site_failure("random bytes");
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const auto b : bytes) {
    out.push_back(digits[b >> 4U]);
    out.push_back(digits[b & 15U]);
  }
  return out;
}

result<fs::path> find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    if (access(name.c_str(), X_OK) == 0)
      return fs::absolute(name);
    return failure{ec::not_found, name + " can't be run"};
  }
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "/usr/local/bin:/usr/bin:/bin:/usr/sbin"
                                             : std::string(path) + ":/usr/sbin");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (const auto candidate = fs::path(folder) / name; !folder.empty() && access(candidate.c_str(), X_OK) == 0)
      return fs::absolute(candidate);
  return failure{ec::not_found, name + " is not in PATH (Debian: apt install nats-server)"};
}

/// Binds and lets go: the port found, 0 if `wanted` is taken.
std::uint16_t bindable_port(const std::string& host, std::uint16_t wanted) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return 0;
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); // as the server does: TIME_WAIT is no obstacle
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(wanted);
  if (inet_pton(AF_INET, host.c_str(), &at.sin_addr) != 1)
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  const bool bound = bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0 &&
                     getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) == 0;
  close(fd);
  return bound ? ntohs(at.sin_port) : 0;
}

/// A port that is free now, below those the kernel gives to connections: no client takes it before the server starts,
/// and no connection attempt can be given it as its own end and so reach itself.
std::uint16_t free_port(const std::string& host) {
  constexpr std::uint16_t lowest = 20'000, ports = 12'000;
  constexpr int tries = 64;
  for (int i = 0; i < tries; ++i) {
    std::uint16_t pick = 0;
    if (getrandom(&pick, sizeof pick, 0) != static_cast<ssize_t>(sizeof pick))
      break;
    if (const auto port = bindable_port(host, static_cast<std::uint16_t>(lowest + pick % ports)); port != 0)
      return port;
  }
  return bindable_port(host, 0);
}

/// What an earlier node left: port 0 and no password when there is nothing usable.
struct earlier_endpoint {
  std::uint16_t port = 0;
  std::string password;
};
earlier_endpoint read_endpoint(const fs::path& file) {
  std::ifstream in(file);
  const auto parsed = nlohmann::json::parse(in, nullptr, false);
  earlier_endpoint out;
  if (!parsed.is_object())
    return out;
  if (const auto at = parsed.find("port"); at != parsed.end() && at->is_number_unsigned())
    out.port = at->get<std::uint16_t>();
  if (const auto at = parsed.find("password"); at != parsed.end() && at->is_string())
    out.password = at->get<std::string>();
  return out;
}

/// The pid in `pid_file` if that process is a server of ours: its command line names our configuration. Else 0.
pid_t leftover_pid(const fs::path& pid_file, const fs::path& configuration) {
  long pid = 0;
  std::ifstream(pid_file) >> pid;
  if (pid <= 1)
    return 0;
  std::ifstream in("/proc/" + std::to_string(pid) + "/cmdline", std::ios::binary);
  std::ostringstream line;
  line << in.rdbuf();
  return line.str().find(configuration.string()) != std::string::npos ? static_cast<pid_t>(pid) : 0;
}

/// Takes a lock that its holder may be about to let go of; the last refusal otherwise.
result<file_lock> take_within(const fs::path& lock, std::chrono::milliseconds within) {
  const auto until = std::chrono::steady_clock::now() + within;
  while (true) {
    auto taken = file_lock::take(lock);
    if (taken || taken.error().code != ec::refused || std::chrono::steady_clock::now() >= until)
      return taken;
    std::this_thread::sleep_for(std::chrono::milliseconds(10)); // boot: there are no actors yet
  }
}

/// Ends a server that a killed node left behind. It holds the lock as long as it lives.
outcome stop_leftover(const fs::path& folder, std::chrono::milliseconds stop_timeout) {
  const auto lock = folder / "server.lock";
  if (file_lock::take(lock))
    return done{};
  for (const int signal : {SIGTERM, SIGKILL}) {
    if (const auto pid = leftover_pid(folder / "server.pid", folder / "server.conf"); pid > 0)
      kill(pid, signal);
    if (take_within(lock, stop_timeout))
      return done{};
  }
  return failure{ec::timed_out,
                 "a nats-server of an earlier node still uses " + folder.string() + " and can't be stopped"};
}

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string server_configuration(const nats_server_options& options, const nats_endpoint& endpoint, std::uint16_t port,
                                 const fs::path& folder) {
  std::ostringstream out;
  out << "# Written by the node at each start.\n"
      << "server_name: " << quoted("soc-" + options.node) << "\n"
      << "host: " << quoted(options.host) << "\nport: " << port << "\n"
      << "max_payload: " << options.max_payload_bytes << "\n"
      << "max_pending: 268435456\n"
      << "log_file: " << quoted((folder / "server.log").string()) << "\nlogfile_size_limit: 10485760\n"
      << "jetstream {\n  store_dir: " << quoted((options.data_dir / "jetstream").string()) << "\n";
  if (options.max_store_bytes > 0)
    out << "  max_file_store: " << options.max_store_bytes << "\n";
  out << "}\n";
  if (!endpoint.user.empty())
    out << "authorization { user: " << quoted(endpoint.user) << ", password: " << quoted(endpoint.password)
        << ", timeout: 5 }\n";
  return out.str();
}

} // namespace

result<std::shared_ptr<nats_server_site>> nats_server_site::prepare(const nats_server_options& options) {
  auto site = std::make_shared<nats_server_site>();
  site->options_ = options;
  std::error_code error;
  site->options_.data_dir = fs::absolute(options.data_dir, error);
  site->folder_ = site->options_.data_dir / "nats";
  fs::create_directories(site->folder_, error);
  if (error)
    return failure{ec::io_error, site->folder_.string() + ": " + error.message()};
  fs::permissions(site->folder_, fs::perms::owner_all, error);
  auto binary = find_program(options.binary);
  if (!binary)
    return binary.error();
  site->binary_ = *binary;
  // A child that a node has just forked holds its descriptors until it runs its program.
  auto lock = take_within(site->folder_ / "node.lock", std::chrono::milliseconds(500));
  if (!lock)
    return lock.error().code == ec::refused ? failure{ec::refused, "another node is running with the data directory " +
                                                                       site->options_.data_dir.string()}
                                            : lock.error();
  site->node_lock_ = std::move(*lock);
  if (auto stopped = stop_leftover(site->folder_, options.stop_timeout); !stopped)
    return stopped.error();
  return finish(std::move(site));
}

result<std::shared_ptr<nats_server_site>> nats_server_site::finish(std::shared_ptr<nats_server_site> site) {
  const auto& options = site->options_;
  const auto endpoint_file = options.data_dir / "nats-client.json";
  const auto before = read_endpoint(endpoint_file);
  std::uint16_t port = options.port;
  if (port == 0 && before.port != 0)
    port = bindable_port(options.host, before.port);
  if (port == 0)
    port = free_port(options.host);
  if (port == 0)
    return failure{ec::io_error, "no free port on " + options.host};
  site->endpoint_.url = "nats://" + options.host + ":" + std::to_string(port);
  if (options.authorize) {
    auto password = random_password();
    if (!password)
      return password.error();
    site->endpoint_.user = "soc";
    site->endpoint_.password = before.password.empty() ? *password : before.password;
  }
  const nlohmann::json endpoint{{"url", site->endpoint_.url},
                                {"user", site->endpoint_.user},
                                {"password", site->endpoint_.password},
                                {"port", port}};
  if (auto written = write_private(endpoint_file, endpoint.dump(2) + "\n"); !written)
    return written.error();
  const auto text = server_configuration(options, site->endpoint_, port, site->folder_);
  if (auto written = write_private(site->folder_ / "server.conf", text); !written)
    return written.error();
  return site;
}

nats_options nats_server_site::connect_options() const {
  nats_options out;
  out.urls = {endpoint_.url};
  out.user = endpoint_.user;
  out.password = endpoint_.password;
  out.name = "soc-" + options_.node;
  return out;
}

child_command nats_server_site::command() const {
  child_command out;
  out.program = binary_;
  out.arguments = {"-c", (folder_ / "server.conf").string()};
  out.output = folder_ / "server.out";
  out.lock = folder_ / "server.lock";
  out.pid_file = folder_ / "server.pid";
  return out;
}

std::filesystem::path nats_server_site::log_file() const {
  return folder_ / "server.log";
}

} // namespace soc::transport
