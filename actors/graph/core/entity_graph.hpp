// graph/core/entity_graph.hpp - the online entity graph of one tenant: alerts in order of time → where each belongs and
// why. One pass, no look ahead, bounded memory; the same alerts give the same incidents. Owned by the graph actor (or
// `soc correlate`), single-threaded.
//
// An alert is judged by two sums in nats: its suspicion (how rare its kind is on its asset, what its severity says) and
// its links to each cluster (shared entities by rarity, role and age; the asset; the signature; tactic order). Enough
// of both: it joins. Enough suspicion alone: it begins a candidate. A candidate that gathers enough becomes an incident
// and brings along what it gathered. The rest is everyday and teaches.
#pragma once
#include "base/result.hpp"
#include "graph/core/background.hpp"
#include "graph/core/cluster.hpp"
#include "graph/core/features.hpp"

#include <map>
#include <memory>
#include <set>

namespace soc::graph {

enum class placing : std::uint8_t {
  duplicate, ///< its id is known
  excluded,  ///< by a rule
  everyday,  ///< no incident
  waiting,   ///< of a candidate that is not an incident yet
  incident,
};

/// One alert of one incident; earlier ones too when a candidate opens.
struct placement {
  model::alert_ptr alert;
  std::string incident_id;
  explanation why;
  bool opens = false; ///< the incident begins with it
};

struct merge_decision {
  std::string from, into; ///< incident ids
  explanation why;
  unix_ns time = 0;
};

/// The graph now doubts what it once joined.
struct doubt {
  std::string incident_id;
  std::string entity;              ///< label of the entity that has become common
  std::vector<std::string> assets; ///< that came in through it alone
};

struct decision {
  placing what = placing::everyday;
  explanation why;                    ///< of the alert itself, also when it is everyday
  std::vector<merge_decision> merges; ///< before `placed`: its ids are those after the merges
  std::vector<placement> placed;
  std::vector<doubt> doubts;
};

struct graph_counts {
  std::uint64_t alerts = 0, duplicates = 0, excluded = 0, everyday = 0, waiting = 0, joined = 0, opened = 0, merged = 0,
                expired = 0, doubts = 0;
  std::size_t clusters = 0, incidents = 0, pairs = 0, entities = 0;
};

class entity_graph {
public:
  entity_graph(std::string tenant, settings_ptr with);
  entity_graph(const entity_graph&) = delete;
  entity_graph& operator=(const entity_graph&) = delete;

  decision place(const model::alert_ptr& a);

  // What people decide is kept against later automatic joins, and teaches.
  void person_merged(const std::string& from, const std::string& into);
  /// `shared`: entities that the two sides have in common; they will weigh less.
  void person_split(const std::string& from, const std::string& to, const std::vector<model::alert_ptr>& moved,
                    unix_ns now);
  /// Closed: takes no more alerts. As a false positive its kinds become everyday.
  void incident_closed(const std::string& id, bool false_positive, unix_ns now);

  graph_counts counts() const;
  const settings& with() const { return *settings_; }
  const std::string& tenant() const { return tenant_; }

  /// The whole state as bytes, and back. Fails with corrupt, or version_mismatch for another format.
  std::string snapshot() const;
  static result<std::unique_ptr<entity_graph>> restore(std::string_view bytes, settings_ptr with);

private:
  struct scored {
    cluster* of = nullptr;
    double links = 0;    ///< all
    double specific = 0; ///< without asset and time: what two incidents may be merged by
  };

  // place: the steps.
  bool seen_before(const model::alert& a);
  decision place_by_rule(const model::alert_ptr& a, const features& f);
  decision place_by_graph(const model::alert_ptr& a, const features& f);
  scored score(cluster& c, const features& f, double suspicion, unix_ns now, std::vector<reason>* reasons) const;
  /// The most that the links of an alert to any cluster can be.
  double links_at_most(const features& f, double suspicion) const;
  std::vector<cluster*> candidates(const features& f, unix_ns now);
  double asset_weight(const cluster& c, const features& f, unix_ns now, std::vector<reason>* reasons) const;
  double entity_weight(const cluster& c, const features& f, unix_ns now, std::vector<reason>* reasons) const;
  double signature_weight(const cluster& c, const features& f, double suspicion, unix_ns now,
                          std::vector<reason>* reasons) const;
  cluster& begin_cluster(const model::alert& a, const features& f);
  void add(cluster& c, const model::alert_ptr& a, const features& f, double suspicion, explanation why, decision& out);
  void open(cluster& c, decision& out);
  bool opens_alone(const model::alert& a, const features& f, double suspicion) const;
  void merge_linked(cluster*& home, const std::vector<scored>& others, unix_ns now, decision& out);
  void take_over_sweep(cluster& home, const features& f, unix_ns now, decision& out);
  void take_over(cluster& sweep, cluster& home, const features& f, const char* what, unix_ns now, decision& out);
  void merge(cluster& from, cluster& into, explanation why, unix_ns now, decision& out);
  decision to_first_sight(const model::alert_ptr& a, const features& f, explanation why);
  void learn(const features& f, unix_ns now, bool everyday, std::uint32_t cluster, decision& out);
  void doubt_bridges(std::uint64_t entity, decision& out);

  // clusters.
  cluster* find(std::uint32_t number);
  cluster* find(const std::string& incident_id);
  void post(std::uint64_t hash, const cluster& c);
  void unpost(const cluster& c);
  void forget_idle(unix_ns now);
  void remove(std::uint32_t number);
  bool kept_apart(const cluster& a, const cluster& b) const;
  void keep_apart(const std::string& from, const std::string& into);
  double fade(unix_ns since, unix_ns now, double half_life_min) const;

  std::string tenant_;
  settings_ptr settings_;
  feature_reader reader_;
  background background_;
  recent_set recent_ids_;
  std::map<std::uint32_t, cluster> clusters_;
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>, identity_hash>
      postings_;                                 ///< entity, asset, network kind → clusters
  std::map<std::uint64_t, std::uint32_t> keyed_; ///< same_type and keys
  std::map<std::string, std::uint32_t> by_id_;   ///< of open ones and, after a merge, the ids that went into them
  std::set<std::pair<std::string, std::string>> apart_; ///< split by a person: never merged again
  std::map<std::uint64_t, std::string> moved_;          ///< (asset, kind) a person moved → incident
  std::uint32_t next_number_ = 1, first_sight_ = 0;
  unix_ns tidied_ = 0;
  graph_counts counts_;
};

} // namespace soc::graph
