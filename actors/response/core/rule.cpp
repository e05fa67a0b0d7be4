#include "response/core/rule.hpp"

#include "base/hash.hpp"
#include "base/json_template.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace soc::response {

using nlohmann::json;

namespace {

/// What a rule looks at: an incident, or an alert.
struct subject {
  const char* name = "incident"; ///< of it in conditions and references
  json what;
  std::string tenant, incident_id;
  std::string key; ///< of its runs' ids

  json scope() const { return json{{name, what}}; }
  json scope(const json& entity) const { return json{{name, what}, {"entity", entity}}; }
};

bool applies(const response_rule& rule, const subject& s) {
  if (!rule.enabled || !s.what.value("automation", true))
    return false;
  if (!rule.tenants.empty() && std::find(rule.tenants.begin(), rule.tenants.end(), s.tenant) == rule.tenants.end())
    return false;
  return !rule.when || rule.when->matches(s.scope());
}

bool fits(const response_policy& policy, const subject& s, const json& entity) {
  if (entity.value("type", "") != model::to_string(policy.type) || entity.value("verdict", "") == "benign")
    return false;
  const auto role = model::entity_role_from(entity.value("role", ""));
  if (!policy.roles.empty() && std::find(policy.roles.begin(), policy.roles.end(), role) == policy.roles.end())
    return false;
  return !policy.when || policy.when->matches(s.scope(entity));
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
  run_builder(const response_config& config, const response_rule& rule, const subject& about,
              const is_known_run& is_known, std::vector<wanted_run>& out, std::vector<std::string>& problems)
      : config_(config), rule_(rule), about_(about), is_known_(is_known), out_(out), problems_(problems) {}

  void build() {
    static const json none = json::array();
    const auto at = about_.what.find("entities");
    const json& entities = at != about_.what.end() && at->is_array() ? *at : none;
    if (!rule_.playbook.empty() && !rule_.for_each)
      add(json(), nullptr);
    for (const auto& entity : entities) {
      if (rule_.for_each && !rule_.for_each->matches(entity))
        continue;
      if (!rule_.playbook.empty() && rule_.for_each)
        add(entity, nullptr);
      for (const auto& policy : config_.policies)
        if (std::find(rule_.policies.begin(), rule_.policies.end(), policy.id) != rule_.policies.end() &&
            fits(policy, about_, entity))
          add(entity, &policy);
    }
  }

private:
  void add(const json& entity, const response_policy* policy) {
    wanted_run run;
    run.incident_id = about_.incident_id;
    run.entity_key = entity.is_object() ? entity.value("key", "") : "";
    const auto what = policy != nullptr ? rule_.id + "/" + policy->id : rule_.id;
    run.id = run_id_of(what, about_.key, run.entity_key);
    if (is_known_(run.id) || !ids_.insert(run.id).second)
      return;
    const auto scope = about_.scope(entity);
    run.tenant = about_.tenant;
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
    run.inputs[about_.name] = brief();
    if (entity.is_object())
      run.inputs["entity"] = entity;
    out_.push_back(std::move(run));
  }

  /// The incident with its entities of most interest only: every run keeps its inputs for as long as it lives.
  const json& brief() {
    if (brief_.is_null()) {
      brief_ = about_.what;
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
  const subject& about_;
  const is_known_run& is_known_;
  json brief_;
  std::set<std::string> ids_; ///< an alert may name an entity twice, in two roles
  std::vector<wanted_run>& out_;
  std::vector<std::string>& problems_;
};

/// One a time span for an entity, whichever alerts name it in that span.
std::string alert_key(const response_rule& rule, const model::alert& alert) {
  if (rule.once_per_s == 0)
    return "alert " + alert.id;
  return fmt::format("once {} {}", alert.tenant, alert.detected_at / (rule.once_per_s * ns_per_s));
}

} // namespace

json entity_json(const model::entity& e, const std::string& verdict, unix_ns last_seen) {
  json out{{"type", model::to_string(e.type)}, {"role", model::to_string(e.role)}, {"key", e.key}, {"label", e.label}};
  if (!verdict.empty())
    out["verdict"] = verdict;
  if (last_seen != 0)
    out["last_seen"] = format_rfc3339(last_seen);
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
  const auto id = incident.value("id", "");
  const subject about{"incident", incident, incident.value("tenant", "default"), id, id};
  for (const auto& rule : config.rules)
    if (rule.trigger == rule_trigger::incident && applies(rule, about))
      run_builder(config, rule, about, is_known, out, problems).build();
  return out;
}

json alert_json(const model::alert& a) {
  json entities = json::array(), techniques = json::array(), tactics = json::array();
  for (const auto& e : a.entities)
    entities.push_back(entity_json(e, {}, std::max(a.time, a.end_time)));
  for (const auto& t : a.techniques) {
    if (!t.technique.empty())
      techniques.push_back(t.technique);
    if (!t.tactic.empty() && std::find(tactics.begin(), tactics.end(), t.tactic) == tactics.end())
      tactics.push_back(t.tactic);
  }
  return {{"id", a.id},
          {"tenant", a.tenant},
          {"rule", a.rule_id},
          {"title", a.title},
          {"severity", model::to_string(a.level)},
          {"severity_id", static_cast<int>(a.level)},
          {"confidence", a.confidence},
          {"time", format_rfc3339(a.time)},
          {"tags", a.tags},
          {"techniques", std::move(techniques)},
          {"tactics", std::move(tactics)},
          {"vendor", a.vendor},
          {"product", a.product},
          {"cloud", a.cloud},
          {"account", a.account},
          {"region", a.region},
          {"host", a.host},
          {"stage", a.stage},
          {"count", a.count},
          {"entities", std::move(entities)}};
}

bool has_alert_rules(const response_config& config) {
  return std::any_of(config.rules.begin(), config.rules.end(),
                     [](const auto& rule) { return rule.enabled && rule.trigger == rule_trigger::alert; });
}

std::vector<wanted_run> wanted_runs_of_alert(const response_config& config, const model::alert& alert, unix_ns now,
                                             const is_known_run& is_known, std::vector<std::string>& problems) {
  std::vector<wanted_run> out;
  subject about{"alert", alert_json(alert), alert.tenant, {}, {}};
  for (const auto& rule : config.rules) {
    if (rule.trigger != rule_trigger::alert || now - alert.detected_at > rule.within_s * ns_per_s)
      continue;
    about.key = alert_key(rule, alert);
    if (applies(rule, about))
      run_builder(config, rule, about, is_known, out, problems).build();
  }
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
