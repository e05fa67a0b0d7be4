// transport/nats_server_child.hpp - NATS SERVER CHILD: the nats-server a node runs for itself when it is given no
// other. The node prepares the site (locks, port, credentials, configuration) before it starts actors; the actor runs
// the process, starts it again on the same port when it dies, and stops it when it ends. The process dies with the
// node.
#pragma once
#include "base/result.hpp"
#include "runtime/actor.hpp"
#include "transport/child_process.hpp"
#include "transport/nats_options.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace soc::transport {

struct nats_server_options {
  std::filesystem::path data_dir; ///< the node's; the server's files go to <data>/nats, its store to <data>/jetstream
  std::string binary = "nats-server"; ///< looked up in PATH
  std::string node = "node";          ///< server_name "soc-<node>"
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;           ///< 0 = a free one, kept in the data directory and used again
  bool authorize = true;            ///< a random password, so that other local users are kept out
  std::int64_t max_store_bytes = 0; ///< 0 = the server's own choice (three quarters of what is free)
  std::uint32_t max_payload_bytes = 8U << 20;
  std::chrono::milliseconds stop_timeout{4000}; ///< SIGTERM, then SIGKILL
  std::chrono::milliseconds restart_min{50}, restart_max{5000};
};

/// How to reach the managed server. Also in <data>/nats-client.json (0600: {"url","user","password"}) for the shell.
struct nats_endpoint {
  std::string url, user, password;
};

/// A data directory taken for one server. Holds <data>/nats/node.lock: two nodes never share it. A server left by a
/// node that was killed is stopped first; its lock (inherited by the process) proves whether it is gone.
class nats_server_site {
public:
  /// refused: another node uses this directory; not_found: no nats-server; timed_out: the leftover would not end;
  /// io_error.
  static result<std::shared_ptr<nats_server_site>> prepare(const nats_server_options& options);

  const nats_server_options& options() const { return options_; }
  const nats_endpoint& endpoint() const { return endpoint_; }
  /// What to connect with.
  nats_options connect_options() const;
  child_command command() const;
  std::filesystem::path log_file() const;

private:
  static result<std::shared_ptr<nats_server_site>> finish(std::shared_ptr<nats_server_site> site);

  nats_server_options options_;
  nats_endpoint endpoint_;
  std::filesystem::path folder_, binary_;
  file_lock node_lock_;
};

/// Asks the actor how the server is.
struct nats_server_query {};
struct nats_server_status {
  bool running = false;
  int pid = 0;
  std::uint64_t restarts = 0;
  std::string last_exit; ///< how it ended the last time, empty = never
};
using nats_server_interface = accepts<nats_server_query>;

struct nats_server_state {
  static inline const char* name = "nats_server_child";
  nats_server_state() = default;
  std::unique_ptr<child_process> process;
  nats_server_status status;
  std::chrono::milliseconds next_wait{0};
  std::chrono::steady_clock::time_point started_at;
};
using nats_server_actor = caf::stateful_actor<nats_server_state, observed_actor>;

caf::behavior nats_server_child(nats_server_actor* self, std::shared_ptr<nats_server_site> site);

} // namespace soc::transport

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::nats_server_query)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::nats_server_status)
