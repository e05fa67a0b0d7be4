#include "graph/core/background.hpp"

#include <cmath>

namespace soc::graph {

namespace {

constexpr double s_per_h = 3600;

double seconds_between(unix_ns from, unix_ns to) {
  return static_cast<double>(to - from) / ns_per_s;
}

} // namespace

background::background(const parameters& with)
    : with_(with), now_{bounded_table<history>(static_cast<std::size_t>(with.max_pairs)),
                        bounded_table<history>(static_cast<std::size_t>(with.max_pairs)),
                        bounded_table<asset_history>(static_cast<std::size_t>(with.max_pairs)),
                        bounded_table<entity_history>(static_cast<std::size_t>(with.max_entities)),
                        recent_set(static_cast<std::size_t>(with.max_entities))} {}

double background::faded(float count, unix_ns since, unix_ns now) const {
  const double days = std::max(0.0, seconds_between(since, now)) / (24 * s_per_h);
  return count * std::exp2(-days / with_.memory_days);
}

/// Hours of watching that still count: the same fading as the counts have.
double background::watched_hours(double hours) const {
  const double half_life = with_.memory_days * 24;
  return half_life / std::log(2.0) * (1 - std::exp2(-std::max(0.0, hours) / half_life));
}

double background::surprise(std::uint64_t asset, std::uint64_t kind, unix_ns now) const {
  const auto* a = now_.assets.find(asset);
  const auto* k = now_.kinds.find(kind);
  const auto* p = now_.pairs.find(mixed(asset, kind));
  const double assets = static_cast<double>(std::max<std::size_t>(1, now_.assets.size()));
  const double since_began_s = now_.began == 0 ? 0 : seconds_between(now_.began, now);
  const double all_hours = watched_hours((since_began_s - now_.sum_of_first_s / assets) / s_per_h) * assets;
  const double kind_rate = ((k ? faded(k->episodes, k->last, now) : 0) + 0.5) / (all_hours + with_.prior_hours);
  const double own_hours = a ? watched_hours(seconds_between(a->first, now) / s_per_h) : 0;
  const double own = p ? faded(p->episodes, p->last, now) : 0;
  const double rate = (own + kind_rate * with_.prior_hours) / (own_hours + with_.prior_hours); // per hour
  return std::max(0.0, -std::log(rate * with_.rate_window_s / s_per_h));
}

history* background::pair(std::uint64_t asset, std::uint64_t kind) {
  return now_.pairs.find(mixed(asset, kind));
}

bool background::known(std::uint64_t asset, std::uint64_t kind) const {
  return now_.pairs.find(mixed(asset, kind)) != nullptr;
}

void background::note(std::uint64_t asset, std::uint64_t kind, unix_ns now, bool everyday, std::uint32_t cluster) {
  if (now_.began == 0)
    now_.began = now;
  auto& a = now_.assets.at(asset);
  if (a.first == 0) {
    a.first = now;
    now_.sum_of_first_s += seconds_between(now_.began, now);
  }
  a.last = std::max(a.last, now);
  const auto count = [&](history& h) {
    // A stream that never pauses is an episode every gap, not one for ever.
    const bool first_of_episode = h.counted == 0 || seconds_between(h.counted, now) > with_.episode_gap_s;
    if (first_of_episode)
      h.counted = now;
    if (h.first == 0)
      h.first = now;
    h.episodes = static_cast<float>(faded(h.episodes, h.last, now));
    if (first_of_episode && everyday)
      h.episodes += 1;
    h.last = std::max(h.last, now);
    return first_of_episode;
  };
  auto& p = now_.pairs.at(mixed(asset, kind));
  const bool first = count(p);
  p.cluster = cluster;
  auto& k = now_.kinds.at(kind);
  if (k.first == 0)
    k.first = now;
  k.episodes = static_cast<float>(faded(k.episodes, k.last, now)) + (first && everyday ? 1.0F : 0.0F);
  k.last = std::max(k.last, now);
}

bool background::learning(unix_ns now) const {
  return now_.began == 0 || seconds_between(now_.began, now) < with_.learning_hours * s_per_h;
}

double background::contexts(std::uint64_t entity, unix_ns now) const {
  const auto* e = now_.entities.find(entity);
  return e ? faded(e->contexts, e->last, now) : -1;
}

double background::rarity(std::uint64_t entity, double contexts, std::uint64_t context) const {
  if (contexts < 0)
    return 1;
  if (now_.entity_contexts.contains(mixed(entity, context)))
    contexts -= 1;
  const double x = std::max(0.0, contexts) / with_.common_at;
  return 1 / (1 + x * x);
}

double background::rarity_at_most(double contexts) const {
  const double x = std::max(0.0, contexts - 1) / with_.common_at;
  return 1 / (1 + x * x);
}

bool background::note_entity(std::uint64_t entity, std::uint64_t context, unix_ns now) {
  auto& e = now_.entities.at(entity);
  const bool new_context = e.last_context != context && now_.entity_contexts.insert(mixed(entity, context));
  e.last_context = context;
  const double before = faded(e.contexts, e.last, now);
  e.contexts = static_cast<float>(before + (new_context ? 1 : 0));
  e.last = std::max(e.last, now);
  return before < with_.common_at && e.contexts >= with_.common_at;
}

void background::teach_common(std::uint64_t entity, double contexts, unix_ns now) {
  auto& e = now_.entities.at(entity);
  e.contexts = static_cast<float>(faded(e.contexts, e.last, now) + contexts);
  e.last = std::max(e.last, now);
}

} // namespace soc::graph
