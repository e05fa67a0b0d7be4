// detection/intel_alerts.hpp - what a matched indicator becomes: an alert like that of a rule, with the source, its
// confidence and what was seen. Values; used by the detector and the offline commands.
#pragma once
#include "detection/core/alert_builder.hpp"
#include "intel/core/indicator_matcher.hpp"

namespace soc::detection {

/// The header of the rule a match stands for: one for each source and kind, "intel/<source>/<kind>".
rule_header header_of(const intel::indicator_view& indicator, intel::indicator_kind kind);

/// The event must be mapped. The same event and indicator give the same alert, but for `detected_at`.
model::alert_ptr build_intel_alert(const alert_builder& builder, const model::event_batch& batch,
                                   const model::event& ev, const intel::indicator_set& set,
                                   const intel::indicator_match& match, unix_ns detected_at);

} // namespace soc::detection
