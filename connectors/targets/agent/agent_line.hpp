// targets/agent/agent_line.hpp - one NATS connection for orders: the node asks over it, an agent serves on it. Blocking
// calls with time-outs; reconnects for ever. Thread-safe.
#pragma once
#include "base/result.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace soc::targets {

struct agent_line_options {
  std::string urls; ///< separated by commas
  std::string user, password, credentials_file, nkey_seed_file, tls_ca, tls_certificate, tls_key;
  std::string name = "soc";
};

class agent_line {
public:
  static result<std::shared_ptr<agent_line>> connect(const agent_line_options& options);
  ~agent_line();

  /// not_found: nobody listens there; timed_out: somebody may have got it.
  result<std::string> ask(const std::string& subject, const std::string& payload, std::chrono::milliseconds limit);
  /// Answers each message with what `on_message` gives, one after the other, until `stop` says so.
  outcome serve(const std::string& subject, const std::function<std::string(const std::string&)>& on_message,
                const std::function<bool()>& stop);

private:
  struct connection;
  explicit agent_line(std::unique_ptr<connection> c);
  std::unique_ptr<connection> connection_;
};

} // namespace soc::targets
