#include "response/core/rule.hpp"

#include "base/hash.hpp"
#include "base/json_template.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace soc::response {

using nlohmann::json;

namespace {

/// {"incident": …} with one entity beside it.
json with_entity(const json& incident, const json& entity) {
  return json{{"incident", incident}, {"entity", entity}};
}

bool applies(const response_rule& rule, const json& incident) {
  if (!rule.enabled || !incident.value("automation", true))
    return false;
  const auto tenant = incident.value("tenant", std::string("default"));
  if (!rule.tenants.empty() && std::find(rule.tenants.begin(), rule.tenants.end(), tenant) == rule.tenants.end())
    return false;
  return !rule.when || rule.when->matches(json{{"incident", incident}});
}

bool fits(const response_policy& policy, const json& incident, const json& entity) {
  if (entity.value("type", "") != model::to_string(policy.type) || entity.value("verdict", "") == "benign")
    return false;
  const auto role = model::entity_role_from(entity.value("role", ""));
  if (!policy.roles.empty() && std::find(policy.roles.begin(), policy.roles.end(), role) == policy.roles.end())
    return false;
  return !policy.when || policy.when->matches(with_entity(incident, entity));
}

autonomy mode_for(const response_rule& rule, const json& scope) {
  for (const auto& o : rule.overrides)
    if (!o.when || o.when->matches(scope))
      return o.mode;
  return rule.mode;
}

/// Builds the runs of one rule.
class run_builder {
public:
  run_builder(const response_config& config, const response_rule& rule, const json& incident,
              const is_known_run& is_known, std::vector<wanted_run>& out, std::vector<std::string>& problems)
      : config_(config), rule_(rule), incident_(incident), is_known_(is_known), out_(out), problems_(problems) {}

  void build() {
    static const json none = json::array();
    const auto at = incident_.find("entities");
    const json& entities = at != incident_.end() && at->is_array() ? *at : none;
    if (!rule_.playbook.empty() && !rule_.for_each)
      add(json(), nullptr);
    for (const auto& entity : entities) {
      if (rule_.for_each && !rule_.for_each->matches(entity))
        continue;
      if (!rule_.playbook.empty() && rule_.for_each)
        add(entity, nullptr);
      for (const auto& policy : config_.policies)
        if (std::find(rule_.policies.begin(), rule_.policies.end(), policy.id) != rule_.policies.end() &&
            fits(policy, incident_, entity))
          add(entity, &policy);
    }
  }

private:
  void add(const json& entity, const response_policy* policy) {
    wanted_run run;
    run.incident_id = incident_.value("id", "");
    run.entity_key = entity.is_object() ? entity.value("key", "") : "";
    const auto what = policy != nullptr ? rule_.id + "/" + policy->id : rule_.id;
    run.id = run_id_of(what, run.incident_id, run.entity_key);
    if (is_known_(run.id))
      return;
    const auto scope = with_entity(incident_, entity);
    run.tenant = incident_.value("tenant", "default");
    run.rule_id = rule_.id;
    run.asked_by = "rule:" + rule_.id;
    run.entity_label = entity.is_object() ? entity.value("value", "") : "";
    run.policy = policy != nullptr ? policy->id : "";
    run.playbook = policy != nullptr ? policy->playbook : rule_.playbook;
    run.mode = mode_for(rule_, scope);
    run.veto_s = rule_.veto_s;
    run.approve_within_s = rule_.approve_within_s;
    run.reason = policy != nullptr && !policy->reason.empty() ? policy->reason : rule_.title;
    auto inputs = expand(rule_.inputs, scope);
    if (!inputs) {
      problems_.push_back(fmt::format("rule '{}': {}", rule_.id, inputs.error().what));
      return;
    }
    run.inputs = std::move(inputs).take();
    run.inputs["incident"] = brief();
    if (entity.is_object())
      run.inputs["entity"] = entity;
    out_.push_back(std::move(run));
  }

  /// The incident with its entities of most interest only: every run keeps its inputs for as long as it lives.
  const json& brief() {
    if (brief_.is_null()) {
      brief_ = incident_;
      const auto at = brief_.find("entities");
      if (at != brief_.end() && at->is_array() && at->size() > max_run_entities) {
        std::stable_sort(at->begin(), at->end(),
                         [](const json& a, const json& b) { return interest(a) > interest(b); });
        brief_["entities_left_out"] = at->size() - max_run_entities;
        at->erase(at->begin() + static_cast<std::ptrdiff_t>(max_run_entities), at->end());
      }
    }
    return brief_;
  }

  static int interest(const json& entity) {
    const auto verdict = entity.value("verdict", "");
    return verdict == "malicious" ? 2 : verdict == "suspicious" ? 1 : 0;
  }

  const response_config& config_;
  const response_rule& rule_;
  const json& incident_;
  const is_known_run& is_known_;
  json brief_;
  std::vector<wanted_run>& out_;
  std::vector<std::string>& problems_;
};

} // namespace

json entity_json(const model::entity& e, const std::string& verdict) {
  json out{{"type", model::to_string(e.type)}, {"role", model::to_string(e.role)}, {"key", e.key}, {"label", e.label}};
  if (!verdict.empty())
    out["verdict"] = verdict;
  const auto cut = [&](char at) {
    return std::pair(e.key.substr(0, e.key.find(at)), e.key.substr(e.key.find(at) + 1));
  };
  std::string value = e.label.empty() ? e.key : e.label;
  using model::entity_type;
  if (e.type == entity_type::ip)
    out["ip"] = value = e.key.substr(0, e.key.find('@'));
  else if (e.type == entity_type::file && e.key.find('|') != std::string::npos) {
    out["host"] = cut('|').first;
    out["path"] = value = cut('|').second;
  } else if (e.type == entity_type::process && e.key.find('|') != std::string::npos) {
    const auto [host, rest] = cut('|');
    out["host"] = host;
    out["pid"] = rest.substr(0, rest.find('|'));
    if (rest.find('|') != std::string::npos)
      out["start"] = rest.substr(rest.find('|') + 1);
  } else if (e.type == entity_type::user && e.key.find('\\') != std::string::npos) {
    out["host"] = cut('\\').first;
    out["name"] = value = cut('\\').second;
  } else if (e.type == entity_type::domain || e.type == entity_type::host || e.type == entity_type::user)
    out["name"] = value = e.key;
  out["value"] = value;
  return out;
}

std::vector<wanted_run> wanted_runs(const response_config& config, const json& incident, const is_known_run& is_known,
                                    std::vector<std::string>& problems) {
  std::vector<wanted_run> out;
  for (const auto& rule : config.rules)
    if (applies(rule, incident))
      run_builder(config, rule, incident, is_known, out, problems).build();
  return out;
}

std::string run_id_of(const std::string& rule, const std::string& incident, const std::string& entity_key) {
  return id_builder().add("run").add(rule).add(incident).add(entity_key).hex();
}

std::string task_id_of(const std::string& run, const std::string& step_path, const std::string& instance,
                       const std::string& target) {
  return id_builder().add("task").add(run).add(step_path).add(instance).add(target).hex();
}

} // namespace soc::response
