// detection/detector.hpp - the detector actor of a lane: events in, alerts out. Owned by the node's tree, one beside
// each normalizer. Rules are swapped by a message; a batch is detected on by one program, never by parts of two.
#pragma once
#include "detection/core/matcher.hpp"
#include "detection/correlator.hpp"
#include "intel/core/indicator_matcher.hpp"
#include "runtime/actor.hpp"

namespace soc::detection {

/// Gives a lazily mapped event its OCSF slots (a normalizer's `complete`); made anew for each incarnation of the actor.
using event_completer = std::function<void(model::event_batch&, model::event&)>;

/// What a detector uses; outlives its restarts, so that one after a reload does not bring the old back.
template <class T>
class in_use {
public:
  explicit in_use(std::shared_ptr<const T> first) : now_(std::move(first)) {}
  std::shared_ptr<const T> get() const {
    const std::lock_guard lock(mutex_);
    return now_;
  }
  void set(std::shared_ptr<const T> next) {
    const std::lock_guard lock(mutex_);
    now_ = std::move(next);
  }

private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> now_;
};
using rules_in_use = in_use<program>;
using intelligence_in_use = in_use<intel::intelligence>;

struct detector_options {
  std::shared_ptr<rules_in_use> rules;
  std::shared_ptr<intelligence_in_use> intelligence; ///< may be empty: no indicators are looked for
  alert_publisher_ref publisher;
  std::function<event_completer()> make_completer; ///< may be empty: events are used as they are
  std::shared_ptr<shared_correlator> correlations; ///< of the node; empty: correlation rules are not evaluated
  bool native_alerts = true;                       ///< findings of other products become alerts
};

/// Detect with these rules from the next batch on.
struct use_rules {
  std::shared_ptr<const program> rules;
};
/// Look for these indicators from the next batch on.
struct use_intelligence {
  intel::intelligence_ptr intelligence;
};
/// Answered with rule_statistics: of the program and the indicators in use, since they are.
struct get_rule_statistics {};
struct rule_statistic {
  std::string id, title;
  std::uint64_t hits = 0, tried = 0;
  double seconds = 0;   ///< estimated from samples
  unix_ns last_hit = 0; ///< event time, 0 = never
};
struct rule_statistics {
  std::vector<rule_statistic> rules;   ///< the most expensive first; only rules that were tried
  std::vector<rule_statistic> sources; ///< of indicators; `tried` counts look-ups of all of them together
  std::uint64_t events = 0, alerts = 0, regex_limits_exceeded = 0;
};

/// detector_interface, use_rules, use_intelligence and get_rule_statistics. A batch is answered through the publisher,
/// with its alerts or none.
struct detector_state;
using detector_actor = caf::stateful_actor<detector_state, observed_actor>;
caf::behavior detector(detector_actor* self, detector_options options);

struct detector_state {
  static inline const char* name = "detector";
  detector_options options;
  event_completer complete;
  std::shared_ptr<const program> rules;
  std::unique_ptr<matcher> matching;
  std::unique_ptr<intel::indicator_matcher> indicators; ///< null: none are looked for
  std::shared_ptr<const void> types; ///< log types of the last batch: routes are remembered by their addresses
  std::uint64_t events = 0, alerts = 0;
};

} // namespace soc::detection

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::detection::use_rules)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::detection::use_intelligence)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::detection::get_rule_statistics)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::detection::rule_statistics)
