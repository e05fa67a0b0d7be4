// intel/core/indicator_matcher.hpp - looks up what an event names among the indicators. One matcher a thread; the set
// is shared. The time is the event's: an indicator that had ended when the event happened says nothing about it.
#pragma once
#include "intel/core/indicator_set.hpp"
#include "intel/core/observable_fields.hpp"
#include "model/event.hpp"

#include <span>

namespace soc::intel {

/// What a deployment looks for: the indicators, and where in events.
struct intelligence {
  indicator_set_ptr indicators;
  std::shared_ptr<const observable_fields> fields;
};
using intelligence_ptr = std::shared_ptr<const intelligence>;

struct indicator_match {
  std::uint32_t facts = 0; ///< for indicator_set::view
  indicator_kind kind = indicator_kind::ip;
  std::string value;      ///< as it stands in the event
  std::string indicator;  ///< what it matched: itself, a parent domain, a network, a url without its query
  std::string_view field; ///< where it was seen; lives as long as the event's batch
  bool operator==(const indicator_match&) const = default;
};

struct indicator_hits {
  std::uint64_t hits = 0;
  unix_ns last_hit = 0; ///< event time
};

class indicator_matcher {
public:
  explicit indicator_matcher(intelligence_ptr what);

  /// Every indicator the event matches, once each; valid until the next call. An event without a time is judged by
  /// `otherwise`.
  std::span<const indicator_match> match(const model::event& ev, unix_ns otherwise);

  /// Counts the matches of the last event, once they are used.
  void count(std::span<const indicator_match> matches);

  const indicator_set& indicators() const { return *what_->indicators; }
  /// By source, in their order.
  const std::vector<indicator_hits>& hits() const { return hits_; }
  std::uint64_t lookups() const { return lookups_; }

private:
  struct seeing {
    std::string_view field, value;
    indicator_kind kind;
  };
  struct partial {
    std::uint32_t conjunction = 0, seen = 0; ///< seen: a bit a term
  };
  void look_at_slots(std::span<const model::slot> slots, bool native);
  void look_at(kind_set kinds, const model::value& v, std::string_view field);
  void look_at_text(kind_set kinds, std::string_view text, std::string_view field);
  void look_at_one(kind_set kinds, std::string_view text, std::string_view field);
  bool look_at_ip(const seeing& s, std::string_view text);
  void look_at_domain(const seeing& s, std::string_view text);
  void look_at_url(const seeing& s);
  void look_up(const seeing& s, const fingerprint& print, std::string_view spelled);
  void complete(const seeing& s, std::uint32_t entry, std::string_view spelled);
  void add(const seeing& s, std::uint32_t facts, std::string_view spelled);

  intelligence_ptr what_;
  kind_set wanted_ = 0;
  unix_ns time_ = 0;
  std::uint64_t lookups_ = 0;
  std::vector<indicator_match> matches_;
  std::vector<partial> partials_;
  std::vector<indicator_hits> hits_;
};

} // namespace soc::intel
