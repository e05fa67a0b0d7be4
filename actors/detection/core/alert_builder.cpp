#include "detection/core/alert_builder.hpp"

#include "base/hash.hpp"
#include "base/json_writer.hpp"

#include <algorithm>

namespace soc::detection {

namespace {

/// At most `limit` bytes, not cutting a character.
std::string cut_utf8(std::string_view text, std::size_t limit) {
  if (text.size() <= limit)
    return std::string(text);
  auto end = limit;
  while (end > 0 && end > limit - 4 && (text[end] & 0xC0) == 0x80)
    --end;
  return std::string(text.substr(0, end));
}

std::string source_of(const model::log_type* type) {
  if (type == nullptr)
    return {};
  std::string out = type->vendor + "/" + type->product;
  if (!type->name.empty())
    out += "/" + type->name;
  return out;
}

} // namespace

alert_builder::alert_builder(model::dictionary_ptr names) : names_(std::move(names)) {
  const auto id = [this](std::string_view path) { return names_->find(path); };
  host_name_ = id("device.hostname");
  host_id_ = id("device.uid");
  cloud_ = id("cloud.provider");
  account_ = id("cloud.account.uid");
  region_ = id("cloud.region");
  title_ = id("finding_info.title");
  description_ = id("finding_info.desc");
  finding_uid_ = id("finding_info.uid");
  rule_uid_ = id("finding_info.analytic.uid");
  rule_name_ = id("finding_info.analytic.name");
  severity_ = id("severity_id");
  confidence_ = id("confidence_score");
  for (std::size_t i = 0; i < max_attacks; ++i)
    for (const std::string prefix : {"finding_info.attacks[", "attacks["}) {
      const auto base = prefix + std::to_string(i) + "].";
      const attack_ids ids{id(base + "technique.uid"), id(base + "sub_technique.uid"), id(base + "tactic.uid")};
      if (ids.technique != model::no_field || ids.sub_technique != model::no_field || ids.tactic != model::no_field)
        attacks_.push_back(ids);
    }
}

std::string alert_builder::text(const model::event& ev, model::field_id id) const {
  return ev.ocsf_value(id).to_text();
}

model::alert alert_builder::common(const model::event_batch& batch, const model::event& ev, unix_ns detected_at) const {
  model::alert a;
  const auto* context = batch.raw && batch.raw->context ? batch.raw->context.get() : nullptr;
  a.time = a.end_time = ev.time;
  a.detected_at = detected_at;
  a.ingested_at = batch.raw ? batch.raw->received_at : 0;
  if (ev.type != nullptr) {
    a.vendor = ev.type->vendor;
    a.product = ev.type->product;
  }
  a.cloud = text(ev, cloud_);
  a.account = text(ev, account_);
  a.region = text(ev, region_);
  if (context != nullptr) {
    a.tenant = context->tenant;
    const auto fill = [](std::string& to, const std::string& from) {
      if (to.empty())
        to = from;
    };
    fill(a.cloud, context->cloud);
    fill(a.account, context->account);
    fill(a.region, context->region);
  }
  a.host = model::canonical_key(model::entity_type::host, text(ev, host_name_));
  if (a.host.empty())
    a.host = model::canonical_key(model::entity_type::host, text(ev, host_id_));
  a.entities = model::entities_of(batch, ev);
  if (a.entities.size() > model::max_alert_entities)
    a.entities.resize(model::max_alert_entities);
  a.records.push_back({model::event_id(batch, ev), ev.time, source_of(ev.type),
                       batch.raw ? batch.raw->origin : std::string(), cut_utf8(ev.raw, model::max_evidence_bytes)});
  return a;
}

model::alert_ptr alert_builder::finish(model::alert a) const {
  a.id = id_builder().add(a.records.front().event_id).add(a.rule_id).hex();
  return std::make_shared<const model::alert>(std::move(a));
}

model::alert_ptr alert_builder::build(const model::event_batch& batch, const model::event& ev, const rule_header& rule,
                                      unix_ns detected_at) const {
  auto a = common(batch, ev, detected_at);
  a.origin = model::alert_origin::rule;
  a.rule_id = rule.id;
  a.title = rule.title;
  a.description = rule.description;
  a.level = rule.level;
  a.tags = rule.tags;
  a.techniques = model::techniques_of(rule.tags);
  a.stage = rule.stage;
  return finish(std::move(a));
}

rule_header alert_builder::native_header(const model::event& ev) const {
  rule_header out;
  out.title = text(ev, title_);
  out.description = text(ev, description_);
  out.id = text(ev, rule_uid_);
  if (out.id.empty())
    out.id = text(ev, rule_name_);
  if (out.id.empty()) { // the product names no rule: its findings of one title are of one kind
    const auto product = ev.type == nullptr ? std::string("/") : ev.type->vendor + "/" + ev.type->product;
    out.id = product + "/" + (out.title.empty() ? text(ev, finding_uid_) : out.title);
  }
  if (out.title.empty())
    out.title = out.id;
  out.level = model::severity_from(text(ev, severity_));
  return out;
}

model::alert_ptr alert_builder::native(const model::event_batch& batch, const model::event& ev,
                                       unix_ns detected_at) const {
  if (ev.class_uid != detection_finding_class)
    return nullptr;
  auto a = common(batch, ev, detected_at);
  auto header = native_header(ev);
  a.origin = model::alert_origin::native;
  a.title = std::move(header.title);
  a.description = std::move(header.description);
  a.rule_id = std::move(header.id);
  a.level = header.level;
  if (const auto confidence = ev.ocsf_value(confidence_); confidence.kind() == model::value_kind::integer)
    a.confidence = static_cast<std::uint8_t>(std::clamp<std::int64_t>(confidence.integer(), 0, 100));
  for (const auto& ids : attacks_) {
    model::attack_technique t{text(ev, ids.tactic), text(ev, ids.sub_technique)};
    if (t.technique.empty())
      t.technique = text(ev, ids.technique);
    if (!t.tactic.empty() || !t.technique.empty())
      a.techniques.push_back(std::move(t));
  }
  return finish(std::move(a));
}

} // namespace soc::detection
