#include "response/core/plan.hpp"

#include "base/json_template.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::response {

using nlohmann::json;

namespace {

bool has_parameter(const action& what, const std::string& name) {
  return std::any_of(what.parameters.begin(), what.parameters.end(), [&](const auto& p) { return p.name == name; });
}

model::entity entity_from(const json& target) {
  return {model::entity_type_from(target.value("type", "")), model::entity_role_from(target.value("role", "")),
          target.value("key", ""), target.value("label", "")};
}

/// The entity a bare value names, by the first type the action fits.
model::entity named_entity(const action& what, const std::string& value) {
  if (what.fits.empty())
    return {};
  for (const auto type : what.fits)
    if (auto key = model::canonical_key(type, value); !key.empty())
      return {type, model::entity_role::target, std::move(key), value};
  return {};
}

model::entity target_of(const action& what, const json& wanted, const json& parameters) {
  if (wanted.is_object())
    return entity_from(wanted);
  if (!wanted.is_null())
    return named_entity(what, json_to_text(wanted));
  const auto at = what.target.empty() ? parameters.end() : parameters.find(what.target);
  return at == parameters.end() ? model::entity{} : named_entity(what, json_to_text(*at));
}

/// Fills in what need not be written in every playbook: the target's value, the time the effect stands, the reason.
json completed(const action& what, const action_wish& wish) {
  json out = wish.parameters.is_object() ? wish.parameters : json::object();
  if (!what.target.empty() && !out.contains(what.target) && !wish.target.is_null())
    out[what.target] =
        wish.target.is_object() ? json(wish.target.value("value", wish.target.value("key", ""))) : wish.target;
  if (has_parameter(what, "duration") && !out.contains("duration") && wish.duration_s > 0)
    out["duration"] = wish.duration_s;
  if (has_parameter(what, "seen_at") && !out.contains("seen_at") && wish.target.is_object() &&
      wish.target.contains("last_seen"))
    out["seen_at"] = wish.target["last_seen"];
  if (has_parameter(what, "comment") && !out.contains("comment"))
    out["comment"] = fmt::format("soc incident {}", wish.incident_id);
  return out;
}

result<task_spec> task_for(const action_wish& wish, const action& what, const resource_instance& instance) {
  auto parameters = checked_parameters(what, completed(what, wish));
  if (!parameters)
    return parameters.error();
  task_spec out;
  out.target = target_of(what, wish.target, *parameters);
  if (!what.fits.empty() && std::find(what.fits.begin(), what.fits.end(), out.target.type) == what.fits.end())
    return failure{ec::invalid_input,
                   fmt::format("'{}' doesn't suit {} '{}'", what.name, model::to_string(out.target.type),
                               out.target.key.empty() ? json_to_text(wish.target) : out.target.key)};
  out.id = task_id_of(wish.run_id, wish.step, instance.name, out.target.key);
  out.tenant = wish.tenant;
  out.run_id = wish.run_id;
  out.incident_id = wish.incident_id;
  out.step = wish.step;
  out.component = instance.component;
  out.action = what.name;
  out.instance = instance.name;
  out.parameters = std::move(parameters).take();
  out.mode = wish.mode;
  out.asked_by = wish.asked_by;
  out.reason = wish.reason;
  out.by_person = wish.by_person;
  out.duration_s = wish.duration_s;
  out.veto_s = wish.veto_s;
  out.approve_within_s = wish.approve_within_s;
  return out;
}

bool went_well(task_status status) {
  return status == task_status::done || status == task_status::verified || status == task_status::observed;
}

} // namespace

result<std::vector<task_spec>> plan_tasks(const action_wish& wish, const catalogue& known,
                                          const std::vector<resource_instance>& instances) {
  if (known.any(wish.action) == nullptr)
    return failure{ec::not_found, fmt::format("no component has an action '{}'", wish.action)};
  const auto chosen = select_instances(instances, known, wish.tenant, wish.action, selection_from(wish.where));
  if (chosen.empty())
    return failure{ec::not_found,
                   fmt::format("no resource instance offers '{}'{}", wish.action,
                               wish.where.is_object() && !wish.where.empty() ? " where " + wish.where.dump() : "")};
  std::vector<task_spec> out;
  for (const auto* instance : chosen) {
    auto task = task_for(wish, *known.find(instance->component, wish.action), *instance);
    if (!task)
      return task.error();
    out.push_back(std::move(task).take());
  }
  return out;
}

step_answer answer_of(const std::vector<const task_state*>& tasks) {
  step_answer out;
  out.ok = true;
  json list = json::array(), results = json::object();
  for (const auto* task : tasks) {
    list.push_back({{"id", task->spec.id},
                    {"instance", task->spec.instance},
                    {"target", task->spec.target.key},
                    {"status", to_string(task->status)}});
    results[task->spec.instance] = task->output;
    if (!went_well(task->status)) {
      out.ok = false;
      out.error += fmt::format("{}{} at {} is {}: {}", out.error.empty() ? "" : "; ", task->spec.action,
                               task->spec.instance, to_string(task->status), task->detail);
    }
  }
  out.output = !tasks.empty() && tasks.front()->output.is_object() ? tasks.front()->output : json::object();
  out.output["tasks"] = std::move(list);
  out.output["results"] = std::move(results);
  return out;
}

} // namespace soc::response
