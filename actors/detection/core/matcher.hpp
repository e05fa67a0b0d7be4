// detection/core/matcher.hpp - runs a program over events: one matcher a thread, with all the memory it needs reused
// from event to event. Answers with the rules that match; counts hits and, by sampling, time per rule.
#pragma once
#include "base/arena.hpp"
#include "detection/core/route.hpp"

#include <span>

namespace soc::detection {

struct rule_counters {
  std::uint64_t hits = 0, tried = 0;
  std::uint64_t sampled_ns =
      0;                ///< of every sample_every-th event: an estimate of the time spent is this × sample_every
  unix_ns last_hit = 0; ///< event time
};
constexpr std::uint64_t sample_every = 64;

class matcher {
public:
  /// Nanoseconds of some steady clock, for the time per rule; null: not measured.
  using tick_function = std::uint64_t (*)();
  explicit matcher(std::shared_ptr<const program> of, tick_function ticks = nullptr);
  ~matcher();
  matcher(matcher&&) noexcept;

  /// Indexes of the rules that match, ascending; valid until the next call. The event's log_type must outlive the
  /// matcher, or forget_types() be called when the mappings are reloaded.
  std::span<const std::uint32_t> match(const model::event& ev);
  /// The same on a given route, whatever the event's logsource is.
  std::span<const std::uint32_t> match_on(const route& on, const model::event& ev);
  void forget_types();
  /// Do the rules look at all fields of this event? Else only at those of program::fields. Answered from the record
  /// itself, before its fields are read.
  bool needs_all_fields(const model::event& ev);
  /// Call when a route given to match_on is gone: another one may get its address.
  void forget_routes() { prepared_.clear(); }

  /// One line of an explanation: a search identifier or item of the rule, and whether it held.
  struct explained {
    int depth = 0;
    std::string text;
    bool held = false;
    source_place place;
  };
  /// Every part of the rule's condition for this event, whatever its logsource is; the first line is the condition.
  std::vector<explained> explain(std::uint32_t rule, const model::event& ev);
  /// Would routing show this event to the rule?
  bool routed(std::uint32_t rule, const model::event& ev) const;

  const program& of() const { return *program_; }
  const std::vector<rule_counters>& counters() const { return counters_; }
  std::uint64_t limits_exceeded() const { return exceeded_; }

private:
  struct scanning;
  const route& route_of(const model::event& ev);
  void prepare(const route& on);
  void begin_event(const route& on);
  void collect(const model::event& ev);
  void collect_slot(std::uint16_t target, const model::value& v);
  void collect_keywords(const model::event& ev);
  void add_value(std::uint16_t field, const model::value& v);
  seen_value see(const model::value& v);
  void fold_value(seen_value& seen);
  void fold_field(std::uint16_t field);
  void scan_field(std::uint16_t field);
  void scan_value(std::uint16_t field, seen_value& seen);
  void wake_up(const wake& w);
  void try_rules(const model::event& ev, bool sampled);
  bool holds(std::uint32_t node);
  bool test_holds(std::uint32_t test);
  bool evaluate(const compiled_test& test);
  bool match_holds(const compiled_match& m, std::uint16_t field);
  bool regex_holds(const compiled_match& m, const seen_value& seen);
  bool may_hold_keywords(const model::event& ev);
  void explain_node(const expression& e, int depth, std::vector<explained>& out);

  struct value_link {
    seen_value seen;
    std::uint32_t next = 0;
  };
  struct field_state {
    std::uint32_t epoch = 0, first = 0, last = 0; ///< in values_
    bool is_folded = false;
  };
  /// What searching a value gave. Values come again and again: most searches are answered from here.
  struct remembered {
    std::uint64_t key = 0;
    std::string text;
    std::vector<std::uint32_t> wakes; ///< in route::wakes
  };
  /// Likewise for regular expressions.
  struct remembered_search {
    const regex_matcher* regex = nullptr;
    std::string text;
    bool held = false;
  };
  struct cached_route {
    std::uint64_t key = 0;
    const route* on = nullptr;
  };

  std::shared_ptr<const program> program_;
  tick_function ticks_;
  const route* route_ = nullptr;
  std::uint32_t epoch_ = 0;
  std::uint64_t events_ = 0, exceeded_ = 0;
  std::vector<cached_route> cache_;
  std::unordered_map<const route*, std::uint32_t> prepared_; ///< and a number no other route had or will have
  std::uint32_t prepared_count_ = 0, route_number_ = 0;
  std::vector<remembered> remembered_;
  std::vector<remembered_search> searches_;
  const char* hinted_ = nullptr; ///< record that was last searched for keywords, and the answer
  bool may_hold_ = false;
  std::vector<std::uint32_t> found_; ///< wakes of the value being searched
  scan_scratch scratch_;
  arena memory_;
  std::vector<value_link> values_;
  std::vector<field_state> fields_;
  std::vector<std::uint16_t> active_;
  std::vector<std::uint32_t> test_states_, rule_epochs_; ///< test: epoch × 2 + truth
  std::vector<std::uint32_t> candidates_, matched_;
  std::vector<rule_counters> counters_;
};

} // namespace soc::detection
