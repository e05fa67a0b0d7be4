// graph/core/background.hpp - what is everyday: how often each kind of alert comes up on each asset, learned as alerts
// arrive, and how common each entity is. One per graph; bounded tables and sketches. Pure.
#pragma once
#include "graph/core/bounded_table.hpp"
#include "graph/core/settings.hpp"

namespace soc::graph {

/// History of a kind on an asset (`pair`), or of a kind on all assets.
struct history {
  unix_ns first = 0, last = 0; ///< of any alert
  unix_ns counted = 0;         ///< when the running episode began
  float episodes = 0;          ///< fading count, as of `last`
  std::uint32_t cluster = 0;   ///< where the running episode was put, 0 = nowhere
};

struct asset_history {
  unix_ns first = 0, last = 0;
};

/// In how many unrelated contexts (clusters, or everyday life of an asset) an entity was seen.
struct entity_history {
  unix_ns last = 0;
  float contexts = 0;             ///< fading count of distinct contexts
  std::uint64_t last_context = 0; ///< the latest, to count a run of the same only once
};

class background {
public:
  explicit background(const parameters& with);

  /// -ln(expected number of episodes of this kind on this asset within the rate window). Never less than 0.
  double surprise(std::uint64_t asset, std::uint64_t kind, unix_ns now) const;
  /// The pair's history, null when it was never seen (or is forgotten).
  history* pair(std::uint64_t asset, std::uint64_t kind);
  /// Notes the alert. `everyday`: it teaches what is normal; otherwise only its time is kept (an attack is no habit).
  void note(std::uint64_t asset, std::uint64_t kind, unix_ns now, bool everyday, std::uint32_t cluster);
  bool known(std::uint64_t asset, std::uint64_t kind) const;
  bool learning(unix_ns now) const;

  /// In how many contexts an entity was seen, as it counts now; -1 when it never was.
  double contexts(std::uint64_t entity, unix_ns now) const;
  /// 0–1: what is left of an entity's weight, seen in so many contexts. `context` is the cluster or asset that asks: it
  /// does not count against itself.
  double rarity(std::uint64_t entity, double contexts, std::uint64_t context) const;
  /// The most that rarity() can be, whoever asks.
  double rarity_at_most(double contexts) const;
  /// Notes that the entity was seen in a context; true when it has just become common.
  bool note_entity(std::uint64_t entity, std::uint64_t context, unix_ns now);
  /// A person said that this entity does not join: it weighs as if seen in `contexts` more.
  void teach_common(std::uint64_t entity, double contexts, unix_ns now);

  std::size_t pairs() const { return now_.pairs.size(); }
  std::size_t entities() const { return now_.entities.size(); }

  // For snapshots.
  struct tables {
    bounded_table<history> pairs, kinds;
    bounded_table<asset_history> assets;
    bounded_table<entity_history> entities;
    recent_set entity_contexts;
    unix_ns began = 0;
    double sum_of_first_s = 0; ///< Σ over assets of first seen, seconds after `began`
  };
  const tables& state() const { return now_; }
  tables& restore() { return now_; }

private:
  double faded(float count, unix_ns since, unix_ns now) const;
  double watched_hours(double hours) const;

  const parameters& with_;
  tables now_;
};

} // namespace soc::graph
