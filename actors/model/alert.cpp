#include "model/alert.hpp"

#include "base/json_writer.hpp"

#include <algorithm>
#include <array>

namespace soc::model {

namespace {

struct tactic {
  std::string_view id, name, slug; // in kill-chain order
};
constexpr std::array<tactic, 14> tactics{{
    {"TA0043", "Reconnaissance", "reconnaissance"},
    {"TA0042", "Resource Development", "resource-development"},
    {"TA0001", "Initial Access", "initial-access"},
    {"TA0002", "Execution", "execution"},
    {"TA0003", "Persistence", "persistence"},
    {"TA0004", "Privilege Escalation", "privilege-escalation"},
    {"TA0005", "Defense Evasion", "defense-evasion"},
    {"TA0006", "Credential Access", "credential-access"},
    {"TA0007", "Discovery", "discovery"},
    {"TA0008", "Lateral Movement", "lateral-movement"},
    {"TA0009", "Collection", "collection"},
    {"TA0011", "Command and Control", "command-and-control"},
    {"TA0010", "Exfiltration", "exfiltration"},
    {"TA0040", "Impact", "impact"},
}};

std::string slug_of(std::string_view text) {
  std::string out;
  for (const char c : text)
    out.push_back(c == '_' || c == ' ' ? '-' : (c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c));
  return out;
}

bool is_technique(std::string_view text) { // t1059 or t1059.004
  if (text.size() < 5 || (text[0] != 't' && text[0] != 'T'))
    return false;
  return std::all_of(text.begin() + 1, text.end(), [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

/// OCSF observable type_id of an entity.
int observable_type(entity_type type) {
  switch (type) {
  case entity_type::host:
  case entity_type::domain:
    return 1;
  case entity_type::ip:
    return 2;
  case entity_type::user:
    return 4;
  case entity_type::email:
    return 5;
  case entity_type::url:
    return 6;
  case entity_type::file:
    return 7;
  case entity_type::file_hash:
    return 8;
  case entity_type::process:
    return 25;
  case entity_type::registry_key:
    return 28;
  case entity_type::cloud_resource:
  case entity_type::container:
    return 10;
  case entity_type::unknown:
    return 99;
  }
  return 99;
}

void write_finding_info(json_writer& w, const alert& a) {
  w.key("finding_info").begin_object();
  w.key("uid").string(a.id).key("title").string(a.title);
  if (!a.description.empty())
    w.key("desc").string(a.description);
  w.key("first_seen_time").integer(a.time / ns_per_ms).key("last_seen_time").integer(a.end_time / ns_per_ms);
  w.key("analytic").begin_object();
  w.key("uid").string(a.rule_id).key("name").string(a.title);
  w.key("type_id").integer(a.origin == alert_origin::rule ? 1 : a.origin == alert_origin::anomaly ? 2 : 99);
  w.end_object();
  if (!a.techniques.empty()) {
    w.key("attacks").begin_array();
    for (const auto& t : a.techniques) {
      w.begin_object();
      if (!t.tactic.empty())
        w.key("tactic")
            .begin_object()
            .key("uid")
            .string(t.tactic)
            .key("name")
            .string(tactic_name(t.tactic))
            .end_object();
      if (!t.technique.empty())
        w.key("technique").begin_object().key("uid").string(t.technique).end_object();
      w.end_object();
    }
    w.end_array();
  }
  if (!a.tags.empty()) {
    w.key("types").begin_array();
    for (const auto& tag : a.tags)
      w.string(tag);
    w.end_array();
  }
  w.end_object();
}

void write_observables(json_writer& w, const alert& a) {
  w.key("observables").begin_array();
  for (const auto& e : a.entities) {
    w.begin_object();
    w.key("name").string(std::string(to_string(e.role)) + "." + std::string(to_string(e.type)));
    w.key("type_id").integer(observable_type(e.type)).key("value").string(e.label);
    w.end_object();
  }
  w.end_array();
}

/// In the order of the observables. A reader can't make every key of its label: a process has the label of its command
/// line, a user the scope of its host.
void write_keys(json_writer& w, const alert& a) {
  const bool told = std::all_of(a.entities.begin(), a.entities.end(), [](const auto& e) { return e.key == e.label; });
  if (told)
    return;
  w.key("unmapped").begin_object().key("entity_keys").begin_array();
  for (const auto& e : a.entities)
    w.string(e.key);
  w.end_array().end_object();
}

} // namespace

std::string_view to_string(severity level) {
  static constexpr std::array<std::string_view, 7> names{"Unknown", "Informational", "Low",  "Medium",
                                                         "High",    "Critical",      "Fatal"};
  return names[std::min<std::size_t>(static_cast<std::size_t>(level), names.size() - 1)];
}

severity severity_from(std::string_view text) {
  const auto word = slug_of(text);
  static constexpr std::array<std::pair<std::string_view, severity>, 14> words{
      {{"informational", severity::informational},
       {"info", severity::informational},
       {"low", severity::low},
       {"medium", severity::medium},
       {"moderate", severity::medium},
       {"high", severity::high},
       {"critical", severity::critical},
       {"fatal", severity::fatal},
       {"1", severity::informational},
       {"2", severity::low},
       {"3", severity::medium},
       {"4", severity::high},
       {"5", severity::critical},
       {"6", severity::fatal}}};
  for (const auto& [name, level] : words)
    if (name == word)
      return level;
  return severity::unknown;
}

std::string tactic_id(std::string_view name) {
  const auto slug = slug_of(name);
  for (const auto& t : tactics)
    if (t.slug == slug || slug_of(t.id) == slug)
      return std::string(t.id);
  return {};
}

std::string_view tactic_name(std::string_view id) {
  for (const auto& t : tactics)
    if (t.id == id)
      return t.name;
  return {};
}

int tactic_order(std::string_view id) {
  for (std::size_t i = 0; i < tactics.size(); ++i)
    if (tactics[i].id == id)
      return static_cast<int>(i);
  return -1;
}

std::vector<attack_technique> techniques_of(const std::vector<std::string>& tags) {
  std::vector<std::string> tactic_ids, technique_ids;
  for (const auto& tag : tags) {
    if (tag.rfind("attack.", 0) != 0)
      continue;
    const auto rest = std::string_view(tag).substr(7);
    if (is_technique(rest)) {
      std::string id(rest);
      id[0] = 'T';
      technique_ids.push_back(std::move(id));
    } else if (auto tactic = tactic_id(rest); !tactic.empty()) {
      tactic_ids.push_back(std::move(tactic));
    }
  }
  std::vector<attack_technique> out;
  // Sigma does not pair them: a single tactic goes with every technique, otherwise they stand side by side.
  for (const auto& technique : technique_ids)
    out.push_back({tactic_ids.size() == 1 ? tactic_ids[0] : std::string{}, technique});
  if (tactic_ids.size() != 1 || technique_ids.empty())
    for (const auto& tactic : tactic_ids)
      out.push_back({tactic, {}});
  return out;
}

std::string to_ocsf_json(const alert& a) {
  std::string out;
  json_writer w(out);
  w.begin_object();
  w.key("class_uid")
      .integer(2004)
      .key("category_uid")
      .integer(2)
      .key("activity_id")
      .integer(1)
      .key("type_uid")
      .integer(200401);
  w.key("severity_id").integer(static_cast<int>(a.level)).key("time").integer(a.time / ns_per_ms);
  if (a.confidence > 0)
    w.key("confidence_score").integer(a.confidence);
  w.key("metadata")
      .begin_object()
      .key("version")
      .string("1.8.0")
      .key("uid")
      .string(a.id)
      .key("tenant_uid")
      .string(a.tenant);
  w.key("product")
      .begin_object()
      .key("name")
      .string(a.product)
      .key("vendor_name")
      .string(a.vendor)
      .end_object()
      .end_object();
  write_finding_info(w, a);
  if (!a.host.empty())
    w.key("device").begin_object().key("type_id").integer(0).key("hostname").string(a.host).end_object();
  if (!a.cloud.empty() || !a.account.empty()) {
    w.key("cloud").begin_object().key("provider").string(a.cloud);
    if (!a.account.empty())
      w.key("account").begin_object().key("uid").string(a.account).end_object();
    if (!a.region.empty())
      w.key("region").string(a.region);
    w.end_object();
  }
  write_observables(w, a);
  write_keys(w, a);
  w.key("count").integer(a.count);
  if (!a.records.empty())
    w.key("raw_data").string(a.records.front().raw);
  w.end_object();
  return out;
}

} // namespace soc::model
