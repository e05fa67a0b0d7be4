// response/core/driver.hpp - how an action reaches the outside: a driver makes the calls of one kind of component.
// Implemented in connectors/targets, called by the call pool's workers only, each call with a permit of the gate. No
// I/O here.
#pragma once
#include "response/core/resource.hpp"
#include "response/core/task.hpp"

#include <memory>

namespace soc::response {

/// One call, complete.
struct component_call {
  component_ptr component;
  std::string action;
  std::shared_ptr<const resource_instance> instance;
  nlohmann::json parameters = nlohmann::json::object(); ///< checked
  std::string idempotency_key;
  std::string task_id, reason; ///< for comments at the target
};

/// Makes calls; blocks, at most for the action's time-out. Called from several threads at once.
class component_driver {
public:
  virtual ~component_driver() = default;
  /// Never throws; the outcome's text holds no secret.
  virtual call_outcome call(const component_call& what) = 0;
};

/// By the name a component.yaml gives as `driver`.
using driver_set = std::map<std::string, std::shared_ptr<component_driver>>;

} // namespace soc::response
