// graph/core/settings.hpp - every parameter of the entity graph and the aggregation rules (rules/aggregation/*.yaml).
// Loaded and validated once, then read-only and shared. Weights and suspicion are in nats: a natural logarithm of "how
// many times more likely in an attack than on an ordinary day". Defaults were measured on the AIT Alert Data Set:
// docs/incidents.md.
#pragma once
#include "base/diagnostic.hpp"
#include "base/json_condition.hpp"
#include "model/alert.hpp"

#include <array>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace soc::graph {

struct parameters {
  // What is everyday.
  double episode_gap_s = 600; ///< alerts of one kind on one asset within this time are one episode
  double rate_window_s = 360; ///< an alert's surprise is -ln(rate of its kind on its asset × this)
  double prior_hours = 24;    ///< how long an asset must be watched before its own history outweighs that of all assets
  double memory_days = 14;    ///< half-life of what was learned
  double learning_hours = 6;  ///< from the first alert of a tenant: first sightings are gathered, not judged
  // Suspicion.
  double everyday_suspicion = 5; ///< an alert says something only above this
  double new_suspicion = 6.5;    ///< least suspicion that begins a candidate
  double open_score = 12;        ///< a candidate becomes an incident at this sum of suspicion above everyday
  double network_share = 0.5;    ///< a network alert counts this much of a host alert
  double repetition_share = 0.1; ///< a later episode of the same kind counts this much
  // Links.
  double least_link = 2;          ///< the sum of links an alert needs to join
  double join_total = 7.5;        ///< and the least suspicion + links
  double asset_link = 4;          ///< same asset
  double same_signature_link = 4; ///< the same network signature on another asset within the sweep window
  double sweep_window_s = 60;
  double time_link = 4;            ///< an alert that belongs to no asset, near a running incident
  double tactic_link = 0.5;        ///< one step further along the kill chain
  double link_half_life_min = 120; ///< links through assets and entities fade by half in this time
  double time_half_life_min = 120; ///< links by time alone
  double common_at = 4;            ///< an entity seen in this many unrelated contexts keeps half its weight
  double merge_link = 3.5;         ///< an alert linked this much to two clusters makes them one
  double went_on_s = 60;           ///< an asset that goes on this long after a sweep takes the sweep over
  double went_on_within_h = 6;
  // Order.
  double lateness_s = 0; ///< alerts are held so long to put those that arrive swapped in order; 0 = taken as they come
  // Bounds.
  double candidate_minutes = 30;   ///< a candidate that hears nothing for so long is everyday after all
  double incident_idle_h = 24;     ///< an incident takes no alerts after so long a silence
  double max_pairs = 200'000;      ///< (asset, kind) pairs remembered
  double max_entities = 200'000;   ///< entities whose commonness is remembered
  double max_clusters = 20'000;    ///< candidates and incidents held at once
  double max_waiting = 256;        ///< alerts a candidate keeps until it opens
  double max_recent_ids = 500'000; ///< alert ids remembered, per generation
};

/// What the alert stands on: decides what it may do alone.
enum class alert_class : std::uint8_t { host, network };

enum class aggregation : std::uint8_t {
  graph,        ///< joined through entities
  same_type,    ///< one incident a rule and window
  keys,         ///< one incident for equal values of `keys` within the window
  pass_through, ///< one incident an alert
  exclude,      ///< never in an incident
};

/// One aggregation rule. The first rule that matches and says something of a property decides that property.
struct aggregation_rule {
  std::string id, title;
  std::optional<json_condition> when; ///< none: matches all
  bool by_signature = true;           ///< looks only at what all alerts of one kind share: the answer is cached
  std::optional<aggregation> mode;
  std::optional<alert_class> klass;
  std::vector<std::string> keys; ///< "host", "rule_id", "account", "tenant", "entity.user", "entity.source.ip"
  double window_s = 3600;
  std::optional<double> weight;              ///< added to the suspicion, nats
  std::optional<bool> assetless;             ///< tells of another asset than the one that reports
  std::optional<model::severity> alone_from; ///< from this severity one alert opens an incident
};

/// What the rules say of one alert.
struct policy {
  aggregation mode = aggregation::graph;
  alert_class klass = alert_class::host;
  bool assetless = false;
  double weight = 0;
  model::severity alone_from = model::severity::medium; ///< fatal + 1 never happens: "never"
  bool alone = true;
  const aggregation_rule* rule = nullptr; ///< that chose the mode, null = the default
};

struct settings {
  parameters with;
  std::vector<aggregation_rule> rules;
  std::set<std::string> dull_entities; ///< "user:root", "ip:127.0.0.1": lower-case type:label, say next to nothing
  std::string fingerprint;             ///< of all of it
};
using settings_ptr = std::shared_ptr<const settings>;

/// A file of rules. Errors are numbered AGG…; loading goes on past a bad rule.
struct settings_file {
  std::string name, text;
};
settings load_settings(const std::vector<settings_file>& files, diagnostics& found);

/// The files of rules/aggregation as they were when this was built: what holds when no folder is given.
settings_ptr default_settings();

/// Every parameter by its name in the files.
struct parameter_info {
  const char* name;
  double parameters::*member;
};
const std::vector<parameter_info>& all_parameters();

/// The document aggregation conditions are held against.
nlohmann::json condition_document(const model::alert& a);

} // namespace soc::graph
