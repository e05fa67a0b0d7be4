#include "detection/intel_alerts.hpp"

#include "base/hash.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::detection {

namespace {

model::entity_type entity_type_of(intel::indicator_kind kind) {
  switch (kind) {
  case intel::indicator_kind::ip:
    return model::entity_type::ip;
  case intel::indicator_kind::domain:
    return model::entity_type::domain;
  case intel::indicator_kind::url:
    return model::entity_type::url;
  case intel::indicator_kind::hash:
    return model::entity_type::file_hash;
  case intel::indicator_kind::email:
    return model::entity_type::email;
  }
  return model::entity_type::unknown;
}

/// What a source that states no level means by its confidence.
model::severity level_of(const intel::indicator_view& indicator) {
  if (indicator.level != model::severity::unknown)
    return indicator.level;
  if (indicator.confidence >= 75)
    return model::severity::high;
  return indicator.confidence == 0 || indicator.confidence >= 40 ? model::severity::medium : model::severity::low;
}

std::string description_of(const intel::indicator_view& indicator, const intel::indicator_match& match) {
  auto out = fmt::format("{} in {} is known to {}", match.value, match.field, indicator.source->name);
  if (match.indicator != match.value)
    out += fmt::format(" as {}", match.indicator);
  if (!indicator.title.empty())
    out += fmt::format(": {}", indicator.title);
  out += indicator.confidence == 0 ? "; confidence not stated" : fmt::format("; confidence {}", indicator.confidence);
  if (indicator.valid_until != 0)
    out += fmt::format("; valid until {}", format_rfc3339(indicator.valid_until));
  if (!indicator.id.empty())
    out += fmt::format("; indicator {}", indicator.id);
  return out;
}

/// What was seen is among the alert's entities, even when the mapping knows it under no entity slot.
void add_seen(model::alert& a, const intel::indicator_match& match) {
  const auto type = entity_type_of(match.kind);
  auto key = model::canonical_key(type, match.value);
  const auto known = std::any_of(a.entities.begin(), a.entities.end(), [&](const model::entity& e) {
    return e.key == key || (e.type == type && e.key.starts_with(key + "@"));
  });
  if (key.empty() || known)
    return;
  if (a.entities.size() >= model::max_alert_entities)
    a.entities.pop_back();
  a.entities.push_back({type, model::entity_role::related, std::move(key), match.value});
}

} // namespace

rule_header header_of(const intel::indicator_view& indicator, intel::indicator_kind kind) {
  rule_header out;
  const auto& source = *indicator.source;
  out.id = fmt::format("intel/{}/{}", source.name, intel::to_string(kind));
  out.name = out.id;
  static constexpr std::array<std::string_view, intel::kind_count> nouns{"Address", "Domain", "URL", "File",
                                                                         "E-mail address"};
  out.title = fmt::format("{} known to {}", nouns[static_cast<std::size_t>(kind)], source.name);
  out.level = level_of(indicator);
  out.level_text = std::string(model::to_string(out.level));
  std::transform(out.level_text.begin(), out.level_text.end(), out.level_text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  out.tags = *indicator.tags;
  out.stage = source.stage;
  return out;
}

model::alert_ptr build_intel_alert(const alert_builder& builder, const model::event_batch& batch,
                                   const model::event& ev, const intel::indicator_set& set,
                                   const intel::indicator_match& match, unix_ns detected_at) {
  const auto indicator = set.view(match.facts);
  model::alert a = *builder.build(batch, ev, header_of(indicator, match.kind), detected_at);
  a.origin = model::alert_origin::intelligence;
  a.confidence = indicator.confidence;
  a.description = description_of(indicator, match);
  add_seen(a, match);
  a.id = id_builder().add(a.records.front().event_id).add(a.rule_id).add(match.indicator).hex();
  return std::make_shared<const model::alert>(std::move(a));
}

} // namespace soc::detection
