// The life of clusters: merged, taken over, corrected by people, forgotten.
#include "graph/core/entity_graph.hpp"

#include <fmt/format.h>

namespace soc::graph {

namespace {

constexpr unix_ns tidy_every = 60 * ns_per_s;
constexpr unix_ns sweep_every = 3600 * ns_per_s;

} // namespace

cluster* entity_graph::find(std::uint32_t number) {
  const auto it = clusters_.find(number);
  return it == clusters_.end() ? nullptr : &it->second;
}

cluster* entity_graph::find(const std::string& incident_id) {
  const auto it = by_id_.find(incident_id);
  return it == by_id_.end() ? nullptr : find(it->second);
}

bool entity_graph::kept_apart(const cluster& a, const cluster& b) const {
  return apart_.contains(std::minmax(a.id, b.id));
}

/// An alert that ties several clusters strongly makes them one, if what ties it is specific: a shared asset alone
/// joins alerts, never incidents.
void entity_graph::merge_linked(cluster*& home, const std::vector<scored>& others, unix_ns now, decision& out) {
  const auto& with = settings_->with;
  for (std::size_t i = 1; i < others.size() && i < 5; ++i) {
    auto* other = others[i].of;
    const bool sweeps = home->host_evidence == 0 && other->host_evidence == 0; // two halves of one sweep
    const double links =
        sweeps ? std::min(others[i].links, others[0].links) : std::min(others[i].specific, others[0].specific);
    if (links < with.merge_link || kept_apart(*home, *other))
      continue;
    explanation why;
    why.links = links;
    why.needed = with.merge_link;
    why.reasons = out.why.reasons;
    const bool keep_home = home->open != other->open ? home->open : home->number < other->number;
    auto& into = keep_home ? *home : *other;
    auto& from = keep_home ? *other : *home;
    home = &into;
    merge(from, into, std::move(why), now, out);
  }
}

/// A sweep touches many assets; the one the attacker goes on with takes it over. Grave network alerts aimed at this
/// asset alone are taken over at once: of several attackers who knock, the one that was most suspicious lately.
void entity_graph::take_over_sweep(cluster& home, const features& f, unix_ns now, decision& out) {
  if (!home.open || f.says.klass != alert_class::host || f.says.assetless)
    return;
  const auto it = postings_.find(f.asset);
  if (it == postings_.end())
    return;
  const auto& with = settings_->with;
  cluster* aimed = nullptr;
  for (const auto number : std::vector(it->second)) {
    auto* sweep = find(number);
    if (!sweep || sweep == &home || sweep->mode != aggregation::graph || sweep->first_sight ||
        sweep->host_evidence > 0 || !sweep->assets.find(f.asset) || kept_apart(home, *sweep))
      continue;
    const double after_s = static_cast<double>(now - sweep->last) / ns_per_s;
    if (sweep->assets.size() == 1 && sweep->level >= model::severity::medium) {
      if (after_s <= with.candidate_minutes * 60 && !sweep->open && (!aimed || sweep->score > aimed->score))
        aimed = sweep;
      continue;
    }
    if (after_s < with.went_on_s || after_s > with.went_on_within_h * 3600)
      continue;
    take_over(*sweep, home, f, "was part of the sweep and the attack went on there", now, out);
  }
  if (aimed)
    take_over(*aimed, home, f, "had been attacked over the network just before", now, out);
}

void entity_graph::take_over(cluster& sweep, cluster& home, const features& f, const char* what, unix_ns now,
                             decision& out) {
  explanation why;
  why.reasons.push_back({"sweep", "", "", std::string(f.asset_label), 0, fmt::format("{} {}", f.asset_label, what)});
  merge(sweep, home, std::move(why), now, out);
}

/// What a person has kept apart from one that goes into another stays apart from that other.
void entity_graph::keep_apart(const std::string& from, const std::string& into) {
  std::vector<std::string> others;
  for (const auto& [a, b] : apart_)
    if (a == from || b == from)
      others.push_back(a == from ? b : a);
  for (const auto& other : others)
    if (other != into)
      apart_.insert(std::minmax(into, other));
}

void entity_graph::merge(cluster& from, cluster& into, explanation why, unix_ns now, decision& out) {
  into.first = std::min(into.first, from.first);
  into.last = std::max(into.last, from.last);
  into.score += from.score;
  into.tactic = std::max(into.tactic, from.tactic);
  into.level = std::max(into.level, from.level);
  into.host_evidence += from.host_evidence;
  for (const auto& [hash, part] : from.assets.values()) {
    auto& to = into.assets.at(hash);
    to.last = std::max(to.last, part.last);
    to.last_network = std::max(to.last_network, part.last_network);
    to.host_evidence += part.host_evidence;
    to.network_evidence += part.network_evidence;
    to.label = part.label;
    post(hash, into);
  }
  for (const auto& [hash, part] : from.entities.values()) {
    auto& to = into.entities.at(hash);
    to.last = std::max(to.last, part.last);
    to.roles = static_cast<std::uint16_t>(to.roles | part.roles);
    post(hash, into);
  }
  const auto kinds = [](const bounded_table<cluster_kind>& source, bounded_table<cluster_kind>& target) {
    for (const auto& [hash, part] : source.values()) {
      auto& to = target.at(hash);
      to.last = std::max(to.last, part.last);
      to.network = part.network;
      to.several = to.several || part.several || (to.asset != 0 && to.asset != part.asset);
      to.asset = to.asset == 0 ? part.asset : to.asset;
    }
  };
  kinds(from.kinds, into.kinds);
  kinds(from.kinds_on_assets, into.kinds_on_assets);
  for (const auto& [hash, part] : from.kinds.values())
    if (part.network)
      post(hash, into);
  into.bridges.insert(into.bridges.end(), from.bridges.begin(), from.bridges.end());
  if (into.bridges.size() > max_bridges)
    into.bridges.resize(max_bridges);
  if (into.open) {
    for (auto& w : from.waiting) {
      w.why.reasons.insert(w.why.reasons.end(), why.reasons.begin(), why.reasons.end());
      out.placed.push_back({std::move(w.alert), into.id, std::move(w.why), false});
    }
    if (!from.waiting.empty())
      out.what = placing::incident;
  } else {
    into.waiting.insert(into.waiting.end(), std::make_move_iterator(from.waiting.begin()),
                        std::make_move_iterator(from.waiting.end()));
    std::stable_sort(into.waiting.begin(), into.waiting.end(),
                     [](auto& a, auto& b) { return a.alert->time < b.alert->time; });
    if (const auto most = std::max<std::size_t>(1, static_cast<std::size_t>(settings_->with.max_waiting));
        into.waiting.size() > most)
      into.waiting.erase(into.waiting.begin() + 1,
                         into.waiting.begin() + static_cast<std::ptrdiff_t>(into.waiting.size() - most + 1));
  }
  keep_apart(from.id, into.id);
  if (from.open) {
    out.merges.push_back({from.id, into.id, std::move(why), now});
    for (auto& [id, number] : by_id_)
      if (number == from.number)
        number = into.number;
    for (auto& p : out.placed)
      if (p.incident_id == from.id)
        p.incident_id = into.id;
  }
  if (from.key != 0)
    keyed_.erase(from.key);
  unpost(from);
  clusters_.erase(from.number);
}

void entity_graph::remove(std::uint32_t number) {
  const auto it = clusters_.find(number);
  if (it == clusters_.end())
    return;
  if (it->second.key != 0)
    keyed_.erase(it->second.key);
  std::erase_if(by_id_, [&](const auto& item) { return item.second == number; });
  unpost(it->second);
  clusters_.erase(it);
  ++counts_.expired;
}

void entity_graph::forget_idle(unix_ns now) {
  if (now - tidied_ < tidy_every && clusters_.size() <= static_cast<std::size_t>(settings_->with.max_clusters))
    return;
  const bool hour_over = now / sweep_every != tidied_ / sweep_every;
  tidied_ = now;
  const auto& with = settings_->with;
  const auto patience = [&](const cluster& c) {
    if (c.first_sight)
      return with.learning_hours * 3600;
    return c.open ? with.incident_idle_h * 3600
                  : std::max(with.candidate_minutes * 60, c.host_evidence > 0 ? 0 : with.went_on_within_h * 3600);
  };
  std::vector<std::uint32_t> idle;
  for (const auto& [number, c] : clusters_)
    if (static_cast<double>(now - c.last) / ns_per_s > patience(c))
      idle.push_back(number);
  for (const auto number : idle)
    remove(number);
  while (clusters_.size() > static_cast<std::size_t>(with.max_clusters)) {
    const auto oldest = std::min_element(clusters_.begin(), clusters_.end(), [](auto& a, auto& b) {
      return std::tuple(a.second.open, a.second.last, a.first) < std::tuple(b.second.open, b.second.last, b.first);
    });
    remove(oldest->first);
  }
  if (!hour_over)
    return;
  // What bounded tables of a cluster had forgotten before it ended.
  for (auto it = postings_.begin(); it != postings_.end();) {
    std::erase_if(it->second, [&](const auto number) { return !clusters_.contains(number); });
    it = it->second.empty() ? postings_.erase(it) : std::next(it);
  }
}

void entity_graph::person_merged(const std::string& from, const std::string& into) {
  auto* a = find(from);
  auto* b = find(into);
  apart_.erase(std::minmax(from, into));
  if (!a || !b || a == b)
    return;
  decision ignored;
  merge(*a, *b, {}, b->last, ignored);
}

void entity_graph::person_split(const std::string& from, const std::string& to,
                                const std::vector<model::alert_ptr>& moved, unix_ns now) {
  apart_.insert(std::minmax(from, to));
  auto* old = find(from);
  auto* home = find(to);
  for (const auto& a : moved) {
    const auto f = reader_.read(*a);
    if (!home) {
      home = &begin_cluster(*a, f);
      home->id = to;
      home->open = true;
      by_id_[to] = home->number;
    }
    decision ignored;
    add(*home, a, f, settings_->with.everyday_suspicion + 1, {}, ignored);
    moved_[mixed(f.asset, f.kind)] = to;
    for (const auto& e : f.entities)
      if (old && old->entities.find(e.hash))
        background_.teach_common(e.hash, settings_->with.common_at / 2, now);
  }
}

void entity_graph::incident_closed(const std::string& id, bool false_positive, unix_ns now) {
  auto* c = find(id);
  if (!c)
    return;
  if (false_positive)
    for (const auto& [hash, part] : c->entities.values())
      background_.teach_common(hash, 1, now);
  remove(c->number);
}

graph_counts entity_graph::counts() const {
  auto out = counts_;
  out.clusters = clusters_.size();
  for (const auto& [number, c] : clusters_)
    out.incidents += c.open;
  out.pairs = background_.pairs();
  out.entities = background_.entities();
  return out;
}

} // namespace soc::graph
