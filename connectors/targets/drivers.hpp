// targets/drivers.hpp - all drivers by the names component.yaml uses. Made once by the composition root.
#pragma once
#include "base/computed_value.hpp"
#include "connectors/targets/agent/agent_driver.hpp"
#include "response/core/driver.hpp"

namespace soc::targets {

struct driver_needs {
  jq_function jq;
  agent_driver::line_options agents; ///< where NATS is
  order_signer sign_order;           ///< empty: orders to agents are not signed
};
response::driver_set all_drivers(driver_needs needs);

} // namespace soc::targets
