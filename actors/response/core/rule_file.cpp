#include "base/yaml_json.hpp"
#include "response/core/rule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace soc::response {

using nlohmann::json;

namespace {

/// Reads one file of config/response.
class response_file_reader {
public:
  response_file_reader(const std::string& file, response_config& into, diagnostics& found)
      : file_(file), into_(into), found_(found) {}

  void read(const YAML::Node& root) {
    yaml_map_reader r(file_, root, "response configuration", "RSP002", found_);
    if (const auto node = r.get("protected"); node.IsDefined() && !node.IsNull())
      into_.gate.assets.read(file_, node, found_);
    if (const auto node = r.get("groups"); is_list(node, "groups")) {
      auto groups = read_groups(file_, node, found_);
      into_.gate.groups.insert(into_.gate.groups.end(), groups.begin(), groups.end());
    }
    each(r, "limits", [&](const YAML::Node& node) { read_limit(node); });
    each(r, "approvals", [&](const YAML::Node& node) { read_approval(node); });
    each(r, "windows", [&](const YAML::Node& node) { read_window(node); });
    each(r, "policies", [&](const YAML::Node& node) { read_policy(node); });
    each(r, "rules", [&](const YAML::Node& node) { read_rule(node); });
    each(r, "schedules", [&](const YAML::Node& node) { read_schedule(node); });
    r.reject_unknown();
  }

private:
  bool is_list(const YAML::Node& node, const std::string& key) {
    if (!node.IsDefined() || node.IsNull())
      return false;
    if (!node.IsSequence())
      found_.error("RSP003", place_of(file_, node), fmt::format("'{}' must be a list", key));
    return node.IsSequence();
  }

  template <class Read>
  void each(yaml_map_reader& r, const std::string& key, Read read) {
    if (const auto node = r.get(key); is_list(node, key))
      for (const auto& item : node)
        read(item);
  }

  std::vector<model::entity_type> entity_types(yaml_map_reader& r, const std::string& key) {
    std::vector<model::entity_type> out;
    for (const auto& name : r.texts(key)) {
      out.push_back(model::entity_type_from(name));
      if (out.back() == model::entity_type::unknown)
        found_.error("RSP006", r.place(key), fmt::format("'{}' is no entity type", name));
    }
    return out;
  }

  std::int64_t duration(yaml_map_reader& r, const std::string& key, std::int64_t fallback) {
    const auto text = r.text(key);
    if (!text)
      return fallback;
    const auto seconds = parse_duration_s(*text);
    if (!seconds || *seconds == 0)
      found_.error("RSP007", r.place(key), fmt::format("'{}' is no duration: '{}'", key, *text),
                   "write 90s, 15m, 24h, 7d");
    return seconds.value_or(fallback);
  }

  std::optional<json_condition> condition(yaml_map_reader& r, const std::string& key) {
    const auto node = r.get(key);
    return node.IsDefined() ? json_condition::parse(file_, node, "RSP008", found_) : std::nullopt;
  }

  autonomy read_mode(yaml_map_reader& r, autonomy fallback) {
    const auto text = r.text("mode");
    if (!text)
      return fallback;
    const auto mode = autonomy_from(*text);
    if (!mode)
      found_.error("RSP009", r.place("mode"), fmt::format("'{}' is no mode", *text),
                   "one of observe, recommend (manual), approve, auto_with_veto, automatic (auto)");
    return mode.value_or(autonomy::observe);
  }

  /// The calls that a limit, an approval or a window is for.
  template <class Rule>
  void read_calls(yaml_map_reader& r, Rule& out) {
    out.id = r.required_text("id");
    out.actions = r.texts("actions");
    out.components = r.texts("components");
    out.instances = r.texts("instances");
  }

  /// How far a run goes by itself: a rule's, a schedule's.
  template <class Rule>
  void read_autonomy(yaml_map_reader& r, Rule& out) {
    out.mode = read_mode(r, out.mode);
    out.veto_s = duration(r, "veto", out.veto_s);
    out.approve_within_s = duration(r, "approve_within", out.approve_within_s);
  }

  void read_limit(const YAML::Node& node) {
    limit_rule out;
    yaml_map_reader r(file_, node, "limit", "RSP002", found_);
    read_calls(r, out);
    out.types = entity_types(r, "entities");
    out.each = r.text("each").value_or(out.each);
    static const std::vector<std::string> buckets{"tenant", "instance", "incident", "action", "group"};
    if (std::find(buckets.begin(), buckets.end(), out.each) == buckets.end())
      found_.error("RSP010", r.place("each"), fmt::format("'each' must be one of {}", fmt::join(buckets, ", ")));
    out.most = r.integer("most").value_or(0);
    out.per_s = duration(r, "per", out.per_s);
    if (out.per_s > max_window_s)
      found_.error("RSP010", r.place("per"), "a limit looks back at most 7 days");
    out.group = r.text("group").value_or("");
    out.most_percent = static_cast<double>(r.integer("most_percent").value_or(0));
    if (out.most <= 0 && out.most_percent <= 0)
      found_.error("RSP010", r.place(), "a limit needs 'most' or 'most_percent', above 0");
    if (out.most_percent > 0 && out.group.empty())
      found_.error("RSP010", r.place(), "'most_percent' needs the 'group' it is a share of");
    r.reject_unknown();
    into_.gate.limits.push_back(std::move(out));
  }

  void read_approval(const YAML::Node& node) {
    approval_rule out;
    yaml_map_reader r(file_, node, "approval", "RSP002", found_);
    read_calls(r, out);
    out.costs = r.texts("costs");
    out.types = entity_types(r, "entities");
    const auto people = r.integer("people").value_or(1);
    if (people < 1 || people > 10)
      found_.error("RSP011", r.place("people"), "'people' must be from 1 to 10");
    out.people = static_cast<std::uint32_t>(std::clamp<std::int64_t>(people, 1, 10));
    r.reject_unknown();
    into_.gate.approvals.push_back(std::move(out));
  }

  std::optional<int> minute_of_day(const std::string& text) {
    int hour = 0, minute = 0;
    const char* end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), end, hour);
    if (first.ec != std::errc{} || first.ptr == end || *first.ptr != ':')
      return std::nullopt;
    const auto second = std::from_chars(first.ptr + 1, end, minute);
    if (second.ec != std::errc{} || second.ptr != end || hour < 0 || hour > 24 || minute < 0 || minute > 59)
      return std::nullopt;
    return hour * 60 + minute;
  }

  /// 0 = Sunday.
  std::set<int> days(yaml_map_reader& r) {
    static const std::vector<std::string> names{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
    std::set<int> out;
    for (const auto& day : r.texts("days")) {
      const auto at = std::find(names.begin(), names.end(), day);
      if (at == names.end())
        found_.error("RSP012", r.place("days"), fmt::format("'{}' is no day", day),
                     "write mon, tue, wed, thu, fri, sat, sun");
      else
        out.insert(static_cast<int>(at - names.begin()));
    }
    return out;
  }

  int offset_minutes(yaml_map_reader& r) {
    return static_cast<int>(std::clamp<std::int64_t>(r.integer("utc_offset_minutes").value_or(0), -840, 840));
  }

  void read_window(const YAML::Node& node) {
    maintenance_window out;
    yaml_map_reader r(file_, node, "window", "RSP002", found_);
    read_calls(r, out);
    out.days = days(r);
    const auto minute = [&](const char* key) {
      const auto at = minute_of_day(r.required_text(key));
      if (!at && r.is_map())
        found_.error("RSP012", r.place(key), fmt::format("'{}' must be hh:mm", key));
      return at.value_or(0);
    };
    out.from_min = minute("from");
    out.to_min = minute("to");
    out.offset_min = offset_minutes(r);
    r.reject_unknown();
    into_.gate.windows.push_back(std::move(out));
  }

  void read_policy(const YAML::Node& node) {
    response_policy out;
    yaml_map_reader r(file_, node, "policy", "RSP002", found_);
    out.id = r.required_text("id");
    out.title = r.text("title").value_or(out.id);
    out.reason = r.text("reason").value_or("");
    const auto types = entity_types(r, "entity");
    if (types.size() == 1)
      out.type = types[0];
    else if (r.is_map())
      found_.error("RSP006", r.place("entity"), "a policy is for one entity type");
    for (const auto& role : r.texts("role"))
      out.roles.push_back(model::entity_role_from(role));
    out.when = condition(r, "when");
    out.action = r.text("action").value_or("");
    out.playbook = r.text("playbook").value_or("");
    if (out.action.empty() == out.playbook.empty())
      found_.error("RSP013", r.place(), "a policy needs either an 'action' or a 'playbook'");
    const auto where = r.get("on");
    read_selection(file_, where, "RSP002", found_);
    out.where = yaml_to_json(where);
    out.parameters = yaml_to_json(r.get("parameters"));
    out.duration = r.text("for").value_or("");
    r.reject_unknown();
    into_.policies.push_back(std::move(out));
  }

  void read_overrides(response_rule& out, const YAML::Node& list) {
    if (!is_list(list, "autonomy"))
      return;
    for (const auto& node : list) {
      autonomy_override o;
      yaml_map_reader r(file_, node, "autonomy", "RSP002", found_);
      o.when = condition(r, "when");
      o.mode = read_mode(r, autonomy::observe);
      r.reject_unknown();
      out.overrides.push_back(std::move(o));
    }
  }

  nlohmann::json inputs(yaml_map_reader& r) {
    auto out = yaml_to_json(r.get("inputs"));
    if (out.is_null())
      return nlohmann::json::object();
    if (!out.is_object())
      found_.error("RSP003", r.place("inputs"), "'inputs' must be a map");
    return out;
  }

  void read_trigger(yaml_map_reader& r, response_rule& out) {
    const auto trigger = r.text("trigger").value_or("incident");
    if (trigger != "incident" && trigger != "alert")
      found_.error("RSP017", r.place("trigger"), fmt::format("'{}' is no trigger of a rule", trigger),
                   "write incident or alert; the clock's are under 'schedules'");
    out.trigger = trigger == "alert" ? rule_trigger::alert : rule_trigger::incident;
    for (const char* key : {"once_per", "within"})
      if (out.trigger == rule_trigger::incident && r.text(key))
        found_.error("RSP017", r.place(key), fmt::format("'{}' is for rules with trigger: alert", key));
    out.once_per_s = duration(r, "once_per", out.once_per_s);
    out.within_s = duration(r, "within", out.within_s);
  }

  void read_rule(const YAML::Node& node) {
    response_rule out;
    yaml_map_reader r(file_, node, "rule", "RSP002", found_);
    const auto before = found_.errors();
    out.id = r.required_text("id");
    out.title = r.text("title").value_or(out.id);
    out.enabled = r.boolean("enabled").value_or(true);
    read_trigger(r, out);
    out.tenants = r.texts("tenants");
    out.when = condition(r, "when");
    out.for_each = condition(r, "for_each");
    read_autonomy(r, out);
    read_overrides(out, r.get("autonomy"));
    out.playbook = r.text("playbook").value_or("");
    out.policies = r.texts("policies");
    if (out.playbook.empty() == out.policies.empty())
      found_.error("RSP013", r.place(), fmt::format("rule '{}' needs either a 'playbook' or 'policies'", out.id));
    out.inputs = inputs(r);
    out.place = r.place();
    r.reject_unknown();
    // A rule with a broken condition would match too much: it is left out.
    if (found_.errors() == before)
      into_.rules.push_back(std::move(out));
  }

  void read_times(yaml_map_reader& r, run_schedule& out) {
    constexpr std::int64_t least_every_s = 10;
    for (const auto& text : r.texts("at"))
      if (const auto minute = minute_of_day(text); minute && *minute < 24 * 60)
        out.at_min.insert(*minute);
      else
        found_.error("RSP012", r.place("at"), fmt::format("'{}' must be hh:mm", text));
    if (r.text("every"))
      out.every_s = duration(r, "every", 0);
    out.days = days(r);
    out.offset_min = offset_minutes(r);
    if ((out.every_s > 0) != out.at_min.empty())
      found_.error("RSP016", r.place(), fmt::format("schedule '{}' needs either 'every' or 'at'", out.id),
                   "write every: 6h, or at: ['03:00'] with days: [mon, thu]");
    else if (out.every_s > 0 && (out.every_s < least_every_s || !out.days.empty()))
      found_.error("RSP016", r.place("every"),
                   out.days.empty() ? fmt::format("'every' must be {} s at least", least_every_s)
                                    : std::string("'days' go with 'at', not with 'every'"));
  }

  void read_schedule(const YAML::Node& node) {
    run_schedule out;
    yaml_map_reader r(file_, node, "schedule", "RSP002", found_);
    const auto before = found_.errors();
    out.id = r.required_text("id");
    out.title = r.text("title").value_or(out.id);
    out.enabled = r.boolean("enabled").value_or(true);
    out.tenant = r.text("tenant").value_or(out.tenant);
    out.playbook = r.required_text("playbook");
    read_autonomy(r, out);
    read_times(r, out);
    out.inputs = inputs(r);
    out.place = r.place();
    r.reject_unknown();
    if (found_.errors() == before)
      into_.schedules.push_back(std::move(out));
  }

  const std::string& file_;
  response_config& into_;
  diagnostics& found_;
};

void must_be_known(const std::string& name, const std::vector<std::string>& known, const source_place& place,
                   const std::string& what, diagnostics& found) {
  if (name.empty() || std::find(known.begin(), known.end(), name) != known.end())
    return;
  const auto near = did_you_mean(name, known);
  found.error("RSP014", place, fmt::format("there is no {} '{}'", what, name),
              near.empty() ? std::string{} : fmt::format("did you mean '{}'?", near));
}

} // namespace

void load_response_file(const std::string& file, const std::string& text, response_config& into, diagnostics& found) {
  const auto yaml = parse_yaml(file, text, "RSP001", found);
  for (const auto& document : yaml.documents)
    if (!document.IsNull())
      response_file_reader(file, into, found).read(document);
}

void check_response(const response_config& config, const catalogue& known, const std::vector<std::string>& playbooks,
                    diagnostics& found) {
  std::vector<std::string> policies;
  for (const auto& policy : config.policies) {
    policies.push_back(policy.id);
    must_be_known(policy.action, known.action_names(), {}, fmt::format("action (policy '{}')", policy.id), found);
    must_be_known(policy.playbook, playbooks, {}, fmt::format("playbook (policy '{}')", policy.id), found);
  }
  std::vector<std::string> ids;
  for (const auto& rule : config.rules) {
    if (std::find(ids.begin(), ids.end(), rule.id) != ids.end())
      found.error("RSP015", rule.place, fmt::format("rule '{}' is there twice", rule.id));
    ids.push_back(rule.id);
    must_be_known(rule.playbook, playbooks, rule.place, "playbook", found);
    for (const auto& policy : rule.policies)
      must_be_known(policy, policies, rule.place, "policy", found);
  }
  ids.clear();
  for (const auto& s : config.schedules) {
    if (std::find(ids.begin(), ids.end(), s.id) != ids.end())
      found.error("RSP015", s.place, fmt::format("schedule '{}' is there twice", s.id));
    ids.push_back(s.id);
    must_be_known(s.playbook, playbooks, s.place, "playbook", found);
  }
  for (const auto& limit : config.gate.limits) {
    std::vector<std::string> groups;
    for (const auto& g : config.gate.groups)
      groups.push_back(g.name);
    must_be_known(limit.group, groups, {}, fmt::format("group (limit '{}')", limit.id), found);
  }
}

} // namespace soc::response
