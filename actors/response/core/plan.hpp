// response/core/plan.hpp - from what a playbook step asks for to tasks: one for each resource instance that fits, each
// with checked parameters and a deterministic id; and from the tasks' states to the step's answer. Pure.
#pragma once
#include "response/core/rule.hpp"
#include "response/core/task.hpp"

namespace soc::response {

/// What a step wants done.
struct action_wish {
  std::string tenant = "default", run_id, incident_id, step;
  std::string action;
  nlohmann::json parameters, where, target; ///< target: an entity (entity_json), a bare value, or null
  autonomy mode = autonomy::approve;
  std::string asked_by, reason;
  bool by_person = false;
  std::int64_t duration_s = 0, veto_s = 300, approve_within_s = 8 * 3600;
};

/// The tasks of a wish. A failure says why there are none: no such action, no instance fits, a parameter is wrong, the
/// action doesn't suit that kind of entity.
result<std::vector<task_spec>> plan_tasks(const action_wish& wish, const catalogue& known,
                                          const std::vector<resource_instance>& instances);

/// The answer of a step whose tasks are all settled.
struct step_answer {
  bool ok = false;
  nlohmann::json
      output; ///< {"tasks": […], "results": {instance: output}} and, above these, the first task's own output
  std::string error;
};
step_answer answer_of(const std::vector<const task_state*>& tasks);

} // namespace soc::response
