// incident/core/export.hpp - an incident for other programs: OCSF Incident Finding (class 2005, 1.8.0), STIX 2.1, an
// ATT&CK Navigator layer (4.5), Graphviz. Pure functions of the view. Texts come from logs: every writer escapes for
// its own format.
#pragma once
#include "incident/core/view.hpp"

#include <nlohmann/json.hpp>

namespace soc::incident {

nlohmann::ordered_json entities_json(const view& v);
nlohmann::ordered_json timeline_json(const view& v);
nlohmann::ordered_json path_json(const attack_path& path);
/// Rule, and of each deadline: due, met (null = none, not yet), missed.
nlohmann::ordered_json sla_json(const sla_view& sla);

/// One line. `change`: "opened", "updated", "merged", "split", "status", "closed", "overdue", "due_soon" (activity_id 1
/// create, 2 update, 3 close).
std::string to_ocsf_json(const view& v, std::string_view change);
/// A bundle: incident, grouping of indicators, attack patterns, relationships. Ids are deterministic (UUIDv5-like from
/// our hashes).
std::string to_stix(const view& v);
std::string to_navigator_layer(const view& v);
std::string to_dot(const view& v);

} // namespace soc::incident
