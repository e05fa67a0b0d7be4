#include "playbook/transform_actor.hpp"

namespace soc::playbook {

namespace {

struct transform_state {
  static inline const char* name = "transforms";
};
using transform_actor = caf::stateful_actor<transform_state, observed_actor>;

caf::behavior transforms(transform_actor*, jq_function jq) {
  return {[jq = std::move(jq)](const transform_ask& ask) -> transform_answer {
    auto value = expand_computed(nlohmann::json{{"jq", ask.program}}, ask.input, jq);
    if (!value)
      return {nullptr, value.error().what};
    return {std::move(value).take(), ""};
  }};
}

} // namespace

child_spec transform_child(jq_function jq) {
  child_spec out;
  out.name = "transforms";
  out.start = [jq](caf::actor_system& system, actor_context context) {
    return spawn_observed<caf::detached>(system, std::move(context), transforms, jq);
  };
  return out;
}

} // namespace soc::playbook
