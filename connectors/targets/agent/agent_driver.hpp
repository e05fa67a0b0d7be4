// targets/agent/agent_driver.hpp - sends an action to the agent of the host its parameters name, over NATS. Connects
// with the first call and again when the line is lost. An order that may have arrived and got no answer is `unknown`
// (the agent is asked again under the same key, or read back). Thread-safe.
#pragma once
#include "connectors/targets/agent/agent_line.hpp"
#include "connectors/targets/agent/agent_order.hpp"
#include "response/core/driver.hpp"

#include <mutex>

namespace soc::targets {

/// The signature (hex) over an order's text.
using order_signer = std::function<std::string(const std::string& text)>;

class agent_driver final : public response::component_driver {
public:
  using line_options = std::function<result<agent_line_options>()>;
  /// `options` says where NATS is now; without `sign` orders are not signed.
  agent_driver(line_options options, order_signer sign, std::shared_ptr<const clock_source> clock)
      : options_(std::move(options)), sign_(std::move(sign)), clock_(std::move(clock)) {}
  response::call_outcome call(const response::component_call& what) override;

private:
  result<std::shared_ptr<agent_line>> line();

  line_options options_;
  order_signer sign_;
  std::shared_ptr<const clock_source> clock_;
  std::mutex mutex_;
  std::shared_ptr<agent_line> line_;
};

} // namespace soc::targets
