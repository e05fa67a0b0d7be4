// playbook/transform_actor.hpp - computes transform steps: one program after the other in a thread of its own, so that
// a slow one holds up no run. The engine is passed in and bounds each program. One a node, supervised; keeps nothing.
#pragma once
#include "base/computed_value.hpp"
#include "runtime/actor.hpp"
#include "runtime/supervisor.hpp"

namespace soc::playbook {

/// → transform_answer.
struct transform_ask {
  std::string program;
  nlohmann::json input;
};
struct transform_answer {
  nlohmann::json value;
  std::string why; ///< empty: it went well
};
using transform_interface = accepts<transform_ask>;
using transform_ref = ref<transform_interface>;

child_spec transform_child(jq_function jq);

} // namespace soc::playbook

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::playbook::transform_ask)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::playbook::transform_answer)
