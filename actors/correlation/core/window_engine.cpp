#include "correlation/core/window_engine.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace soc::correlation {

namespace {

constexpr int max_chain = 8;
constexpr std::uint64_t min_sweep_observations = 1024;

bool bound_holds(bound op, double measure, double limit) {
  switch (op) {
  case bound::lt:
    return measure < limit;
  case bound::lte:
    return measure <= limit;
  case bound::gt:
    return measure > limit;
  case bound::gte:
    return measure >= limit;
  case bound::eq:
    return measure == limit;
  case bound::neq:
    return measure != limit;
  }
  return false;
}

std::size_t bytes_of(const std::vector<chained_window>& chains) {
  std::size_t bytes = chains.capacity() * sizeof(chained_window);
  for (const auto& one : chains)
    bytes += one.group.capacity() + bytes_of(one.next);
  return bytes;
}

} // namespace

bool window_rule::fires_at_end() const {
  return std::any_of(bounds.begin(), bounds.end(),
                     [](const auto& b) { return b.first != bound::gt && b.first != bound::gte; });
}

window_engine::window_engine(std::vector<window_rule> rules, window_limits limits) : limits_(limits) {
  windows_.reserve(rules.size());
  for (auto& r : rules) {
    windows_.emplace_back();
    windows_.back().rule = std::move(r);
  }
}

void window_engine::observe(const observation& seen, std::vector<firing>& fired) {
  ++counters_.observed;
  newest_ = std::max(newest_, seen.time);
  if (seen.time < newest_ - limits_.lateness) {
    ++counters_.late;
    return;
  }
  put(seen, 0, fired);
  if (group_count_ > limits_.max_groups)
    evict(); // not on the way: a window that fires holds on to its group while it feeds others
}

void window_engine::put(const observation& seen, int depth, std::vector<firing>& fired) {
  if (seen.window >= windows_.size() || depth > max_chain)
    return;
  auto& w = windows_[seen.window];
  const auto [place, is_new] = w.groups.try_emplace(hash128(seen.group));
  auto& g = place->second;
  if (is_new) {
    g.key = seen.group;
    ++group_count_;
  }
  if (w.rule.fires_at_end())
    end_windows(seen.window, g, false, fired);
  prune(w, g);
  g.next = seen.next;
  std::size_t at = 0;
  if (!insert(w, g, seen, at)) {
    ++counters_.repeated;
    return;
  }
  g.last = std::max(g.last, seen.time);
  std::size_t first = 0, end = 0;
  double measured = 0;
  if (!w.rule.fires_at_end() && judge(w, g, at, first, end, measured))
    fire(seen.window, g, first, end, measured, seen.event, false, depth, fired);
  ++w.since_sweep;
  if (w.since_sweep >= std::max<std::uint64_t>(min_sweep_observations, w.groups.size() / 4) &&
      newest_ - w.swept_at >= w.rule.timespan / 4)
    sweep(seen.window, newest_, fired);
}

/// Where it belongs in time. False for an event that is there already, or that is no newer than what the group fired
/// with.
bool window_engine::insert(window& w, group& g, const observation& seen, std::size_t& at) {
  if (g.fired_at != 0 && seen.time <= g.fired_at)
    return false;
  entry e{seen.time, seen.value, seen.event, seen.position};
  if (w.rule.kind == window_kind::value_sum || w.rule.kind == window_kind::value_avg ||
      w.rule.kind == window_kind::value_percentile)
    e.value = std::bit_cast<std::uint64_t>(seen.number);
  auto place = g.entries.end();
  while (place != g.entries.begin() && std::prev(place)->time > e.time)
    --place;
  for (auto same = place; same != g.entries.begin() && std::prev(same)->time == e.time;) {
    --same;
    if (same->event == e.event && same->position == e.position)
      return false;
  }
  if (g.entries.size() >= limits_.max_events) {
    if (place == g.entries.begin()) {
      ++counters_.evicted_events;
      return false;
    }
    const auto index = place - g.entries.begin() - 1;
    g.entries.erase(g.entries.begin());
    place = g.entries.begin() + index;
    ++counters_.evicted_events;
  }
  at = static_cast<std::size_t>(place - g.entries.begin());
  g.entries.insert(place, e);
  return true;
}

/// Entries no window can reach any more.
void window_engine::prune(const window& w, group& g) {
  if (w.rule.fires_at_end())
    return;
  const auto oldest = newest_ - limits_.lateness - w.rule.timespan;
  auto keep = g.entries.begin();
  while (keep != g.entries.end() && keep->time < oldest)
    ++keep;
  g.entries.erase(g.entries.begin(), keep);
}

bool window_engine::holds(const window_rule& rule, double measure) const {
  return std::all_of(rule.bounds.begin(), rule.bounds.end(),
                     [&](const auto& b) { return bound_holds(b.first, measure, b.second); });
}

bool window_engine::judge(const window& w, const group& g, std::size_t at, std::size_t& first, std::size_t& end,
                          double& measured) const {
  if (w.rule.kind == window_kind::event_count)
    return judge_count(w, g, at, first, end, measured);
  if (w.rule.kind == window_kind::temporal_ordered && w.rule.bounds.empty())
    return judge_order(w, g, at, first, end, measured);
  // Windows that end with an entry from `at` on and still hold it.
  for (auto last = at; last < g.entries.size() && g.entries[last].time - g.entries[at].time <= w.rule.timespan;
       ++last) {
    first = last;
    while (first > 0 && g.entries[last].time - g.entries[first - 1].time <= w.rule.timespan)
      --first;
    end = last + 1;
    measured = measure(w.rule, g, first, end);
    const bool complete = w.rule.bounds.empty() ? measured >= w.rule.positions : holds(w.rule, measured);
    if (complete)
      return true;
  }
  return false;
}

/// Some run of as many entries as are needed, with `at` among them, within the timespan.
bool window_engine::judge_count(const window& w, const group& g, std::size_t at, std::size_t& first, std::size_t& end,
                                double& measured) const {
  double needed = 1;
  for (const auto& [op, limit] : w.rule.bounds)
    needed = std::max(needed, op == bound::gt ? std::floor(limit) + 1 : std::ceil(limit));
  const auto count = static_cast<std::size_t>(needed);
  if (g.entries.size() < count)
    return false;
  for (auto from = at + 1 >= count ? at + 1 - count : 0; from <= at && from + count <= g.entries.size(); ++from)
    if (g.entries[from + count - 1].time - g.entries[from].time <= w.rule.timespan) {
      first = from;
      end = from + count;
      measured = needed;
      return true;
    }
  return false;
}

/// One event of each position in the order of positions, within the timespan; the latest possible start is the best
/// one.
bool window_engine::judge_order(const window& w, const group& g, std::size_t, std::size_t& first, std::size_t& end,
                                double& measured) const {
  std::vector<std::ptrdiff_t> start(w.rule.positions,
                                    -1); ///< index of the first entry of the best chain up to a position
  for (std::size_t i = 0; i < g.entries.size(); ++i) {
    const auto position = g.entries[i].position;
    if (position >= w.rule.positions)
      continue;
    start[position] = position == 0 ? static_cast<std::ptrdiff_t>(i) : std::max(start[position], start[position - 1]);
    if (position + 1 == w.rule.positions && start[position] >= 0 &&
        g.entries[i].time - g.entries[static_cast<std::size_t>(start[position])].time <= w.rule.timespan) {
      first = static_cast<std::size_t>(start[position]);
      end = i + 1;
      measured = w.rule.positions;
      return true;
    }
  }
  return false;
}

double window_engine::measure(const window_rule& rule, const group& g, std::size_t first, std::size_t end) const {
  switch (rule.kind) {
  case window_kind::event_count:
    return static_cast<double>(end - first);
  case window_kind::value_count:
  case window_kind::temporal:
  case window_kind::temporal_ordered: {
    std::vector<std::uint64_t> seen;
    seen.reserve(end - first);
    for (auto i = first; i < end; ++i)
      seen.push_back(rule.kind == window_kind::value_count ? g.entries[i].value : g.entries[i].position);
    std::sort(seen.begin(), seen.end());
    return static_cast<double>(std::unique(seen.begin(), seen.end()) - seen.begin());
  }
  default: {
    std::vector<double> values;
    values.reserve(end - first);
    for (auto i = first; i < end; ++i)
      values.push_back(std::bit_cast<double>(g.entries[i].value));
    if (rule.kind == window_kind::value_percentile) { // nearest rank
      std::sort(values.begin(), values.end());
      const auto rank = static_cast<std::size_t>(std::ceil(rule.percentile / 100 * static_cast<double>(values.size())));
      return values[std::min(values.size(), std::max<std::size_t>(rank, 1)) - 1];
    }
    double sum = 0;
    for (const auto v : values)
      sum += v;
    return rule.kind == window_kind::value_avg ? sum / static_cast<double>(values.size()) : sum;
  }
  }
}

void window_engine::fire(std::uint32_t index, group& g, std::size_t first, std::size_t end, double measured,
                         const digest& trigger, bool at_end, int depth, std::vector<firing>& fired) {
  firing f;
  f.window = index;
  f.group = g.key;
  f.first = g.entries[first].time;
  f.last = g.entries[end - 1].time;
  f.measure = measured;
  f.events = static_cast<std::uint32_t>(end - first);
  for (auto i = end - std::min(end - first, max_recent); i < end; ++i)
    f.recent.push_back(g.entries[i].event);
  f.trigger = trigger;
  f.at_end = at_end;
  ++counters_.fired;
  if (at_end) {
    g.entries.erase(g.entries.begin() + static_cast<std::ptrdiff_t>(first),
                    g.entries.begin() + static_cast<std::ptrdiff_t>(end));
  } else {
    g.fired_at = f.last;
    g.entries.clear();
  }
  observation up;
  up.time = f.last;
  up.event = trigger;
  up.value = hash64(g.key);
  up.number = measured;
  const auto next = g.next;
  fired.push_back(std::move(f));
  for (const auto& one : next) {
    up.window = one.window;
    up.position = one.position;
    up.group = one.group;
    up.next = one.next;
    put(up, depth + 1, fired);
  }
}

/// Windows with an upper bound begin with their first event and are judged when their end has surely come.
void window_engine::end_windows(std::uint32_t index, group& g, bool all, std::vector<firing>& fired) {
  const auto& rule = windows_[index].rule;
  while (!g.entries.empty()) {
    const auto from = g.entries.front().time;
    if (!all && from + rule.timespan + limits_.lateness > newest_)
      return;
    std::size_t end = 0;
    while (end < g.entries.size() && g.entries[end].time - from <= rule.timespan)
      ++end;
    const auto measured = measure(rule, g, 0, end);
    if (holds(rule, measured))
      fire(index, g, 0, end, measured, g.entries[end - 1].event, true, 0, fired);
    else
      g.entries.erase(g.entries.begin(), g.entries.begin() + static_cast<std::ptrdiff_t>(end));
  }
}

void window_engine::advance(unix_ns to, std::vector<firing>& fired) {
  newest_ = std::max(newest_, to);
  for (std::uint32_t i = 0; i < windows_.size(); ++i)
    sweep(i, newest_, fired);
}

void window_engine::end_over(unix_ns to, std::vector<firing>& fired) {
  for (std::uint32_t i = 0; i < windows_.size(); ++i)
    if (windows_[i].rule.fires_at_end())
      sweep(i, to, fired);
}

void window_engine::sweep(std::uint32_t index, unix_ns until, std::vector<firing>& fired) {
  auto& w = windows_[index];
  w.swept_at = newest_;
  w.since_sweep = 0;
  const auto dead = until - limits_.lateness - w.rule.timespan;
  std::vector<digest> over;
  for (const auto& [key, g] : w.groups)
    if (g.last < dead)
      over.push_back(key);
  std::sort(over.begin(), over.end()); // what ends in the same sweep fires in an order that doesn't depend on the table
  for (const auto& key : over) {
    const auto at = w.groups.find(key);
    if (at == w.groups.end())
      continue;
    if (w.rule.fires_at_end())
      end_windows(index, at->second, true, fired);
    w.groups.erase(key);
    --group_count_;
    ++counters_.expired_groups;
  }
}

/// The longest idle eighth of all groups goes.
void window_engine::evict() {
  std::vector<unix_ns> ages;
  ages.reserve(group_count_);
  for (const auto& w : windows_)
    for (const auto& [key, g] : w.groups)
      ages.push_back(g.last);
  const auto count = std::max<std::size_t>(ages.size() / 8, 1);
  std::nth_element(ages.begin(), ages.begin() + static_cast<std::ptrdiff_t>(count - 1), ages.end());
  const auto limit = ages[count - 1];
  auto left = count;
  for (auto& w : windows_)
    for (auto at = w.groups.begin(); at != w.groups.end() && left > 0;)
      if (at->second.last <= limit) {
        at = w.groups.erase(at);
        --group_count_;
        --left;
        ++counters_.evicted_groups;
      } else {
        ++at;
      }
}

std::size_t window_engine::memory_bytes() const {
  std::size_t bytes = 0;
  for (const auto& w : windows_) {
    bytes += w.groups.bucket_count() * sizeof(void*);
    for (const auto& [key, g] : w.groups) {
      bytes += sizeof(std::pair<const digest, group>) + 2 * sizeof(void*) + g.entries.capacity() * sizeof(entry);
      bytes += g.key.capacity() > 15 ? g.key.capacity() + 1 : 0;
      bytes += bytes_of(g.next);
    }
  }
  return bytes;
}

} // namespace soc::correlation
