#include "wire/alert_wire.hpp"

#include "base/hash.hpp"
#include "schemas/alert.capnp.h"
#include "wire/message.hpp"

#include <algorithm>

namespace soc::wire {

namespace {

std::string bounded(const std::string& text, std::size_t limit) {
  return std::string(cut(text, limit));
}

void write_techniques(schema::Alert::Builder out, const model::alert& a) {
  const auto count = std::min(a.techniques.size(), max_technique_count);
  auto list = out.initTechniques(static_cast<unsigned>(count));
  for (unsigned i = 0; i < count; ++i) {
    list[i].setTactic(text_of(bounded(a.techniques[i].tactic, max_name_bytes)));
    list[i].setTechnique(text_of(bounded(a.techniques[i].technique, max_name_bytes)));
  }
}

void write_entities(schema::Alert::Builder out, const model::alert& a) {
  const auto count = std::min(a.entities.size(), model::max_alert_entities);
  auto list = out.initEntities(static_cast<unsigned>(count));
  for (unsigned i = 0; i < count; ++i) {
    const auto& entity = a.entities[i];
    list[i].setType(static_cast<std::uint8_t>(entity.type));
    list[i].setRole(static_cast<std::uint8_t>(entity.role));
    list[i].setKey(text_of(bounded_key(entity.key)));
    list[i].setLabel(text_of(bounded(entity.label, max_entity_key_bytes)));
  }
}

void write_records(schema::Alert::Builder out, const model::alert& a) {
  const auto count = std::min(a.records.size(), model::max_evidence);
  auto list = out.initRecords(static_cast<unsigned>(count));
  for (unsigned i = 0; i < count; ++i) {
    const auto& record = a.records[i];
    list[i].setEventId(text_of(bounded(record.event_id, max_id_bytes)));
    list[i].setTimeNs(record.time);
    list[i].setSource(text_of(bounded(record.source, max_name_bytes)));
    list[i].setOrigin(text_of(bounded(record.origin, max_origin_bytes)));
    list[i].setRaw(data_of(cut(record.raw, model::max_evidence_bytes)));
  }
}

void write_texts(schema::Alert::Builder out, const model::alert& a) {
  out.setId(text_of(a.id));
  out.setTenant(text_of(a.tenant));
  out.setRuleId(text_of(bounded(a.rule_id, max_name_bytes)));
  out.setTitle(text_of(bounded(a.title, max_title_bytes)));
  out.setDescription(text_of(bounded(a.description, max_description_bytes)));
  out.setVendor(text_of(bounded(a.vendor, max_name_bytes)));
  out.setProduct(text_of(bounded(a.product, max_name_bytes)));
  out.setCloud(text_of(bounded(a.cloud, max_name_bytes)));
  out.setAccount(text_of(bounded(a.account, max_name_bytes)));
  out.setRegion(text_of(bounded(a.region, max_name_bytes)));
  out.setHost(text_of(bounded(a.host, max_name_bytes)));
  out.setStage(text_of(bounded(a.stage, max_name_bytes)));
  const auto count = std::min(a.tags.size(), max_tag_count);
  auto tags = out.initTags(static_cast<unsigned>(count));
  for (unsigned i = 0; i < count; ++i)
    tags.set(i, text_of(bounded(a.tags[i], max_name_bytes)));
}

outcome write_alert(schema::Alert::Builder out, const model::alert& a) {
  if (a.id.empty() || a.tenant.empty())
    return failure{ec::invalid_input, "an alert without id or tenant"};
  if (a.id.size() > max_id_bytes || a.tenant.size() > max_id_bytes)
    return failure{ec::too_large, "alert id or tenant over " + std::to_string(max_id_bytes) + " bytes"};
  write_texts(out, a);
  out.setOrigin(static_cast<std::uint8_t>(a.origin));
  out.setTimeNs(a.time);
  out.setEndTimeNs(a.end_time);
  out.setDetectedNs(a.detected_at);
  out.setIngestedNs(a.ingested_at);
  out.setSeverity(static_cast<std::uint8_t>(a.level));
  out.setConfidence(a.confidence);
  out.setCount(a.count);
  write_techniques(out, a);
  write_entities(out, a);
  write_records(out, a);
  return done{};
}

/// Reads bounded texts; remembers the first that is over its bound.
class text_reader {
public:
  std::string take(std::string_view text, std::size_t limit, const char* field) {
    if (text.size() > limit && too_long_ == nullptr)
      too_long_ = field;
    return std::string(text.substr(0, limit));
  }
  std::string take(capnp::Text::Reader text, std::size_t limit, const char* field) {
    return take(view(text), limit, field);
  }
  void count(std::size_t elements, std::size_t limit, const char* field) {
    if (elements > limit && too_long_ == nullptr)
      too_long_ = field;
  }
  bool fine() const { return too_long_ == nullptr; }
  failure error() const { return {ec::too_large, std::string("alert field over its bound: ") + too_long_}; }

private:
  const char* too_long_ = nullptr;
};

/// Numbers of a newer version, unknown here, become `otherwise`.
template <class E>
E enum_of(std::uint8_t number, E last, E otherwise) {
  return number <= static_cast<std::uint8_t>(last) ? static_cast<E>(number) : otherwise;
}

void read_texts(schema::Alert::Reader in, model::alert& a, text_reader& texts) {
  a.id = texts.take(in.getId(), max_id_bytes, "id");
  a.tenant = texts.take(in.getTenant(), max_id_bytes, "tenant");
  a.rule_id = texts.take(in.getRuleId(), max_name_bytes, "ruleId");
  a.title = texts.take(in.getTitle(), max_title_bytes, "title");
  a.description = texts.take(in.getDescription(), max_description_bytes, "description");
  a.vendor = texts.take(in.getVendor(), max_name_bytes, "vendor");
  a.product = texts.take(in.getProduct(), max_name_bytes, "product");
  a.cloud = texts.take(in.getCloud(), max_name_bytes, "cloud");
  a.account = texts.take(in.getAccount(), max_name_bytes, "account");
  a.region = texts.take(in.getRegion(), max_name_bytes, "region");
  a.host = texts.take(in.getHost(), max_name_bytes, "host");
  a.stage = texts.take(in.getStage(), max_name_bytes, "stage");
}

void read_lists(schema::Alert::Reader in, model::alert& a, text_reader& texts) {
  texts.count(in.getTags().size(), max_tag_count, "tags");
  texts.count(in.getTechniques().size(), max_technique_count, "techniques");
  texts.count(in.getEntities().size(), model::max_alert_entities, "entities");
  texts.count(in.getRecords().size(), model::max_evidence, "records");
  if (!texts.fine())
    return;
  for (const auto tag : in.getTags())
    a.tags.push_back(texts.take(tag, max_name_bytes, "tags"));
  for (const auto t : in.getTechniques())
    a.techniques.push_back({texts.take(t.getTactic(), max_name_bytes, "tactic"),
                            texts.take(t.getTechnique(), max_name_bytes, "technique")});
  for (const auto e : in.getEntities())
    a.entities.push_back({enum_of(e.getType(), model::entity_type::registry_key, model::entity_type::unknown),
                          enum_of(e.getRole(), model::entity_role::related, model::entity_role::unknown),
                          texts.take(e.getKey(), max_entity_key_bytes, "entity key"),
                          texts.take(e.getLabel(), max_entity_key_bytes, "entity label")});
  for (const auto r : in.getRecords())
    a.records.push_back({texts.take(r.getEventId(), max_id_bytes, "event id"), r.getTimeNs(),
                         texts.take(r.getSource(), max_name_bytes, "source"),
                         texts.take(r.getOrigin(), max_origin_bytes, "origin"),
                         texts.take(view(r.getRaw()), model::max_evidence_bytes, "raw")});
}

result<model::alert> read_alert(schema::Alert::Reader in) {
  model::alert a;
  text_reader texts;
  read_texts(in, a, texts);
  read_lists(in, a, texts);
  if (!texts.fine())
    return texts.error();
  if (a.id.empty() || a.tenant.empty())
    return failure{ec::invalid_input, "an alert without id or tenant"};
  a.origin = enum_of(in.getOrigin(), model::alert_origin::native, model::alert_origin::native);
  a.time = in.getTimeNs();
  a.end_time = in.getEndTimeNs();
  a.detected_at = in.getDetectedNs();
  a.ingested_at = in.getIngestedNs();
  a.level = enum_of(in.getSeverity(), model::severity::fatal, model::severity::unknown);
  a.confidence = std::min<std::uint8_t>(in.getConfidence(), 100);
  a.count = in.getCount();
  return a;
}

} // namespace

std::string bounded_key(const std::string& key) {
  if (key.size() <= max_entity_key_bytes)
    return key;
  constexpr std::size_t hash_digits = 32;
  return std::string(cut(key, max_entity_key_bytes - hash_digits - 1)) + "~" + to_hex(hash128(key));
}

result<std::string> encode(const model::alert& a) {
  capnp::MallocMessageBuilder message;
  if (auto written = write_alert(message.initRoot<schema::Alert>(), a); !written)
    return written.error();
  return to_bytes(message);
}

result<model::alert> decode_alert(std::string_view bytes) {
  return read_message<schema::Alert>(bytes, read_alert);
}

result<std::string> encode(const std::vector<model::alert_ptr>& alerts) {
  if (alerts.size() > max_alerts_in_batch)
    return failure{ec::too_large, std::to_string(alerts.size()) + " alerts in one message"};
  capnp::MallocMessageBuilder message;
  auto list = message.initRoot<schema::AlertBatch>().initAlerts(static_cast<unsigned>(alerts.size()));
  for (unsigned i = 0; i < alerts.size(); ++i)
    if (auto written = write_alert(list[i], *alerts[i]); !written)
      return written.error();
  auto bytes = to_bytes(message);
  if (bytes.size() > max_message_bytes)
    return failure{ec::too_large, "alerts of " + std::to_string(bytes.size()) + " bytes in one message"};
  return bytes;
}

result<std::vector<model::alert_ptr>> decode_alerts(std::string_view bytes) {
  using alerts = std::vector<model::alert_ptr>;
  return read_message<schema::AlertBatch>(bytes, [](schema::AlertBatch::Reader in) -> result<alerts> {
    if (in.getAlerts().size() > max_alerts_in_batch)
      return failure{ec::too_large, std::to_string(in.getAlerts().size()) + " alerts in one message"};
    alerts out;
    for (const auto one : in.getAlerts()) {
      auto read = read_alert(one);
      if (!read)
        return read.error();
      out.push_back(std::make_shared<const model::alert>(std::move(*read)));
    }
    return out;
  });
}

} // namespace soc::wire
