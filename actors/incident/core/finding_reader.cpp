#include "incident/core/finding_reader.hpp"

#include <simdjson.h>

#include <algorithm>

namespace soc::incident {

namespace {

using model::entity_role;
using model::entity_type;
using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

std::string_view text_in(object o, std::string_view key) {
  std::string_view out;
  return o[key].get_string().get(out) == simdjson::SUCCESS ? out : std::string_view();
}

std::optional<object> object_in(object o, std::string_view key) {
  object out;
  return o[key].get_object().get(out) == simdjson::SUCCESS ? std::optional(out) : std::nullopt;
}

std::optional<array> array_in(object o, std::string_view key) {
  array out;
  return o[key].get_array().get(out) == simdjson::SUCCESS ? std::optional(out) : std::nullopt;
}

std::optional<std::int64_t> integer_in(object o, std::string_view key) {
  std::int64_t out = 0;
  if (o[key].get_int64().get(out) == simdjson::SUCCESS)
    return out;
  double real = 0;
  if (o[key].get_double().get(real) == simdjson::SUCCESS && real > -9e15 && real < 9e15)
    return static_cast<std::int64_t>(real);
  return std::nullopt;
}

/// Entity type of an OCSF 1.8.0 observable type_id; unknown for types that identify nothing.
entity_type type_of_observable(std::int64_t id) {
  switch (id) {
  case 1:
    return entity_type::host;
  case 2:
    return entity_type::ip;
  case 4:
  case 21:
    return entity_type::user;
  case 5:
  case 22:
    return entity_type::email;
  case 6:
  case 23:
    return entity_type::url;
  case 7:
  case 24:
  case 45:
    return entity_type::file;
  case 8:
    return entity_type::file_hash;
  case 9:
  case 25:
    return entity_type::process;
  case 10:
  case 26:
    return entity_type::cloud_resource;
  case 27:
    return entity_type::container;
  case 28:
    return entity_type::registry_key;
  default:
    return entity_type::unknown;
  }
}

/// Our own findings name observables "role.type"; others by the path of the attribute, whose first part says the role.
entity_role role_of_name(std::string_view name) {
  const auto head = name.substr(0, name.find('.'));
  if (const auto role = model::entity_role_from(head); role != entity_role::unknown)
    return role;
  if (head == "device")
    return entity_role::observer;
  if (head == "src_endpoint" || head == "src")
    return entity_role::source;
  if (head == "dst_endpoint" || head == "dst")
    return entity_role::destination;
  if (head == "process" || head == "file" || head == "resources" || head == "resource" || head == "user" ||
      head == "url")
    return entity_role::target;
  return entity_role::related;
}

/// A domain is a host name nobody reports from: the attribute's path tells them apart.
entity_type refined(entity_type type, std::string_view name) {
  if (type != entity_type::host)
    return type;
  return name.find("domain") != std::string_view::npos || name.rfind("query", 0) == 0 ? entity_type::domain
                                                                                      : entity_type::host;
}

/// `key`: as whoever wrote the finding knew it; empty: it is made of the label.
void add_entity(model::alert& a, entity_type type, entity_role role, std::string_view label, std::string_view scope,
                std::string_view key = {}) {
  if (type == entity_type::unknown || label.empty() || a.entities.size() >= model::max_alert_entities)
    return;
  model::entity e{type, role, key.empty() ? model::canonical_key(type, label, scope) : std::string(key),
                  std::string(label)};
  if (e.key.empty())
    return;
  const bool known = std::any_of(a.entities.begin(), a.entities.end(),
                                 [&](const auto& x) { return x.type == type && x.key == e.key; });
  if (!known)
    a.entities.push_back(std::move(e));
}

/// Keys of the observables, in their order: model::to_ocsf_json writes them.
std::vector<std::string_view> keys_in(object root) {
  std::vector<std::string_view> out;
  const auto unmapped = object_in(root, "unmapped");
  const auto list = unmapped ? array_in(*unmapped, "entity_keys") : std::nullopt;
  if (list)
    for (element item : *list) {
      std::string_view key;
      out.push_back(item.get_string().get(key) == simdjson::SUCCESS ? key : std::string_view());
    }
  return out;
}

void read_observables(model::alert& a, object root) {
  const auto list = array_in(root, "observables");
  if (!list)
    return;
  const auto keys = keys_in(root);
  std::size_t index = 0;
  for (element item : *list) {
    const auto key = index < keys.size() ? keys[index] : std::string_view();
    ++index;
    object o;
    if (item.get_object().get(o) != simdjson::SUCCESS)
      continue;
    const auto name = text_in(o, "name");
    const auto type = refined(type_of_observable(integer_in(o, "type_id").value_or(0)), name);
    const bool local = type == entity_type::file || type == entity_type::process || type == entity_type::registry_key;
    add_entity(a, type, role_of_name(name), text_in(o, "value"), local ? std::string_view(a.host) : std::string_view(),
               key);
  }
}

void read_attacks(model::alert& a, object info) {
  const auto list = array_in(info, "attacks");
  if (!list)
    return;
  for (element item : *list) {
    object o;
    if (item.get_object().get(o) != simdjson::SUCCESS)
      continue;
    model::attack_technique t;
    if (const auto tactic = object_in(o, "tactic"))
      t.tactic = text_in(*tactic, "uid").empty() ? model::tactic_id(text_in(*tactic, "name"))
                                                 : std::string(text_in(*tactic, "uid"));
    if (const auto technique = object_in(o, "technique"))
      t.technique = text_in(*technique, "uid");
    if (!t.tactic.empty() || !t.technique.empty())
      a.techniques.push_back(std::move(t));
  }
}

void read_info(model::alert& a, object info) {
  if (a.id.empty())
    a.id = text_in(info, "uid");
  a.title = text_in(info, "title");
  a.description = text_in(info, "desc");
  if (const auto analytic = object_in(info, "analytic")) {
    a.rule_id = text_in(*analytic, "uid");
    if (a.title.empty())
      a.title = text_in(*analytic, "name");
    a.origin = integer_in(*analytic, "type_id") == 2 ? model::alert_origin::anomaly : model::alert_origin::rule;
  }
  if (a.rule_id.empty())
    a.rule_id = a.title;
  if (const auto types = array_in(info, "types"))
    for (element item : *types) {
      std::string_view tag;
      if (item.get_string().get(tag) == simdjson::SUCCESS)
        a.tags.emplace_back(tag);
    }
  read_attacks(a, info);
  if (a.techniques.empty())
    a.techniques = model::techniques_of(a.tags);
}

void read_places(model::alert& a, object root) {
  if (const auto device = object_in(root, "device")) {
    a.host = model::canonical_key(entity_type::host, text_in(*device, "hostname"));
    if (a.host.empty())
      a.host = model::canonical_key(entity_type::host, text_in(*device, "uid"));
    add_entity(a, entity_type::ip, entity_role::observer, text_in(*device, "ip"), {});
  }
  if (const auto cloud = object_in(root, "cloud")) {
    a.cloud = text_in(*cloud, "provider");
    a.region = text_in(*cloud, "region");
    if (const auto account = object_in(*cloud, "account"))
      a.account = text_in(*account, "uid");
  }
}

} // namespace

struct finding_reader::parser {
  simdjson::dom::parser json;
  std::string padded;
};

finding_reader::finding_reader() : parser_(std::make_unique<parser>()) {}
finding_reader::~finding_reader() = default;

result<model::alert> finding_reader::read(std::string_view line) {
  auto& padded = parser_->padded;
  padded.reserve(line.size() + simdjson::SIMDJSON_PADDING);
  padded.assign(line);
  object root;
  if (const auto bad = parser_->json.parse(padded.data(), padded.size(), false).get_object().get(root))
    return failure{ec::invalid_input, std::string("not a JSON object: ") + simdjson::error_message(bad)};
  model::alert a;
  if (const auto meta = object_in(root, "metadata")) {
    a.id = text_in(*meta, "uid");
    if (const auto tenant = text_in(*meta, "tenant_uid"); !tenant.empty())
      a.tenant = tenant;
    if (const auto product = object_in(*meta, "product")) {
      a.product = text_in(*product, "name");
      a.vendor = text_in(*product, "vendor_name");
    }
  }
  if (const auto info = object_in(root, "finding_info"))
    read_info(a, *info);
  if (a.id.empty())
    return failure{ec::invalid_input, "neither metadata.uid nor finding_info.uid"};
  const auto time = integer_in(root, "time");
  if (!time || *time <= 0 || *time > 9'000'000'000'000)
    return failure{ec::invalid_input, "'time' is no unix time in milliseconds"};
  a.time = a.end_time = *time * ns_per_ms;
  const auto level = integer_in(root, "severity_id").value_or(0);
  a.level = level >= 0 && level <= 6 ? static_cast<model::severity>(level) : model::severity::unknown;
  const auto confidence = integer_in(root, "confidence_score").value_or(0);
  a.confidence = static_cast<std::uint8_t>(std::clamp<std::int64_t>(confidence, 0, 100));
  a.count =
      static_cast<std::uint32_t>(std::clamp<std::int64_t>(integer_in(root, "count").value_or(1), 1, 1'000'000'000));
  read_places(a, root);
  read_observables(a, root);
  if (const auto raw = text_in(root, "raw_data"); !raw.empty())
    a.records.push_back(
        {a.id, a.time, a.vendor + "/" + a.product, {}, std::string(raw.substr(0, model::max_evidence_bytes))});
  return a;
}

} // namespace soc::incident
