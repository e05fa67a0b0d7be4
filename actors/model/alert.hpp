// model/alert.hpp - an alert: what a detection says of one or more events. Made by a detector (or taken from another
// product's finding), immutable; crosses NATS as schemas/alert.capnp and leaves as OCSF Detection Finding (2004).
#pragma once
#include "base/time.hpp"
#include "model/entity.hpp"

#include <memory>
#include <string>
#include <vector>

namespace soc::model {

/// OCSF severity_id.
enum class severity : std::uint8_t {
  unknown = 0,
  informational = 1,
  low = 2,
  medium = 3,
  high = 4,
  critical = 5,
  fatal = 6
};
std::string_view to_string(severity level); ///< "High"
/// From "high", "HIGH", "4"; unknown for other text.
severity severity_from(std::string_view text);

/// How the alert came about. Numbers cross the wire: append only.
enum class alert_origin : std::uint8_t { rule = 0, correlation = 1, intelligence = 2, anomaly = 3, native = 4 };

struct attack_technique {
  std::string tactic;    ///< "TA0001", empty if not known
  std::string technique; ///< "T1190" or "T1059.004", empty if only the tactic is known
  bool operator==(const attack_technique&) const = default;
};

/// A raw record that the alert rests on.
struct evidence {
  std::string event_id;
  unix_ns time = 0;
  std::string source; ///< "nginx/access"
  std::string origin; ///< file, peer, object key
  std::string raw;    ///< at most max_evidence_bytes, cut on a UTF-8 boundary
};
constexpr std::size_t max_evidence_bytes = 4096;
constexpr std::size_t max_evidence = 16;
constexpr std::size_t max_alert_entities = 64;

struct alert {
  std::string id; ///< 32 hex digits, deterministic: same events and rule, same id
  std::string tenant = "default";
  alert_origin origin = alert_origin::rule;
  unix_ns time = 0;        ///< of the (first) event
  unix_ns end_time = 0;    ///< of the last event; = time for one
  unix_ns detected_at = 0; ///< when the detector raised it (not part of the id)
  unix_ns ingested_at = 0; ///< when the source read the (last) record
  std::string rule_id, title, description;
  severity level = severity::unknown;
  std::uint8_t confidence = 0;   ///< 0–100, 0 = not stated
  std::vector<std::string> tags; ///< Sigma tags as written: "attack.t1190"
  std::vector<attack_technique> techniques;
  std::vector<entity> entities;
  std::vector<evidence> records;
  std::uint32_t count = 1;     ///< events folded into it
  std::string vendor, product; ///< of the events
  std::string cloud, account, region;
  std::string host;  ///< the asset it happened on, canonical host key, may be empty
  std::string stage; ///< what step of an attack a rule says this is ("webshell_upload"), may be empty
};

using alert_ptr = std::shared_ptr<const alert>;

/// ATT&CK techniques and tactics of Sigma tags ("attack.t1190", "attack.initial_access"); tactic ids of their names.
std::vector<attack_technique> techniques_of(const std::vector<std::string>& tags);
/// "TA0001" of "initial-access", "initial_access"; empty when it is no tactic. And back: "Initial Access".
std::string tactic_id(std::string_view name);
std::string_view tactic_name(std::string_view id);
/// Position along the kill chain, 0 = reconnaissance; -1 when unknown.
int tactic_order(std::string_view id);

/// The alert as OCSF 1.8.0 Detection Finding JSON, one line.
std::string to_ocsf_json(const alert& a);

} // namespace soc::model
