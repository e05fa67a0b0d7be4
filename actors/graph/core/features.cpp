#include "graph/core/features.hpp"

#include "base/hash.hpp"

#include <algorithm>

namespace soc::graph {

namespace {

using model::entity_role;
using model::entity_type;

constexpr std::size_t max_cached_policies = 16'384;
constexpr double dull_share = 0.05;

double type_weight(const model::entity& e) {
  switch (e.type) {
  case entity_type::ip:
    return model::is_private_ip(e.label) ? 3 : 4;
  case entity_type::domain:
  case entity_type::user:
  case entity_type::email:
  case entity_type::file:
  case entity_type::registry_key:
    return 4;
  case entity_type::file_hash:
  case entity_type::process:
    return 5;
  case entity_type::host:
  case entity_type::container:
  case entity_type::cloud_resource:
  case entity_type::url:
    return 3;
  case entity_type::unknown:
    return 1;
  }
  return 1;
}

double role_share(entity_role role) {
  switch (role) {
  case entity_role::observer:
    return 0.2;
  case entity_role::parent:
    return 0.8;
  case entity_role::related:
    return 0.6;
  default:
    return 1;
  }
}

double severity_nats(model::severity level) {
  static constexpr double nats[] = {0, -2, -0.5, 1.5, 3, 5, 6};
  return nats[std::min<std::size_t>(static_cast<std::size_t>(level), 6)];
}

const model::entity* first_of(const model::alert& a, entity_type type, bool not_source) {
  for (const auto& e : a.entities)
    if (e.type == type && !(not_source && (e.role == entity_role::source || e.role == entity_role::observer)))
      return &e;
  return nullptr;
}

/// The entity it happened on when the alert names no host: the resource, the account, the destination.
const model::entity* asset_entity(const model::alert& a) {
  for (const auto type :
       {entity_type::host, entity_type::container, entity_type::cloud_resource, entity_type::user, entity_type::ip})
    if (const auto* e = first_of(a, type, true))
      return e;
  return a.entities.empty() ? nullptr : &a.entities.front();
}

void say(policy& says, const aggregation_rule& rule, std::uint8_t& decided) {
  enum : std::uint8_t { mode = 1, klass = 2, weight = 4, assetless = 8, alone = 16 };
  const auto first = [&](std::uint8_t bit, bool has) {
    const bool takes = has && !(decided & bit);
    decided = static_cast<std::uint8_t>(decided | (takes ? bit : 0));
    return takes;
  };
  if (first(mode, rule.mode.has_value())) {
    says.mode = *rule.mode;
    says.rule = &rule;
  }
  if (first(klass, rule.klass.has_value()))
    says.klass = *rule.klass;
  if (first(weight, rule.weight.has_value()))
    says.weight = *rule.weight;
  if (first(assetless, rule.assetless.has_value()))
    says.assetless = *rule.assetless;
  if (first(alone, rule.alone_from.has_value())) {
    says.alone_from = *rule.alone_from;
    says.alone = *rule.alone_from <= model::severity::fatal;
  }
}

} // namespace

std::uint64_t entity_hash(entity_type type, std::string_view key) {
  return hash64(key, 0x51ED2701 + static_cast<std::uint64_t>(type));
}

feature_reader::feature_reader(const settings& from)
    : settings_(from), dull_(from.dull_entities.begin(), from.dull_entities.end()) {
  for (const auto& rule : settings_.rules)
    all_by_signature_ = all_by_signature_ && rule.by_signature;
  for (const auto& text : dull_)
    longest_dull_ = std::max(longest_dull_, text.size());
}

/// Asked of every entity of every alert: long labels are not looked at, the others cost no allocation.
bool feature_reader::is_dull(const model::entity& e) {
  const auto type = model::to_string(e.type);
  if (type.size() + 1 + e.label.size() > longest_dull_)
    return false;
  scratch_.assign(type);
  scratch_ += ':';
  for (const char c : e.label)
    scratch_.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c);
  return dull_.contains(scratch_);
}

policy feature_reader::policy_of(const model::alert& a, std::uint64_t signature) {
  if (all_by_signature_)
    if (const auto it = cached_.find(signature); it != cached_.end())
      return it->second;
  policy says;
  std::uint8_t decided = 0;
  const auto document = condition_document(a);
  for (const auto& rule : settings_.rules)
    if (!rule.when || rule.when->matches(document))
      say(says, rule, decided);
  if (all_by_signature_) {
    if (cached_.size() >= max_cached_policies)
      cached_.clear();
    cached_.emplace(signature, says);
  }
  return says;
}

features feature_reader::read(const model::alert& a) {
  features f;
  f.kind = hash64(a.title, hash64(a.rule_id));
  const auto signature = hash64(a.product, hash64(a.vendor, f.kind ^ (static_cast<std::uint64_t>(a.level) << 8) ^
                                                                static_cast<std::uint64_t>(a.origin)) ^
                                               hash64(a.stage));
  f.says = policy_of(a, signature);
  const auto* on = a.host.empty() ? asset_entity(a) : nullptr;
  f.asset_label = on ? std::string_view(on->label) : std::string_view(a.host);
  f.asset = on ? entity_hash(on->type, on->key) : entity_hash(entity_type::host, a.host);
  f.added = severity_nats(a.level) + f.says.weight + (a.origin == model::alert_origin::intelligence ? 3.0 : 0.0) +
            (a.stage.empty() ? 0.0 : 1.0);
  for (const auto& t : a.techniques)
    f.tactic = std::max(f.tactic, model::tactic_order(t.tactic));
  f.entities.reserve(a.entities.size());
  for (const auto& e : a.entities) {
    entity_feature x{entity_hash(e.type, e.key), &e, type_weight(e) * role_share(e.role)};
    if (x.hash == f.asset)
      continue;
    if (e.role == entity_role::observer && e.type == entity_type::ip)
      x.weight = 0; // the asset's own address: known again when it turns up as a source elsewhere
    const bool twice = std::any_of(f.entities.begin(), f.entities.end(), [&](auto& y) { return y.hash == x.hash; });
    if (twice)
      continue;
    if (is_dull(e))
      x.weight *= dull_share;
    else if ((e.role == entity_role::source || e.role == entity_role::actor) &&
             (e.type == entity_type::ip || e.type == entity_type::user))
      f.identified = true;
    f.entities.push_back(x);
  }
  return f;
}

std::string key_values(const aggregation_rule& rule, const model::alert& a) {
  std::string out;
  bool any = false;
  for (const auto& key : rule.keys) {
    std::string value;
    if (key == "host")
      value = a.host;
    else if (key == "rule_id")
      value = a.rule_id;
    else if (key == "title")
      value = a.title;
    else if (key == "account")
      value = a.account;
    else if (key == "product")
      value = a.product;
    else if (key == "tenant")
      value = a.tenant;
    else if (key == "stage")
      value = a.stage;
    else if (key.rfind("entity.", 0) == 0) { // entity.user, entity.ip.source
      const auto dot = key.find('.', 7);
      const auto type = model::entity_type_from(key.substr(7, dot == std::string::npos ? dot : dot - 7));
      const auto role = dot == std::string::npos ? entity_role::unknown : model::entity_role_from(key.substr(dot + 1));
      for (const auto& e : a.entities)
        if (e.type == type && (dot == std::string::npos || e.role == role)) {
          value = e.key;
          break;
        }
    }
    any = any || !value.empty();
    out += value;
    out += '\x1f';
  }
  return any ? out : std::string();
}

} // namespace soc::graph
