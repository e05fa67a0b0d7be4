// Alerts for the tests of graph and incident.
#pragma once
#include "graph/core/entity_graph.hpp"

#include <string>

namespace soc::test {

constexpr unix_ns begin_time = 1'700'000'000LL * ns_per_s;

inline model::entity thing(model::entity_type type, model::entity_role role, std::string label,
                           std::string scope = {}) {
  auto key = model::canonical_key(type, label, scope);
  return {type, role, std::move(key), std::move(label)};
}
inline model::entity source_ip(std::string ip) {
  return thing(model::entity_type::ip, model::entity_role::source, std::move(ip));
}
inline model::entity acting_user(std::string name) {
  return thing(model::entity_type::user, model::entity_role::actor, std::move(name));
}

struct alert_maker {
  std::uint64_t made = 0;

  std::shared_ptr<model::alert> make(double at_s, std::string rule, std::string host, model::severity level,
                                     std::vector<model::entity> entities = {}, std::string product = "auditd") {
    auto a = std::make_shared<model::alert>();
    a->id = "alert-" + std::to_string(++made);
    a->time = a->end_time = begin_time + static_cast<unix_ns>(at_s * ns_per_s);
    a->detected_at = a->time + ns_per_s;
    a->rule_id = rule;
    a->title = std::move(rule);
    a->host = std::move(host);
    a->level = level;
    a->entities = std::move(entities);
    a->product = std::move(product);
    return a;
  }
};

} // namespace soc::test
