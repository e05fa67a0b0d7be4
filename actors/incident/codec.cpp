#include "incident/codec.hpp"

#include "incident/codec_parts.hpp"

#include <algorithm>

namespace soc::incident {

namespace {

constexpr std::uint16_t snapshot_version = 1;

template <class T>
unsigned list_size(const T& list) {
  return static_cast<unsigned>(list.size());
}

void write_state_values(schema::IncidentSnapshot::Builder out, const state& s) {
  out.setVersion(snapshot_version);
  out.setId(wire::text_of(s.id));
  out.setTenant(wire::text_of(s.tenant));
  out.setEvents(s.events);
  out.setOpenedNs(s.opened_at);
  out.setChangedNs(s.changed_at);
  out.setAcknowledgedNs(s.acknowledged_at);
  out.setContainedNs(s.contained_at);
  out.setResolvedNs(s.resolved_at);
  out.setClosedNs(s.closed_at);
  out.setStatus(static_cast<std::uint8_t>(s.now));
  out.setClassification(static_cast<std::uint8_t>(s.found));
  out.setOwner(wire::text_of(s.owner));
  out.setTitle(wire::text_of(s.title));
  out.setClosingReason(wire::text_of(s.closing_reason));
  out.setSeverity(static_cast<std::uint8_t>(s.level));
  out.setAutomation(s.automation);
  out.setMergedInto(wire::text_of(s.merged_into));
  out.setSuccessorOf(wire::text_of(s.successor_of));
  out.setLateAlerts(s.late_alerts);
  out.setReopenedNs(s.reopened_at);
  out.setMissedAcknowledge(s.missed_acknowledge);
  out.setMissedResolve(s.missed_resolve);
  out.setWarnedAcknowledge(s.warned_acknowledge);
  out.setWarnedResolve(s.warned_resolve);
}

void write_state_lists(schema::IncidentSnapshot::Builder out, const state& s) {
  auto groups = out.initGroups(list_size(s.groups));
  auto entities = out.initEntities(list_size(s.entities));
  auto tasks = out.initTasks(list_size(s.tasks));
  auto verdicts = out.initVerdicts(list_size(s.verdicts));
  unsigned i = 0;
  for (const auto& [key, g] : s.groups)
    codec::write_group(groups[i++], g);
  i = 0;
  for (const auto& [key, r] : s.entities)
    codec::write_entity(entities[i++], r);
  i = 0;
  for (const auto& [id, t] : s.tasks)
    codec::write_task(tasks[i++], t);
  i = 0;
  for (const auto& [key, verdict] : s.verdicts) {
    verdicts[i].setKey(wire::text_of(key));
    verdicts[i++].setVerdict(wire::text_of(verdict));
  }
  std::vector<std::pair<std::uint64_t, std::uint64_t>> sorted(s.members.begin(), s.members.end());
  std::sort(sorted.begin(), sorted.end());
  auto members = out.initMembers(list_size(sorted));
  for (i = 0; i < sorted.size(); ++i) {
    members[i].setAlert(sorted[i].first);
    members[i].setGroup(sorted[i].second);
  }
  codec::write_texts(out.initMovedOut(list_size(s.moved_out)), {s.moved_out.begin(), s.moved_out.end()});
  codec::write_texts(out.initDoubts(list_size(s.doubts)), s.doubts);
  auto merges = out.initMerges(list_size(s.merges));
  for (i = 0; i < s.merges.size(); ++i)
    codec::write_merge_record(merges[i], s.merges[i]);
  auto history = out.initHistory(list_size(s.history));
  for (i = 0; i < s.history.size(); ++i)
    codec::write_history(history[i], s.history[i]);
}

state read_state(schema::IncidentSnapshot::Reader in) {
  if (in.getVersion() > snapshot_version)
    throw codec::broken{{ec::version_mismatch, "an incident snapshot of a newer version"}};
  state s;
  s.id = codec::string_of(in.getId());
  s.tenant = codec::string_of(in.getTenant());
  s.events = in.getEvents();
  s.opened_at = in.getOpenedNs();
  s.changed_at = in.getChangedNs();
  s.acknowledged_at = in.getAcknowledgedNs();
  s.contained_at = in.getContainedNs();
  s.resolved_at = in.getResolvedNs();
  s.closed_at = in.getClosedNs();
  s.now = codec::checked(in.getStatus(), status::false_positive);
  s.found = codec::checked(in.getClassification(), classification::test);
  s.owner = codec::string_of(in.getOwner());
  s.title = codec::string_of(in.getTitle());
  s.closing_reason = codec::string_of(in.getClosingReason());
  s.level = codec::checked(in.getSeverity(), model::severity::fatal);
  s.automation = in.getAutomation();
  s.merged_into = codec::string_of(in.getMergedInto());
  s.successor_of = codec::string_of(in.getSuccessorOf());
  s.late_alerts = in.getLateAlerts();
  s.reopened_at = in.getReopenedNs();
  s.missed_acknowledge = in.getMissedAcknowledge();
  s.missed_resolve = in.getMissedResolve();
  s.warned_acknowledge = in.getWarnedAcknowledge();
  s.warned_resolve = in.getWarnedResolve();
  for (const auto g : in.getGroups()) {
    auto group = codec::read_group(g);
    s.groups.emplace(key_of(group), std::move(group));
  }
  for (const auto r : in.getEntities()) {
    auto record = codec::read_entity(r);
    s.entities.emplace(key_of(record), std::move(record));
  }
  for (const auto m : in.getMembers())
    s.members.emplace(m.getAlert(), m.getGroup());
  for (const auto& id : codec::read_texts(in.getMovedOut()))
    s.moved_out.insert(id);
  for (const auto t : in.getTasks()) {
    auto task = codec::read_task(t);
    s.tasks.emplace(task.id, std::move(task));
  }
  for (const auto v : in.getVerdicts())
    s.verdicts.emplace(codec::string_of(v.getKey()), codec::string_of(v.getVerdict()));
  for (const auto m : in.getMerges())
    s.merges.push_back(codec::read_merge_record(m));
  s.doubts = codec::read_texts(in.getDoubts());
  for (const auto h : in.getHistory())
    s.history.push_back(codec::read_history(h));
  return s;
}

void write_request(schema::IncidentRequest::Builder out, const owner_request& r) {
  out.setTenant(wire::text_of(r.tenant));
  out.setId(wire::text_of(r.id));
  out.setWho(wire::text_of(r.who));
  switch (r.what) {
  case owner_request::kind::change:
    codec::write_fact(out.initChange(), codec::fact_of(*r.asked));
    break;
  case owner_request::kind::join:
    codec::write_fact(out.initJoin(), codec::fact_of(*r.asked));
    break;
  case owner_request::kind::get:
    out.setGet();
    break;
  case owner_request::kind::content:
    out.setContent(wire::text_of(r.why_json));
    break;
  case owner_request::kind::alerts:
    codec::write_texts(out.initAlerts(list_size(r.alert_ids)), r.alert_ids);
    break;
  }
}

owner_request read_request(schema::IncidentRequest::Reader in) {
  using kind = owner_request::kind;
  owner_request r;
  r.tenant = codec::string_of(in.getTenant());
  r.id = codec::string_of(in.getId());
  r.who = codec::string_of(in.getWho());
  switch (in.which()) {
  case schema::IncidentRequest::CHANGE:
    r.what = kind::change;
    r.asked = codec::command_of(codec::read_fact(in.getChange()));
    return r;
  case schema::IncidentRequest::JOIN:
    r.what = kind::join;
    r.asked = codec::command_of(codec::read_fact(in.getJoin()));
    return r;
  case schema::IncidentRequest::GET:
    r.what = kind::get;
    return r;
  case schema::IncidentRequest::CONTENT:
    r.what = kind::content;
    r.why_json = codec::string_of(in.getContent());
    return r;
  case schema::IncidentRequest::ALERTS:
    r.what = kind::alerts;
    r.alert_ids = codec::read_texts(in.getAlerts());
    return r;
  }
  throw codec::broken{{ec::version_mismatch, "a request of a newer version"}};
}

} // namespace

result<std::string> encode_entry(const std::vector<event>& events) {
  return codec::write<schema::IncidentEntry>([&](schema::IncidentEntry::Builder out) {
    auto list = out.initEvents(list_size(events));
    for (unsigned i = 0; i < events.size(); ++i) {
      list[i].setAtNs(events[i].at);
      list[i].setWho(wire::text_of(events[i].who));
      codec::write_fact(list[i].initFact(), events[i].what);
    }
  });
}

result<std::vector<event>> decode_entry(std::string_view bytes) {
  return codec::read<schema::IncidentEntry, std::vector<event>>(bytes, [](schema::IncidentEntry::Reader in) {
    std::vector<event> out;
    for (const auto e : in.getEvents())
      out.push_back({e.getAtNs(), codec::string_of(e.getWho()), codec::read_fact(e.getFact())});
    return out;
  });
}

result<std::string> encode_snapshot(const state& s) {
  return codec::write<schema::IncidentSnapshot>([&](schema::IncidentSnapshot::Builder out) {
    write_state_values(out, s);
    write_state_lists(out, s);
  });
}

result<state> decode_snapshot(std::string_view bytes) {
  return codec::read<schema::IncidentSnapshot, state>(bytes, read_state);
}

result<std::string> encode_change(std::string_view change, const view& v) {
  return codec::write<schema::IncidentChange>([&](schema::IncidentChange::Builder out) {
    out.setChange(wire::text_of(std::string(change)));
    codec::write_view(out.initView(), v);
  });
}

result<published_change> decode_change(std::string_view bytes) {
  return codec::read<schema::IncidentChange, published_change>(bytes, [](schema::IncidentChange::Reader in) {
    return published_change{codec::string_of(in.getChange()), codec::read_view(in.getView())};
  });
}

result<std::string> encode_request(const owner_request& request) {
  return codec::write<schema::IncidentRequest>(
      [&](schema::IncidentRequest::Builder out) { write_request(out, request); });
}

result<owner_request> decode_request(std::string_view bytes) {
  return codec::read<schema::IncidentRequest, owner_request>(bytes, read_request);
}

result<std::string> encode_reply(const owner_reply& reply) {
  return codec::write<schema::IncidentReply>([&](schema::IncidentReply::Builder out) {
    out.setChanged(reply.changed);
    out.setVersion(reply.version);
    if (reply.incident)
      codec::write_view(out.initView(), *reply.incident);
    if (const auto& m = reply.content)
      codec::write_content(out.initMerge(), m->from, m->why_json, m->groups, m->entities, m->members);
    auto samples = out.initSamples(list_size(reply.samples));
    for (unsigned i = 0; i < reply.samples.size(); ++i)
      codec::write_sample(samples[i], reply.samples[i]);
  });
}

result<owner_reply> decode_reply(std::string_view bytes) {
  return codec::read<schema::IncidentReply, owner_reply>(bytes, [](schema::IncidentReply::Reader in) {
    owner_reply out{in.getChanged(), in.getVersion(), {}, {}, {}};
    if (in.hasView())
      out.incident = codec::read_view(in.getView());
    if (in.hasMerge())
      out.content = codec::read_content(in.getMerge());
    for (const auto s : in.getSamples())
      out.samples.push_back(codec::read_sample(s));
    return out;
  });
}

} // namespace soc::incident
