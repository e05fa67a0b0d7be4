// tests/unit/wire/samples.hpp - one message of each kind with every field set: what the golden files hold.
#pragma once
#include "model/alert.hpp"
#include "wire/control_wire.hpp"

namespace soc::wire::samples {

inline model::alert full_alert() {
  model::alert a;
  a.id = "0123456789abcdef0123456789abcdef";
  a.tenant = "acme";
  a.origin = model::alert_origin::correlation;
  a.time = 1'700'000'000'000'000'001;
  a.end_time = 1'700'000'001'000'000'002;
  a.detected_at = 1'700'000'002'000'000'003;
  a.ingested_at = 1'700'000'003'000'000'004;
  a.rule_id = "web-shell-upload";
  a.title = "Webshell hochgeladen \xE2\x80\x93 caf\xC3\xA9";
  a.description = "A script was written into a web root.";
  a.level = model::severity::high;
  a.confidence = 87;
  a.tags = {"attack.t1505.003", "attack.persistence"};
  a.techniques = {{"TA0003", "T1505.003"}, {"TA0001", ""}};
  a.entities = {{model::entity_type::ip, model::entity_role::source, "203.0.113.9", "203.0.113.9"},
                {model::entity_type::file, model::entity_role::target, "web1|/var/www/a.php", "/var/www/a.php"}};
  a.records = {{"fedcba9876543210fedcba9876543210", 1'700'000'000'000'000'001, "nginx/access", "/var/log/a.log",
                std::string("POST /up\0load\xFF", 14)}};
  a.count = 3;
  a.vendor = "nginx";
  a.product = "access";
  a.cloud = "aws";
  a.account = "123456789012";
  a.region = "eu-central-1";
  a.host = "web1";
  a.stage = "webshell_upload";
  return a;
}

inline control_request full_request() {
  return {"req-1", "ana", {"incident", "8f3a", "with space"}, true, 1'700'000'000'000'000'005};
}

inline control_reply full_reply() {
  return {"req-1", false, 1, "application/json", "{\"a\":1}", "no such incident"};
}

inline envelope full_envelope() {
  return {"incident", "8f3a", "join_alert", std::string("\0\x01payload", 9), 1'700'000'000'000'000'006, "node-b"};
}

inline envelope_reply full_envelope_reply() {
  return {ec::conflict, "stored at 7", "bytes"};
}

/// Compares field by field what model::alert has no operator for.
inline bool same(const model::alert& a, const model::alert& b) {
  const auto key = [](const model::alert& x) {
    return std::tie(x.id, x.tenant, x.origin, x.time, x.end_time, x.detected_at, x.ingested_at, x.rule_id, x.title,
                    x.description, x.level, x.confidence, x.tags, x.techniques, x.entities, x.count, x.vendor,
                    x.product, x.cloud, x.account, x.region, x.host, x.stage);
  };
  if (key(a) != key(b) || a.records.size() != b.records.size())
    return false;
  for (std::size_t i = 0; i < a.records.size(); ++i) {
    const auto& x = a.records[i];
    const auto& y = b.records[i];
    if (std::tie(x.event_id, x.time, x.source, x.origin, x.raw) !=
        std::tie(y.event_id, y.time, y.source, y.origin, y.raw))
      return false;
  }
  return true;
}

} // namespace soc::wire::samples
