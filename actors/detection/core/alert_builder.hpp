// detection/core/alert_builder.hpp - what a match becomes: an alert with a deterministic id, the event's entities and
// the record as evidence. Native alerts of other products (OCSF Detection Finding) become alerts as they are. Pure; one
// builder a dictionary.
#pragma once
#include "detection/core/sigma_rule.hpp"
#include "model/event.hpp"

namespace soc::detection {

class alert_builder {
public:
  explicit alert_builder(model::dictionary_ptr names);

  /// The event must be mapped. The same event and rule give the same alert, but for `detected_at`.
  model::alert_ptr build(const model::event_batch& batch, const model::event& ev, const rule_header& rule,
                         unix_ns detected_at) const;
  /// What a class 2004 event says of the rule of its product that raised it; the event must be mapped.
  rule_header native_header(const model::event& ev) const;
  /// Of a class 2004 event; the event must be mapped. Null for another class.
  model::alert_ptr native(const model::event_batch& batch, const model::event& ev, unix_ns detected_at) const;

private:
  model::alert common(const model::event_batch& batch, const model::event& ev, unix_ns detected_at) const;
  std::string text(const model::event& ev, model::field_id id) const;
  model::alert_ptr finish(model::alert a) const;

  static constexpr std::size_t max_attacks = 8;
  model::dictionary_ptr names_;
  model::field_id host_name_, host_id_, cloud_, account_, region_;
  model::field_id title_, description_, finding_uid_, rule_uid_, rule_name_, severity_, confidence_;
  struct attack_ids {
    model::field_id technique, sub_technique, tactic;
  };
  std::vector<attack_ids> attacks_;
};

/// OCSF class of native alerts.
constexpr std::uint32_t detection_finding_class = 2004;

} // namespace soc::detection
