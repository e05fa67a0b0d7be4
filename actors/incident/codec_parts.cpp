#include "incident/codec_parts.hpp"

namespace soc::incident::codec {

namespace {

constexpr std::size_t max_text = 64 * 1024;

unsigned count_of(std::size_t size) {
  return static_cast<unsigned>(size);
}

} // namespace

std::string cut_text(const std::string& text, std::size_t limit) {
  return std::string(wire::cut(text, limit));
}

std::string alert_bytes(const model::alert& a) {
  auto bytes = wire::encode(a);
  if (!bytes)
    throw broken{bytes.error()};
  return std::move(bytes).take();
}

model::alert_ptr read_alert(capnp::Data::Reader bytes) {
  auto a = wire::decode_alert(wire::view(bytes));
  if (!a)
    throw broken{a.error()};
  return std::make_shared<const model::alert>(std::move(a).take());
}

void write_sample(schema::Sample::Builder out, const sample& s) {
  out.setAlert(wire::data_of(alert_bytes(*s.alert)));
  out.setWhy(wire::text_of(cut_text(s.why_json, max_text)));
}

sample read_sample(schema::Sample::Reader in) {
  return {read_alert(in.getAlert()), string_of(in.getWhy())};
}

void write_group(schema::AlertGroup::Builder out, const alert_group& g) {
  out.setOrigin(wire::text_of(g.origin));
  out.setRuleId(wire::text_of(g.rule_id));
  out.setTitle(wire::text_of(g.title));
  out.setHost(wire::text_of(g.host));
  out.setStage(wire::text_of(g.stage));
  out.setProduct(wire::text_of(g.product));
  out.setVendor(wire::text_of(g.vendor));
  out.setSeverity(static_cast<std::uint8_t>(g.level));
  out.setConfidence(g.confidence);
  auto techniques = out.initTechniques(count_of(g.techniques.size()));
  for (unsigned i = 0; i < g.techniques.size(); ++i) {
    techniques[i].setTactic(wire::text_of(g.techniques[i].tactic));
    techniques[i].setTechnique(wire::text_of(g.techniques[i].technique));
  }
  out.setAlerts(g.alerts);
  out.setEvents(g.events);
  out.setFirstNs(g.first);
  out.setLastNs(g.last);
  out.setFirstDetectedNs(g.first_detected);
  out.setSuspicion(g.suspicion);
  auto samples = out.initSamples(count_of(g.samples.size()));
  for (unsigned i = 0; i < g.samples.size(); ++i)
    write_sample(samples[i], g.samples[i]);
}

alert_group read_group(schema::AlertGroup::Reader in) {
  alert_group g;
  g.origin = string_of(in.getOrigin());
  g.rule_id = string_of(in.getRuleId());
  g.title = string_of(in.getTitle());
  g.host = string_of(in.getHost());
  g.stage = string_of(in.getStage());
  g.product = string_of(in.getProduct());
  g.vendor = string_of(in.getVendor());
  g.level = checked(in.getSeverity(), model::severity::fatal);
  g.confidence = in.getConfidence();
  for (const auto t : in.getTechniques())
    g.techniques.push_back({string_of(t.getTactic()), string_of(t.getTechnique())});
  g.alerts = in.getAlerts();
  g.events = in.getEvents();
  g.first = in.getFirstNs();
  g.last = in.getLastNs();
  g.first_detected = in.getFirstDetectedNs();
  g.suspicion = in.getSuspicion();
  for (const auto s : in.getSamples())
    g.samples.push_back(read_sample(s));
  return g;
}

void write_entity(schema::EntityRecord::Builder out, const entity_record& r) {
  out.setOrigin(wire::text_of(r.origin));
  out.setType(static_cast<std::uint8_t>(r.type));
  out.setKey(wire::text_of(r.key));
  out.setLabel(wire::text_of(r.label));
  out.setRoles(r.roles);
  out.setFirstNs(r.first);
  out.setLastNs(r.last);
  out.setAlerts(r.alerts);
}

entity_record read_entity(schema::EntityRecord::Reader in) {
  return {string_of(in.getOrigin()),
          static_cast<model::entity_type>(in.getType()),
          string_of(in.getKey()),
          string_of(in.getLabel()),
          in.getRoles(),
          in.getFirstNs(),
          in.getLastNs(),
          in.getAlerts()};
}

void write_task(schema::TaskRecord::Builder out, const task_record& t) {
  out.setId(wire::text_of(t.id));
  out.setRunId(wire::text_of(t.run_id));
  out.setAction(wire::text_of(t.action));
  out.setTarget(wire::text_of(t.target));
  out.setInstance(wire::text_of(t.instance));
  out.setStatus(wire::text_of(t.status));
  out.setDetail(wire::text_of(cut_text(t.detail, max_text)));
  out.setCreatedNs(t.created);
  out.setChangedNs(t.changed);
}

task_record read_task(schema::TaskRecord::Reader in) {
  return {string_of(in.getId()),     string_of(in.getRunId()),    string_of(in.getAction()),
          string_of(in.getTarget()), string_of(in.getInstance()), string_of(in.getStatus()),
          string_of(in.getDetail()), in.getCreatedNs(),           in.getChangedNs()};
}

void write_history(schema::HistoryEntry::Builder out, const history_entry& h) {
  out.setAtNs(h.at);
  out.setWho(wire::text_of(h.who));
  out.setWhat(wire::text_of(cut_text(h.what, max_text)));
}

history_entry read_history(schema::HistoryEntry::Reader in) {
  return {in.getAtNs(), string_of(in.getWho()), string_of(in.getWhat())};
}

void write_merge_record(schema::MergeRecord::Builder out, const merge_record& m) {
  out.setOther(wire::text_of(m.other));
  out.setInto(m.into);
  out.setUndone(m.undone);
  out.setAtNs(m.at);
  out.setWho(wire::text_of(m.who));
  out.setWhy(wire::text_of(cut_text(m.why_json, max_text)));
}

merge_record read_merge_record(schema::MergeRecord::Reader in) {
  return {string_of(in.getOther()), in.getInto(),          in.getUndone(), in.getAtNs(),
          string_of(in.getWho()),   string_of(in.getWhy())};
}

void write_content(schema::MergeContent::Builder out, const std::string& from, const std::string& why_json,
                   const std::vector<alert_group>& groups, const std::vector<entity_record>& entities,
                   const std::vector<std::pair<std::uint64_t, std::uint64_t>>& members) {
  out.setFrom(wire::text_of(from));
  out.setWhy(wire::text_of(cut_text(why_json, max_text)));
  auto group_list = out.initGroups(count_of(groups.size()));
  for (unsigned i = 0; i < groups.size(); ++i)
    write_group(group_list[i], groups[i]);
  auto entity_list = out.initEntities(count_of(entities.size()));
  for (unsigned i = 0; i < entities.size(); ++i)
    write_entity(entity_list[i], entities[i]);
  auto member_list = out.initMembers(count_of(members.size()));
  for (unsigned i = 0; i < members.size(); ++i) {
    member_list[i].setAlert(members[i].first);
    member_list[i].setGroup(members[i].second);
  }
}

take_merge read_content(schema::MergeContent::Reader in) {
  take_merge out{string_of(in.getFrom()), string_of(in.getWhy()), {}, {}, {}};
  for (const auto g : in.getGroups())
    out.groups.push_back(read_group(g));
  for (const auto r : in.getEntities())
    out.entities.push_back(read_entity(r));
  for (const auto m : in.getMembers())
    out.members.emplace_back(m.getAlert(), m.getGroup());
  return out;
}

} // namespace soc::incident::codec
