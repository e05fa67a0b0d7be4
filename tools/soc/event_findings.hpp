// tools/soc/event_findings.hpp - what a node would have raised of normalized events: alerts of rules, of indicators and
// of other products' findings, those of correlations too, in order of time. Memory grows with the matches, not with the
// events. One a run; single-threaded.
#pragma once
#include "detection/core/alert_builder.hpp"
#include "detection/core/matcher.hpp"
#include "detection/correlator.hpp"
#include "intel/core/indicator_matcher.hpp"

#include <optional>
#include <string>
#include <vector>

namespace soc::cli {

struct finding_sources {
  std::shared_ptr<const detection::program> rules;
  model::dictionary_ptr names;
  intel::intelligence_ptr intelligence; ///< null: no indicators are looked for
  bool native = false;                  ///< findings of other products become alerts
};

class event_findings {
public:
  explicit event_findings(finding_sources from);

  void take(const model::event_batch& batch);
  /// The log types seen so far live no longer.
  void forget_types() { matching_.forget_types(); }
  /// Nothing more comes. The same alert of an event that came twice is there once.
  std::vector<model::alert_ptr> finish();

private:
  /// An event that correlations count.
  struct counted_event {
    unix_ns time = 0;
    std::string id;
    std::vector<correlation::observation> seen;
    model::alert_ptr about; ///< its entities and its record
  };

  void take_rules(const model::event_batch& batch, const model::event& ev);
  void take_others(const model::event_batch& batch, const model::event& ev);
  void correlate();

  detection::matcher matching_;
  detection::correlator windows_;
  detection::alert_builder builder_;
  std::optional<intel::indicator_matcher> indicators_;
  bool native_;
  std::vector<model::alert_ptr> alerts_;
  std::vector<counted_event> counted_;
};

} // namespace soc::cli
