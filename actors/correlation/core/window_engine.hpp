// correlation/core/window_engine.hpp - sliding windows over matched events, per group, in event time. Deterministic:
// the same observations in the same order give the same firings, however they are batched and wherever a snapshot was
// taken and restored between them.
//
// A group that fired starts anew: its events are forgotten, and it can fire again with events after the firing. Late
// events are put where they belong in time, as long as they are within the tolerance.
#pragma once
#include "base/result.hpp"
#include "correlation/core/window_rule.hpp"

#include <unordered_map>

namespace soc::correlation {

class window_engine {
public:
  explicit window_engine(std::vector<window_rule> rules, window_limits limits = {});

  /// Appends what fires, also in windows further up, and windows whose end has come.
  void observe(const observation& seen, std::vector<firing>& fired);
  /// Event time goes on without events (from the clock when the sources are quiet): ends windows.
  void advance(unix_ns to, std::vector<firing>& fired);
  /// Ends the windows with an upper bound that are over at `to`, but is ready for events from before it: a source that
  /// was away brings its events later, and they are not late for that.
  void end_over(unix_ns to, std::vector<firing>& fired);

  std::size_t groups() const { return group_count_; }
  /// An estimate of what the state takes.
  std::size_t memory_bytes() const;
  const window_counters& counters() const { return counters_; }
  unix_ns newest() const { return newest_; }

  /// All state as bytes, with a check sum.
  std::string snapshot() const;
  /// Takes over the state of windows that exist in both; those of other rules are left out. Corrupt bytes change
  /// nothing.
  outcome restore(std::string_view bytes);

private:
  struct entry {
    unix_ns time = 0;
    std::uint64_t value = 0; ///< hash, or the bits of a number
    digest event;
    std::uint16_t position = 0;
  };
  struct group {
    std::string key;
    std::vector<entry> entries; ///< by time; equal times in order of arrival
    unix_ns last = 0;           ///< newest event
    unix_ns fired_at = 0;       ///< time of the event it last fired with
    std::vector<chained_window> next;
  };
  struct digest_hash {
    std::size_t operator()(const digest& d) const { return d.low; }
  };
  struct window {
    window_rule rule;
    std::unordered_map<digest, group, digest_hash> groups;
    unix_ns swept_at = 0;
    std::uint64_t since_sweep = 0;
  };

  void put(const observation& seen, int depth, std::vector<firing>& fired);
  bool insert(window& w, group& g, const observation& seen, std::size_t& at);
  void prune(const window& w, group& g);
  bool holds(const window_rule& rule, double measure) const;
  /// Does a window with the entry `at` fire? The range of its entries and the measure.
  bool judge(const window& w, const group& g, std::size_t at, std::size_t& first, std::size_t& end,
             double& measure) const;
  bool judge_count(const window& w, const group& g, std::size_t at, std::size_t& first, std::size_t& end,
                   double& measure) const;
  bool judge_order(const window& w, const group& g, std::size_t at, std::size_t& first, std::size_t& end,
                   double& measure) const;
  double measure(const window_rule& rule, const group& g, std::size_t first, std::size_t end) const;
  void fire(std::uint32_t index, group& g, std::size_t first, std::size_t end, double measure, const digest& trigger,
            bool at_end, int depth, std::vector<firing>& fired);
  void end_windows(std::uint32_t index, group& g, bool all, std::vector<firing>& fired);
  /// Groups that are over at `until` go; windows with an upper bound are judged before.
  void sweep(std::uint32_t index, unix_ns until, std::vector<firing>& fired);
  void evict();

  std::vector<window> windows_;
  window_limits limits_;
  window_counters counters_;
  unix_ns newest_ = 0;
  std::size_t group_count_ = 0;
};

} // namespace soc::correlation
