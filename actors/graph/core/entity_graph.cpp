#include "graph/core/entity_graph.hpp"

#include "base/hash.hpp"

#include <fmt/format.h>

#include <cmath>

namespace soc::graph {

namespace {

constexpr std::size_t max_posting = 8;      // clusters an entity leads to: the latest
constexpr std::size_t max_reasons = 8;      // the heaviest are told
constexpr double sweep_asset_share = 0.25;  // of the asset link, when only network alerts speak for the asset
constexpr double network_asset_share = 0.9; // of the asset link, for a network alert
constexpr double direction_bonus = 1.3;     // a target that now acts
constexpr double host_entity_weight = 3;    // an asset the incident had reached as an entity
constexpr double full_evidence = 4;         // nats on an asset from which its link counts fully

void keep_heaviest(std::vector<reason>& reasons) {
  std::stable_sort(reasons.begin(), reasons.end(), [](auto& a, auto& b) { return a.weight > b.weight; });
  if (reasons.size() > max_reasons)
    reasons.resize(max_reasons);
}

bool acts(model::entity_role role) {
  return role == model::entity_role::actor || role == model::entity_role::source || role == model::entity_role::parent;
}

constexpr std::uint16_t acted_upon = 1U << static_cast<unsigned>(model::entity_role::target) |
                                     1U << static_cast<unsigned>(model::entity_role::destination);

} // namespace

entity_graph::entity_graph(std::string tenant, settings_ptr with)
    : tenant_(std::move(tenant)), settings_(std::move(with)), reader_(*settings_), background_(settings_->with),
      recent_ids_(static_cast<std::size_t>(settings_->with.max_recent_ids)) {}

double entity_graph::fade(unix_ns since, unix_ns now, double half_life_min) const {
  const double minutes = std::max<double>(0, static_cast<double>(now - since)) / (60.0 * ns_per_s);
  return std::exp2(-minutes / half_life_min);
}

bool entity_graph::seen_before(const model::alert& a) {
  return !recent_ids_.insert(hash64(a.id));
}

decision entity_graph::place(const model::alert_ptr& a) {
  if (seen_before(*a)) {
    ++counts_.duplicates;
    decision out;
    out.what = placing::duplicate;
    return out;
  }
  ++counts_.alerts;
  forget_idle(a->time);
  auto f = reader_.read(*a);
  for (auto& e : f.entities)
    e.contexts = background_.contexts(e.hash, a->time);
  f.asset_contexts = background_.contexts(f.asset, a->time);
  auto out = f.says.mode == aggregation::graph ? place_by_graph(a, f) : place_by_rule(a, f);
  switch (out.what) {
  case placing::excluded:
    ++counts_.excluded;
    break;
  case placing::everyday:
    ++counts_.everyday;
    break;
  case placing::waiting:
    ++counts_.waiting;
    break;
  default:
    break;
  }
  counts_.joined += out.placed.size();
  counts_.merged += out.merges.size();
  counts_.doubts += out.doubts.size();
  return out;
}

decision entity_graph::place_by_rule(const model::alert_ptr& a, const features& f) {
  decision out;
  out.why.rule = f.says.rule ? f.says.rule->id : "";
  if (f.says.mode == aggregation::exclude) {
    out.what = placing::excluded;
    return out;
  }
  std::uint64_t key = 0;
  if (f.says.mode == aggregation::same_type) {
    key = f.kind;
  } else if (f.says.mode == aggregation::keys) {
    const auto values = key_values(*f.says.rule, *a);
    if (values.empty()) {
      learn(f, a->time, true, 0, out);
      return out;
    }
    key = hash64(values, hash64(f.says.rule->id));
  }
  cluster* home = nullptr;
  if (key != 0)
    if (const auto it = keyed_.find(key); it != keyed_.end())
      home = find(it->second);
  const bool runs = home && a->time - home->last <= static_cast<unix_ns>(f.says.rule->window_s * ns_per_s);
  if (!runs)
    home = &begin_cluster(*a, f);
  if (key != 0)
    keyed_[home->key = key] = home->number;
  out.why.reasons.push_back({"rule", "", "", f.says.rule->id, 0, f.says.rule->title});
  const double suspicion = background_.surprise(f.asset, f.kind, a->time) + f.added;
  out.why.suspicion = suspicion;
  add(*home, a, f, suspicion, out.why, out);
  if (!home->open)
    open(*home, out);
  learn(f, a->time, false, home->number, out);
  return out;
}

decision entity_graph::place_by_graph(const model::alert_ptr& a, const features& f) {
  decision out;
  const auto now = a->time;
  const auto& with = settings_->with;
  const double surprise = background_.surprise(f.asset, f.kind, now);
  const double suspicion = std::max(0.0, surprise + f.added);
  out.why.suspicion = suspicion;
  out.why.needed = with.join_total;

  std::vector<scored> good;
  const auto most = links_at_most(f, suspicion);
  const bool may_join = most >= with.least_link && suspicion + most >= with.join_total;
  for (auto* c : may_join ? candidates(f, now) : std::vector<cluster*>()) {
    const auto s = score(*c, f, suspicion, now, nullptr);
    if (s.links >= with.least_link && suspicion + s.links >= with.join_total)
      good.push_back(s);
  }
  std::stable_sort(good.begin(), good.end(), [](auto& x, auto& y) { return x.links > y.links; });

  if (const auto moved = moved_.find(mixed(f.asset, f.kind)); moved != moved_.end())
    if (auto* c = find(moved->second)) {
      good.assign(1, score(*c, f, suspicion, now, nullptr));
      out.why.reasons.push_back({"person", "", "", moved->second, 0, "a person put such alerts into this incident"});
    }

  if (!good.empty()) {
    auto best = good.front();
    score(*best.of, f, suspicion, now, &out.why.reasons);
    keep_heaviest(out.why.reasons);
    out.why.links = best.links;
    auto* home = best.of;
    add(*home, a, f, suspicion, out.why, out);
    merge_linked(home, good, now, out);
    if (!home->open && (home->score >= with.open_score || opens_alone(*a, f, suspicion)))
      open(*home, out);
    take_over_sweep(*home, f, now, out);
    learn(f, now, !home->open, home->number, out);
    return out;
  }

  const bool alone = opens_alone(*a, f, suspicion);
  if (!alone && background_.learning(now) && f.says.klass == alert_class::host) {
    if (background_.known(f.asset, f.kind) || a->level >= model::severity::low) {
      learn(f, now, true, 0, out);
      return out;
    }
    return to_first_sight(a, f, out.why);
  }
  const bool judged = !background_.learning(now) || a->level >= model::severity::medium;
  if (!alone && (suspicion < with.new_suspicion || !judged)) {
    learn(f, now, true, 0, out);
    return out;
  }
  auto& c = begin_cluster(*a, f);
  out.why.reasons.push_back({"founder", "", "", std::string(f.asset_label), suspicion,
                             fmt::format("unusual on {}", f.asset_label.empty() ? "this asset" : f.asset_label)});
  add(c, a, f, suspicion, out.why, out);
  if (alone || c.score >= with.open_score) {
    open(c, out);
    take_over_sweep(c, f, now, out);
  }
  learn(f, now, !c.open, c.number, out);
  return out;
}

bool entity_graph::opens_alone(const model::alert& a, const features& f, double suspicion) const {
  if (!f.says.alone || a.level < f.says.alone_from)
    return false;
  return f.says.alone_from == model::severity::unknown || suspicion >= settings_->with.everyday_suspicion;
}

/// First sightings of the learning time: told once, in one incident of low score, instead of judged or dropped.
decision entity_graph::to_first_sight(const model::alert_ptr& a, const features& f, explanation why) {
  decision out;
  auto* c = find(first_sight_);
  if (!c) {
    c = &begin_cluster(*a, f);
    c->first_sight = true;
    first_sight_ = c->number;
  }
  why.reasons.push_back({"first_sight", "", "", std::string(f.asset_label), 0,
                         fmt::format("first of its kind on {} while the graph is learning", f.asset_label)});
  c->last = std::max(c->last, a->time);
  out.why = why;
  out.what = placing::incident;
  out.placed.push_back({a, c->id, std::move(why), !c->open});
  if (!c->open) {
    c->open = true;
    ++counts_.opened;
    by_id_[c->id] = c->number;
  }
  learn(f, a->time, true, 0, out);
  return out;
}

/// Everyday alerts share only what is common: most of them need no look at any cluster.
double entity_graph::links_at_most(const features& f, double suspicion) const {
  const auto& with = settings_->with;
  const bool network = f.says.klass == alert_class::network;
  double most = with.tactic_link;
  if (f.says.assetless) {
    most += with.time_link;
  } else if (postings_.contains(f.asset)) {
    most += with.asset_link * (network ? network_asset_share * (f.identified ? sweep_asset_share : 1) : 1);
    most += host_entity_weight * background_.rarity_at_most(f.asset_contexts);
  }
  if (network && !f.identified)
    most += with.same_signature_link * std::clamp((suspicion - with.everyday_suspicion) / 2, 0.0, 1.0);
  for (const auto& e : f.entities)
    if (postings_.contains(e.hash))
      most += e.weight * direction_bonus * background_.rarity_at_most(e.contexts);
  return most;
}

std::vector<cluster*> entity_graph::candidates(const features& f, unix_ns now) {
  std::vector<std::uint32_t> numbers;
  const auto from = [&](std::uint64_t hash) {
    if (const auto it = postings_.find(hash); it != postings_.end())
      numbers.insert(numbers.end(), it->second.begin(), it->second.end());
  };
  from(f.asset);
  if (f.says.klass == alert_class::network)
    from(f.kind);
  for (const auto& e : f.entities)
    from(e.hash);
  if (f.says.assetless)
    for (const auto& [id, number] : by_id_)
      numbers.push_back(number);
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  std::vector<cluster*> out;
  const auto idle = static_cast<unix_ns>(settings_->with.incident_idle_h * 3600 * ns_per_s);
  for (const auto number : numbers)
    if (auto* c = find(number); c && !c->first_sight && c->mode == aggregation::graph && now - c->last <= idle)
      out.push_back(c);
  return out;
}

double entity_graph::asset_weight(const cluster& c, const features& f, unix_ns now,
                                  std::vector<reason>* reasons) const {
  const auto* part = c.assets.find(f.asset);
  if (!part || f.says.assetless)
    return 0;
  const auto& with = settings_->with;
  const bool network = f.says.klass == alert_class::network;
  double weight =
      std::min<double>(1, part->host_evidence / full_evidence) * fade(part->last, now, with.link_half_life_min);
  const double swept = std::min<double>(1, part->network_evidence / full_evidence);
  weight = std::max(weight, network ? swept * fade(part->last_network, now, with.sweep_window_s / 60)
                                    : swept * sweep_asset_share * fade(part->last, now, with.link_half_life_min));
  weight *= with.asset_link;
  if (network) // what it says of the wire ties it to others of its kind rather than to the asset
    weight *= network_asset_share;
  if (network && f.identified) // it has a source of its own: many attackers may knock at one asset
    weight *= sweep_asset_share;
  if (reasons && weight > 0.05)
    reasons->push_back({"asset", "", "", part->label, weight, "same asset " + part->label});
  return weight;
}

double entity_graph::entity_weight(const cluster& c, const features& f, unix_ns now,
                                   std::vector<reason>* reasons) const {
  double sum = 0;
  const auto context = mixed(c.number, 1);
  for (const auto& e : f.entities) {
    const auto* part = c.entities.find(e.hash);
    const auto* as_asset = part ? nullptr : c.assets.find(e.hash);
    if (!part && !as_asset)
      continue;
    double weight = e.weight * background_.rarity(e.hash, e.contexts, context);
    weight *= fade(part ? part->last : as_asset->last, now, settings_->with.link_half_life_min);
    const bool turned = part && (part->roles & acted_upon) && acts(e.of->role);
    if (turned)
      weight *= direction_bonus;
    sum += weight;
    if (reasons && weight > 0.05)
      reasons->push_back({"entity", std::string(model::to_string(e.of->type)), e.of->key, e.of->label, weight,
                          fmt::format("shares {} {}{}", model::to_string(e.of->type), e.of->label,
                                      turned ? ", a target that now acts" : "")});
  }
  if (const auto* part = c.entities.find(f.asset); part && !f.says.assetless) {
    const double weight = host_entity_weight * background_.rarity(f.asset, f.asset_contexts, context) *
                          fade(part->last, now, settings_->with.link_half_life_min);
    sum += weight;
    if (reasons && weight > 0.05)
      reasons->push_back({"entity", "host", "", std::string(f.asset_label), weight,
                          fmt::format("on {}, which the incident had reached", f.asset_label)});
  }
  return sum;
}

double entity_graph::signature_weight(const cluster& c, const features& f, double suspicion, unix_ns now,
                                      std::vector<reason>* reasons) const {
  if (f.says.klass != alert_class::network || f.identified)
    return 0;
  const auto& with = settings_->with;
  const auto* part = c.kinds.find(f.kind);
  if (!part || !part->network || !(part->several || c.host_evidence == 0) ||
      now - part->last > static_cast<unix_ns>(with.sweep_window_s * ns_per_s))
    return 0;
  const double unusual = std::clamp((suspicion - with.everyday_suspicion) / 2, 0.0, 1.0);
  const double weight = with.same_signature_link * unusual;
  if (reasons && weight > 0.05)
    reasons->push_back({"signature", "", "", "", weight, "the same unusual signature on several assets at once"});
  return weight;
}

entity_graph::scored entity_graph::score(cluster& c, const features& f, double suspicion, unix_ns now,
                                         std::vector<reason>* reasons) const {
  const auto& with = settings_->with;
  const double on_asset = asset_weight(c, f, now, reasons);
  double specific = entity_weight(c, f, now, reasons) + signature_weight(c, f, suspicion, now, reasons);
  double by_time = 0;
  if (f.says.assetless && c.open) {
    by_time =
        with.time_link * fade(c.last, now, with.time_half_life_min) * std::min(1.0, c.score / (2 * with.open_score));
    if (reasons && by_time > 0.05)
      reasons->push_back({"time", "", "", "", by_time, "while the incident was running; names no asset of its own"});
  }
  if (specific + on_asset > 0 && f.tactic >= 0 && c.tactic >= 0 && f.tactic >= c.tactic) {
    specific += with.tactic_link;
    if (reasons)
      reasons->push_back({"tactic", "", "", "", with.tactic_link, "a further step along the kill chain"});
  }
  return {&c, on_asset + specific + by_time, specific};
}

cluster& entity_graph::begin_cluster(const model::alert& a, const features& f) {
  const auto number = next_number_++;
  auto& c = clusters_[number];
  c.number = number;
  c.id = id_builder().add("incident").add(tenant_).add(a.id).hex();
  c.mode = f.says.mode;
  c.first = c.last = a.time;
  return c;
}

void entity_graph::add(cluster& c, const model::alert_ptr& a, const features& f, double suspicion, explanation why,
                       decision& out) {
  const auto& with = settings_->with;
  const auto now = a->time;
  const bool network = f.says.klass == alert_class::network;
  const double said = std::max(0.0, suspicion - with.everyday_suspicion) * (network ? with.network_share : 1);
  const auto on = mixed(f.asset, f.kind);
  const auto* before = c.kinds_on_assets.find(on);
  const bool new_episode = !before || now - before->last > static_cast<unix_ns>(with.episode_gap_s * ns_per_s);
  const double counted = !before ? said : new_episode ? said * with.repetition_share : 0;
  c.score += counted;
  c.kinds_on_assets.at(on).last = std::max(now, before ? before->last : now);
  auto& kind = c.kinds.at(f.kind);
  kind.last = std::max(kind.last, now);
  kind.network = network;
  kind.several = kind.several || (kind.asset != 0 && kind.asset != f.asset);
  kind.asset = kind.asset == 0 ? f.asset : kind.asset;
  if (!f.says.assetless) {
    const bool new_asset = !c.assets.find(f.asset);
    auto& part = c.assets.at(f.asset);
    if (part.label.empty())
      part.label = f.asset_label;
    part.last = std::max(part.last, now);
    if (network)
      part.last_network = std::max(part.last_network, now);
    (network ? part.network_evidence : part.host_evidence) += static_cast<float>(!before ? said : 0);
    if (!network)
      c.host_evidence += !before ? said : 0;
    post(f.asset, c);
    if (new_asset && c.assets.size() > 1 && why.reasons.size() == 1 && why.reasons[0].kind == "entity" &&
        c.bridges.size() < max_bridges)
      for (const auto& e : f.entities)
        if (e.of->key == why.reasons[0].key)
          c.bridges.push_back({e.hash, e.of->label, part.label});
  }
  if (network)
    post(f.kind, c);
  for (const auto& e : f.entities) {
    auto& part = c.entities.at(e.hash);
    part.last = std::max(part.last, now);
    part.roles = static_cast<std::uint16_t>(part.roles | 1U << static_cast<unsigned>(e.of->role));
    post(e.hash, c);
  }
  c.first = std::min(c.first, now);
  c.last = std::max(c.last, now);
  c.tactic = std::max(c.tactic, f.tactic);
  c.level = std::max(c.level, a->level);
  if (c.open) {
    out.what = placing::incident;
    out.placed.push_back({a, c.id, std::move(why), false});
  } else {
    out.what = placing::waiting;
    // The first and the latest tell most.
    if (!c.waiting.empty() && c.waiting.size() >= static_cast<std::size_t>(with.max_waiting))
      c.waiting.erase(c.waiting.begin() + (c.waiting.size() > 1 ? 1 : 0));
    c.waiting.push_back({a, std::move(why)});
  }
}

void entity_graph::open(cluster& c, decision& out) {
  c.open = true;
  ++counts_.opened;
  by_id_[c.id] = c.number;
  bool first = true;
  for (auto& w : c.waiting) {
    out.placed.push_back({std::move(w.alert), c.id, std::move(w.why), first});
    first = false;
  }
  c.waiting = {};
  out.what = placing::incident;
}

void entity_graph::learn(const features& f, unix_ns now, bool everyday, std::uint32_t number, decision& out) {
  background_.note(f.asset, f.kind, now, everyday, number);
  const auto context = number != 0 ? mixed(number, 1) : f.asset;
  for (const auto& e : f.entities)
    if (background_.note_entity(e.hash, context, now))
      doubt_bridges(e.hash, out);
}

void entity_graph::doubt_bridges(std::uint64_t entity, decision& out) {
  const auto it = postings_.find(entity);
  if (it == postings_.end())
    return;
  for (const auto number : it->second) {
    auto* c = find(number);
    if (!c || !c->open)
      continue;
    doubt d{c->id, {}, {}};
    for (const auto& b : c->bridges)
      if (b.entity == entity) {
        d.entity = b.entity_label;
        d.assets.push_back(b.asset_label);
      }
    if (!d.assets.empty())
      out.doubts.push_back(std::move(d));
  }
}

/// Where a cluster that ends was posted, it is taken out.
void entity_graph::unpost(const cluster& c) {
  const auto take_out = [&](std::uint64_t hash) {
    const auto it = postings_.find(hash);
    if (it == postings_.end())
      return;
    std::erase(it->second, c.number);
    if (it->second.empty())
      postings_.erase(it);
  };
  for (const auto& [hash, part] : c.assets.values())
    take_out(hash);
  for (const auto& [hash, part] : c.entities.values())
    take_out(hash);
  for (const auto& [hash, part] : c.kinds.values())
    take_out(hash);
}

void entity_graph::post(std::uint64_t hash, const cluster& c) {
  auto& numbers = postings_[hash];
  if (!numbers.empty() && numbers.back() == c.number)
    return;
  numbers.erase(std::remove(numbers.begin(), numbers.end(), c.number), numbers.end());
  numbers.push_back(c.number);
  if (numbers.size() > max_posting)
    numbers.erase(numbers.begin());
}

} // namespace soc::graph
