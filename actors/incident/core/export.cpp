#include "incident/core/export.hpp"

#include "base/hash.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace soc::incident {

namespace {

using json = nlohmann::ordered_json;

std::string dumped(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

json node_json(const path_node& n) {
  return {{"type", model::to_string(n.type)}, {"label", n.label}, {"key", n.key}};
}

/// OCSF observable type_id of an entity (1.8.0).
int observable_id(model::entity_type type) {
  using t = model::entity_type;
  switch (type) {
  case t::host:
  case t::domain:
    return 1;
  case t::ip:
    return 2;
  case t::user:
    return 4;
  case t::email:
    return 5;
  case t::url:
    return 6;
  case t::file:
    return 7;
  case t::file_hash:
    return 8;
  case t::process:
    return 9;
  case t::cloud_resource:
    return 10;
  case t::container:
    return 27;
  case t::registry_key:
    return 28;
  default:
    return 99;
  }
}

/// OCSF Incident Finding status_id: 1 New, 2 In Progress, 3 On Hold, 4 Resolved, 5 Closed.
int ocsf_status(status s) {
  switch (s) {
  case status::fresh:
    return 1;
  case status::in_progress:
  case status::contained:
    return 2;
  case status::resolved:
    return 4;
  case status::closed:
  case status::false_positive:
    return 5;
  }
  return 0;
}

/// OCSF verdict_id: 1 False Positive, 2 True Positive, 3 Disregard, 4 Suspicious, 5 Benign, 6 Test, 10 Duplicate.
int ocsf_verdict(classification c) {
  static constexpr int ids[] = {4, 2, 5, 1, 10, 6};
  return ids[static_cast<std::size_t>(c)];
}

json attacks_json(const view& v) {
  json out = json::array();
  std::set<std::string> seen;
  for (const auto& line : v.timeline) {
    if ((line.tactic.empty() && line.technique.empty()) || !seen.insert(line.tactic + line.technique).second)
      continue;
    json item = json::object();
    item["version"] = "16.1";
    if (!line.tactic.empty())
      item["tactic"] = {{"uid", line.tactic}, {"name", model::tactic_name(line.tactic)}};
    if (!line.technique.empty())
      item["technique"] = {{"uid", line.technique}};
    out.push_back(std::move(item));
  }
  return out;
}

json finding_infos(const view& v) {
  json out = json::array();
  for (const auto& line : v.timeline) {
    if (line.alert_id.empty())
      continue;
    json item{{"uid", line.alert_id},
              {"title", line.title},
              {"first_seen_time", line.time / ns_per_ms},
              {"last_seen_time", line.last / ns_per_ms}};
    if (!line.source.empty())
      item["data_sources"] = json::array({line.source});
    out.push_back(std::move(item));
  }
  return out;
}

std::string stix_time(unix_ns t) {
  return format_rfc3339(t);
}

/// A UUID of version 5's shape from our content hash: the same incident exports the same ids.
std::string stix_id(std::string_view type, const std::string& of) {
  auto hex = to_hex(hash128(of, hash64(type)));
  hex[12] = '5';
  hex[16] = "89ab"[(hex[16] >= 'a' ? hex[16] - 'a' + 10 : hex[16] - '0') & 3];
  return fmt::format("{}--{}-{}-{}-{}-{}", type, hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                     hex.substr(16, 4), hex.substr(20));
}

json stix_observable(const entity_view& e) {
  using t = model::entity_type;
  json out;
  const auto make = [&](const char* type, const char* property) {
    out = {{"type", type}, {"spec_version", "2.1"}, {"id", stix_id(type, e.key)}, {property, e.label}};
  };
  switch (e.type) {
  case t::ip:
    make(e.label.find(':') == std::string::npos ? "ipv4-addr" : "ipv6-addr", "value");
    break;
  case t::domain:
    make("domain-name", "value");
    break;
  case t::url:
    make("url", "value");
    break;
  case t::email:
    make("email-addr", "value");
    break;
  case t::user:
    make("user-account", "account_login");
    break;
  case t::file:
    make("file", "name");
    break;
  case t::file_hash: {
    out = {{"type", "file"}, {"spec_version", "2.1"}, {"id", stix_id("file", e.key)}};
    const char* name = e.key.size() == 32 ? "MD5" : e.key.size() == 40 ? "SHA-1" : "SHA-256";
    out["hashes"] = {{name, e.label}};
    break;
  }
  case t::process:
    make("process", "command_line");
    break;
  case t::registry_key:
    make("windows-registry-key", "key");
    break;
  default:
    break;
  }
  return out;
}

std::string dot_text(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 60)) {
    if (c == '"' || c == '\\')
      out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out;
}

json deadline_json(const deadline_view& one) {
  return {{"due", one.by == 0 ? json() : json(format_rfc3339(one.by))},
          {"met", one.met_at == 0 ? json() : json(format_rfc3339(one.met_at))},
          {"missed", one.missed || (one.by != 0 && one.met_at > one.by)}};
}

} // namespace

json entities_json(const view& v) {
  json out = json::array();
  for (const auto& e : v.entities) {
    json item{{"type", model::to_string(e.type)},
              {"role", model::to_string(e.role)},
              {"value", e.label},
              {"key", e.key},
              {"first_seen", format_rfc3339(e.first)},
              {"last_seen", format_rfc3339(e.last)},
              {"alerts", e.alerts}};
    if (!e.verdict.empty())
      item["verdict"] = e.verdict;
    out.push_back(std::move(item));
  }
  return out;
}

json timeline_json(const view& v) {
  json out = json::array();
  for (const auto& line : v.timeline) {
    json item{{"time", format_rfc3339(line.time)},
              {"last", format_rfc3339(line.last)},
              {"count", line.count},
              {"title", line.title},
              {"host", line.host},
              {"alert_uid", line.alert_id}};
    if (!line.stage.empty())
      item["stage"] = line.stage;
    if (!line.tactic.empty())
      item["tactic"] = {{"uid", line.tactic}, {"name", model::tactic_name(line.tactic)}};
    if (!line.technique.empty())
      item["technique"] = line.technique;
    if (!line.event_id.empty() || !line.raw.empty())
      item["record"] = {
          {"event_id", line.event_id}, {"source", line.source}, {"origin", line.origin}, {"raw", line.raw}};
    out.push_back(std::move(item));
  }
  return out;
}

json path_json(const attack_path& path) {
  json steps = json::array();
  for (const auto& s : path.steps) {
    json item{{"from", node_json(path.nodes[s.from])}, {"verb", s.verb},   {"to", node_json(path.nodes[s.to])},
              {"time", format_rfc3339(s.time)},        {"count", s.count}, {"alert_uid", s.alert_id}};
    if (!s.event_id.empty())
      item["event_uid"] = s.event_id;
    if (!s.tactic.empty())
      item["tactic"] = s.tactic;
    if (s.gap)
      item["gap"] = true;
    if (s.impact)
      item["impact"] = true;
    steps.push_back(std::move(item));
  }
  json out{{"steps", std::move(steps)}, {"gaps", path.gaps}};
  if (!path.nodes.empty())
    out["entry"] = node_json(path.nodes.front());
  return out;
}

json sla_json(const sla_view& sla) {
  return {{"rule", sla.rule}, {"acknowledge", deadline_json(sla.acknowledge)}, {"resolve", deadline_json(sla.resolve)}};
}

std::string to_ocsf_json(const view& v, std::string_view change) {
  const int activity = change == "opened" ? 1 : change == "closed" ? 3 : 2;
  const unix_ns changed = v.changed_at ? v.changed_at : v.last_event;
  json out{{"class_uid", 2005},
           {"class_name", "Incident Finding"},
           {"category_uid", 2},
           {"category_name", "Findings"},
           {"activity_id", activity},
           {"type_uid", 200500 + activity},
           {"time", changed / ns_per_ms},
           {"severity_id", static_cast<int>(v.level)},
           {"severity", model::to_string(v.level)},
           {"status_id", ocsf_status(v.now)},
           {"status", to_string(v.now)},
           {"confidence_score", v.confidence},
           {"start_time", v.first_event / ns_per_ms},
           {"end_time", v.last_event / ns_per_ms},
           {"count", std::max<std::uint64_t>(1, v.alerts)},
           {"metadata",
            {{"version", "1.8.0"},
             {"uid", v.id},
             {"sequence", v.version},
             {"tenant_uid", v.tenant},
             {"product", {{"name", "Agentic SOC"}, {"vendor_name", "Agentic SOC"}}}}},
           {"desc", v.title}};
  out["finding_info_list"] = finding_infos(v);
  if (auto attacks = attacks_json(v); !attacks.empty())
    out["attacks"] = std::move(attacks);
  if (!v.owner.empty())
    out["assignee"] = {{"name", v.owner}};
  if (v.found != classification::none)
    out["verdict_id"] = ocsf_verdict(v.found);
  json observables = json::array();
  for (const auto& e : v.entities)
    observables.push_back({{"name", fmt::format("{}.{}", model::to_string(e.role), model::to_string(e.type))},
                           {"type_id", observable_id(e.type)},
                           {"value", e.label}});
  out["observables"] = std::move(observables);
  json extra{{"scenario", v.scenario},     {"score", std::round(v.score * 100) / 100},
             {"change", change},           {"stages", v.stages},
             {"assets", v.assets},         {"accounts", v.accounts},
             {"automation", v.automation}, {"alerts", v.alerts},
             {"events", v.raw_events},     {"timeline", timeline_json(v)},
             {"path", path_json(v.path)},  {"entities", entities_json(v)}};
  if (!v.sla.rule.empty())
    extra["sla"] = sla_json(v.sla);
  if (!v.merged_into.empty())
    extra["merged_into"] = v.merged_into;
  if (!v.successor_of.empty())
    extra["successor_of"] = v.successor_of;
  json tasks = json::array();
  for (const auto& t : v.tasks)
    tasks.push_back({{"uid", t.id},
                     {"run_uid", t.run_id},
                     {"action", t.action},
                     {"target", t.target},
                     {"instance", t.instance},
                     {"status", t.status},
                     {"detail", t.detail}});
  extra["tasks"] = std::move(tasks);
  extra["times_s"] = {{"detect", v.times.detect}, {"acknowledge", v.times.acknowledge}, {"respond", v.times.respond}};
  out["unmapped"] = std::move(extra);
  return dumped(out);
}

std::string to_stix(const view& v) {
  const auto created = stix_time(v.opened_at ? v.opened_at : v.first_event);
  const auto modified = stix_time(v.changed_at ? v.changed_at : v.last_event);
  json objects = json::array();
  const auto common = [&](const char* type, const std::string& of) {
    return json{{"type", type},
                {"spec_version", "2.1"},
                {"id", stix_id(type, of)},
                {"created", created},
                {"modified", modified}};
  };
  auto incident = common("incident", v.id);
  incident["name"] = v.title;
  incident["description"] = fmt::format("{} alerts, score {:.0f}, status {}", v.alerts, v.score, to_string(v.now));
  const auto incident_id = incident["id"];
  objects.push_back(std::move(incident));
  json refs = json::array({incident_id});
  for (const auto& technique : v.techniques) {
    auto pattern = common("attack-pattern", technique);
    pattern["name"] = technique;
    pattern["external_references"] = json::array({{{"source_name", "mitre-attack"}, {"external_id", technique}}});
    auto uses = common("relationship", v.id + technique);
    uses["relationship_type"] = "related-to";
    uses["source_ref"] = incident_id;
    uses["target_ref"] = pattern["id"];
    refs.push_back(pattern["id"]);
    objects.push_back(std::move(pattern));
    objects.push_back(std::move(uses));
  }
  std::set<std::string> seen;
  for (const auto& e : v.entities)
    if (auto observable = stix_observable(e); !observable.is_null() && seen.insert(observable["id"]).second) {
      refs.push_back(observable["id"]);
      objects.push_back(std::move(observable));
    }
  auto grouping = common("grouping", v.id);
  grouping["name"] = v.title;
  grouping["context"] = "suspicious-activity";
  grouping["object_refs"] = std::move(refs);
  objects.push_back(std::move(grouping));
  return dumped({{"type", "bundle"}, {"id", stix_id("bundle", v.id)}, {"objects", std::move(objects)}});
}

std::string to_navigator_layer(const view& v) {
  std::map<std::string, std::pair<std::uint64_t, std::string>> found;
  for (const auto& line : v.timeline)
    if (!line.technique.empty()) {
      auto& [count, tactic] = found[line.technique];
      count += line.count;
      tactic = line.tactic;
    }
  json techniques = json::array();
  for (const auto& [technique, seen] : found) {
    json item{{"techniqueID", technique},
              {"score", seen.first},
              {"enabled", true},
              {"comment", fmt::format("{} alerts", seen.first)}};
    auto tactic = std::string(model::tactic_name(seen.second));
    for (auto& c : tactic)
      c = c == ' ' ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    if (!tactic.empty())
      item["tactic"] = tactic;
    techniques.push_back(std::move(item));
  }
  return dumped({{"name", v.title},
                 {"versions", {{"layer", "4.5"}, {"navigator", "5.1.0"}, {"attack", "16"}}},
                 {"domain", "enterprise-attack"},
                 {"description", "incident " + v.id},
                 {"techniques", std::move(techniques)},
                 {"gradient", {{"colors", {"#ffe0b2", "#d32f2f"}}, {"minValue", 0}, {"maxValue", 10}}}});
}

std::string to_dot(const view& v) {
  std::string out = "digraph incident {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n";
  for (std::size_t i = 0; i < v.path.nodes.size(); ++i) {
    const auto& n = v.path.nodes[i];
    out += fmt::format("  n{} [label=\"{}\\n{}\"{}];\n", i, model::to_string(n.type), dot_text(n.label),
                       i == 0 ? ", style=bold" : "");
  }
  for (const auto& s : v.path.steps)
    out += fmt::format("  n{} -> n{} [label=\"{}{}\"{}];\n", s.from, s.to, dot_text(s.verb),
                       s.count > 1 ? fmt::format(" ×{}", s.count) : "",
                       s.gap      ? ", style=dashed"
                       : s.impact ? ", color=red"
                                  : "");
  return out + "}\n";
}

} // namespace soc::incident
