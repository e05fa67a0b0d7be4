// tools/soc/control_client.hpp - a shell's line to a cluster: one NATS connection, requests to any node, a subscription
// for `tail`. Owned by the shell command; blocking calls with time-outs, for a person or a script waits on them.
#pragma once
#include "base/result.hpp"
#include "transport/nats_options.hpp"
#include "wire/control_wire.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace soc::cli {

class control_client {
public:
  static result<std::unique_ptr<control_client>> connect(const transport::nats_options& options);
  ~control_client();

  /// Asks `node`, or whichever node answers first when it is empty. Fails with closed when `until_stopped` is set
  /// first.
  result<wire::control_reply> ask(const std::string& node, const wire::control_request& request,
                                  std::chrono::milliseconds timeout, const volatile bool& until_stopped);

  /// Calls `on_message(subject, payload)` for what comes on `subject` until it returns false or `until_stopped` is set.
  outcome listen(const std::string& subject,
                 const std::function<bool(const std::string&, const std::string&)>& on_message,
                 const volatile bool& until_stopped);

  /// Payloads of all stored messages of a stream on `filter`, oldest first; one request each.
  result<std::vector<std::string>> stored(const std::string& stream, const std::string& filter);

private:
  struct connection;
  explicit control_client(std::unique_ptr<connection> c);
  std::unique_ptr<connection> connection_;
};

} // namespace soc::cli
