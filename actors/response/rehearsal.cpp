#include "response/rehearsal.hpp"

#include "playbook/core/simulate.hpp"
#include "response/core/plan.hpp"

#include <fmt/format.h>

namespace soc::response {

using nlohmann::json;

namespace {

/// One run, walked without effect.
class rehearsed_run {
public:
  rehearsed_run(rehearsal& state, const wanted_run& wanted, unix_ns now) : state_(state), wanted_(wanted), now_(now) {}

  json walk(const std::vector<std::string>& texts) {
    json out{{"rule", wanted_.rule_id},
             {"playbook", wanted_.playbook.empty() ? "policy " + wanted_.policy : wanted_.playbook},
             {"mode", to_string(wanted_.mode)},
             {"entity", wanted_.entity_label}};
    playbook::definition_cache cache;
    const auto main = texts.empty() ? nullptr : cache.get(texts.front());
    if (!main)
      return failed(std::move(out), "there is no such playbook");
    playbook::playbook_case plan;
    auto inputs = playbook::checked_inputs(*main, declared_inputs(*main));
    if (!inputs)
      return failed(std::move(out), inputs.error().what);
    plan.inputs = std::move(inputs).take();
    const auto run = playbook::simulate(texts, plan, {state_.jq, [this](const auto& asked) { return answer(asked); }});
    out["status"] = playbook::to_string(run.state.status);
    out["reason"] = run.state.reason;
    out["output"] = run.state.output;
    out["actions"] = std::move(actions_);
    return out;
  }

private:
  static json failed(json out, const std::string& why) {
    out["status"] = "failed";
    out["reason"] = why;
    out["actions"] = json::array();
    return out;
  }

  json declared_inputs(const playbook::definition& main) const {
    auto out = wanted_.inputs.is_object() ? wanted_.inputs : json::object();
    json kept = json::object();
    for (const auto& in : main.inputs)
      if (out.contains(in.name))
        kept[in.name] = out[in.name];
    return kept;
  }

  std::optional<playbook::scripted_answer> answer(const playbook::asked_action& asked) {
    json row{{"step", asked.step},
             {"action", asked.action},
             {"target", asked.target.is_object() ? asked.target.value("key", json()) : asked.target},
             {"tasks", json::array()}};
    action_wish wish{wanted_.tenant, wanted_.id,       wanted_.incident_id, asked.step,
                     asked.action,   asked.parameters, asked.where,         asked.target};
    wish.mode = wanted_.mode == autonomy::recommend ? autonomy::automatic : wanted_.mode;
    wish.asked_by = wanted_.asked_by;
    wish.duration_s = asked.duration_s;
    const auto planned = plan_tasks(wish, state_.what->components, state_.what->instances);
    if (!planned) {
      row["error"] = planned.error().what;
      actions_.push_back(std::move(row));
      return playbook::scripted_answer{false, nullptr, planned.error().what};
    }
    std::string refusals;
    json tasks = json::array();
    for (const auto& spec : *planned) {
      const auto decision = judge(spec);
      row["tasks"].push_back({{"instance", spec.instance},
                              {"target", spec.target.key},
                              {"verdict", to_string(decision.what)},
                              {"why", decision.explain()}});
      tasks.push_back(
          {{"id", spec.id}, {"instance", spec.instance}, {"target", spec.target.key}, {"status", "observed"}});
      if (decision.what == verdict::refuse)
        refusals +=
            fmt::format("{}{} at {}: {}", refusals.empty() ? "" : "; ", spec.action, spec.instance, decision.explain());
    }
    actions_.push_back(std::move(row));
    return playbook::scripted_answer{refusals.empty(), json{{"tasks", std::move(tasks)}, {"results", json::object()}},
                                     refusals};
  }

  gate_decision judge(const task_spec& spec) {
    task_state task;
    task.spec = spec;
    const auto* what = state_.what->components.find(spec.component, spec.action);
    const auto request = request_of(task, *what, nullptr, false);
    auto decision = decide(state_.gate, state_.what->config.gate, request, now_);
    for (const auto& event : decision.events)
      apply(state_.gate, event);
    return decision;
  }

  rehearsal& state_;
  const wanted_run& wanted_;
  const unix_ns now_;
  json actions_ = json::array();
};

std::vector<std::string> texts_of_run(const content& what, const wanted_run& wanted) {
  if (!wanted.playbook.empty()) {
    const auto at = what.playbooks.find(wanted.playbook);
    return at == what.playbooks.end() ? std::vector<std::string>{} : at->second;
  }
  for (const auto& policy : what.config.policies)
    if (policy.id == wanted.policy)
      return {playbook::policy_playbook(policy.id, policy.title, policy.action, policy.parameters, policy.where,
                                        policy.duration)};
  return {};
}

/// One playbook, asked for by name: once, or once for each entity if it has an input that an entity gives.
std::vector<wanted_run> runs_of_playbook(const content& what, const json& incident, const std::string& name) {
  wanted_run base;
  base.tenant = incident.value("tenant", "default");
  base.incident_id = incident.value("id", "");
  base.rule_id = "replay";
  base.asked_by = "rule:replay";
  base.playbook = name;
  base.mode = autonomy::automatic;
  base.inputs = {{"incident", incident}};
  const auto texts = what.playbooks.find(name);
  playbook::definition_cache cache;
  const auto main = texts == what.playbooks.end() || texts->second.empty() ? nullptr : cache.get(texts->second.front());
  std::vector<wanted_run> out;
  const auto entities = incident.value("entities", json::array());
  for (const auto& entity : main&& entities.is_array() ? entities : json::array()) {
    wanted_run one = base;
    one.entity_key = entity.value("key", "");
    one.entity_label = entity.value("label", one.entity_key);
    bool needed = false, complete = true;
    for (const auto& in : main->inputs) {
      if (in.name == "incident")
        continue;
      const bool given = in.name == "entity" || (entity.contains(in.name) && !entity[in.name].is_null());
      if (given)
        one.inputs[in.name] = in.name == "entity" ? entity : entity[in.name];
      needed = needed || given;
      complete = complete && (given || !in.required);
    }
    one.id = run_id_of("replay:" + name, base.incident_id, one.entity_key);
    if (needed && complete)
      out.push_back(std::move(one));
  }
  if (out.empty()) {
    base.id = run_id_of("replay:" + name, base.incident_id, "");
    out.push_back(std::move(base));
  }
  return out;
}

} // namespace

json rehearse(rehearsal& state, const json& incident, const std::string& playbook, unix_ns now) {
  std::vector<std::string> problems;
  const is_known_run none_is_known = [](const std::string&) { return false; };
  const auto wanted = playbook.empty() ? wanted_runs(state.what->config, incident, none_is_known, problems)
                                       : runs_of_playbook(*state.what, incident, playbook);
  json runs = json::array();
  for (const auto& one : wanted)
    runs.push_back(rehearsed_run(state, one, now).walk(texts_of_run(*state.what, one)));
  return {{"incident", incident.value("id", "")}, {"runs", std::move(runs)}, {"problems", problems}};
}

} // namespace soc::response
