#include "incident/codec_parts.hpp"

namespace soc::incident::codec {

namespace {

template <class List, class T, class F>
void write_all(List list, const std::vector<T>& items, F one) {
  for (unsigned i = 0; i < items.size(); ++i)
    one(list[i], items[i]);
}

void write_view_entity(schema::ViewEntity::Builder out, const entity_view& e) {
  out.setType(static_cast<std::uint8_t>(e.type));
  out.setRole(static_cast<std::uint8_t>(e.role));
  out.setKey(wire::text_of(e.key));
  out.setLabel(wire::text_of(e.label));
  out.setVerdict(wire::text_of(e.verdict));
  out.setFirstNs(e.first);
  out.setLastNs(e.last);
  out.setAlerts(e.alerts);
}

entity_view read_view_entity(schema::ViewEntity::Reader in) {
  return {static_cast<model::entity_type>(in.getType()),
          static_cast<model::entity_role>(in.getRole()),
          string_of(in.getKey()),
          string_of(in.getLabel()),
          string_of(in.getVerdict()),
          in.getFirstNs(),
          in.getLastNs(),
          in.getAlerts()};
}

void write_line(schema::TimelineEntry::Builder out, const timeline_entry& line) {
  out.setTimeNs(line.time);
  out.setLastNs(line.last);
  out.setCount(line.count);
  out.setTitle(wire::text_of(line.title));
  out.setHost(wire::text_of(line.host));
  out.setStage(wire::text_of(line.stage));
  out.setTactic(wire::text_of(line.tactic));
  out.setTechnique(wire::text_of(line.technique));
  out.setSeverity(static_cast<std::uint8_t>(line.level));
  out.setAlertId(wire::text_of(line.alert_id));
  out.setEventId(wire::text_of(line.event_id));
  out.setSource(wire::text_of(line.source));
  out.setOrigin(wire::text_of(line.origin));
  out.setRaw(wire::data_of(line.raw));
  out.setWhy(wire::text_of(line.why));
}

timeline_entry read_line(schema::TimelineEntry::Reader in) {
  timeline_entry line;
  line.time = in.getTimeNs();
  line.last = in.getLastNs();
  line.count = in.getCount();
  line.title = string_of(in.getTitle());
  line.host = string_of(in.getHost());
  line.stage = string_of(in.getStage());
  line.tactic = string_of(in.getTactic());
  line.technique = string_of(in.getTechnique());
  line.level = checked(in.getSeverity(), model::severity::fatal);
  line.alert_id = string_of(in.getAlertId());
  line.event_id = string_of(in.getEventId());
  line.source = string_of(in.getSource());
  line.origin = string_of(in.getOrigin());
  line.raw = std::string(wire::view(in.getRaw()));
  line.why = string_of(in.getWhy());
  return line;
}

void write_path(schema::IncidentView::Builder out, const attack_path& path) {
  auto nodes = out.initNodes(static_cast<unsigned>(path.nodes.size()));
  for (unsigned i = 0; i < path.nodes.size(); ++i) {
    nodes[i].setType(static_cast<std::uint8_t>(path.nodes[i].type));
    nodes[i].setKey(wire::text_of(path.nodes[i].key));
    nodes[i].setLabel(wire::text_of(path.nodes[i].label));
  }
  auto steps = out.initSteps(static_cast<unsigned>(path.steps.size()));
  for (unsigned i = 0; i < path.steps.size(); ++i) {
    const auto& s = path.steps[i];
    steps[i].setFrom(static_cast<std::uint32_t>(s.from));
    steps[i].setTo(static_cast<std::uint32_t>(s.to));
    steps[i].setVerb(wire::text_of(s.verb));
    steps[i].setTimeNs(s.time);
    steps[i].setCount(s.count);
    steps[i].setAlertId(wire::text_of(s.alert_id));
    steps[i].setTactic(wire::text_of(s.tactic));
    steps[i].setTitle(wire::text_of(s.title));
    steps[i].setGap(s.gap);
    steps[i].setImpact(s.impact);
    steps[i].setEventId(wire::text_of(s.event_id));
  }
  write_texts(out.initGaps(static_cast<unsigned>(path.gaps.size())), path.gaps);
}

attack_path read_path(schema::IncidentView::Reader in) {
  attack_path path;
  for (const auto n : in.getNodes())
    path.nodes.push_back(
        {static_cast<model::entity_type>(n.getType()), string_of(n.getKey()), string_of(n.getLabel())});
  for (const auto s : in.getSteps()) {
    if (s.getFrom() >= path.nodes.size() || s.getTo() >= path.nodes.size())
      throw broken{{ec::corrupt, "a step between nodes that are not there"}};
    path.steps.push_back({s.getFrom(), s.getTo(), string_of(s.getVerb()), s.getTimeNs(), s.getCount(),
                          string_of(s.getAlertId()), string_of(s.getTactic()), string_of(s.getTitle()),
                          string_of(s.getEventId()), s.getGap(), s.getImpact()});
  }
  path.gaps = read_texts(in.getGaps());
  return path;
}

void write_numbers(schema::IncidentView::Builder out, const view& v) {
  out.setStatus(static_cast<std::uint8_t>(v.now));
  out.setClassification(static_cast<std::uint8_t>(v.found));
  out.setSeverity(static_cast<std::uint8_t>(v.level));
  out.setConfidence(static_cast<std::uint8_t>(v.confidence));
  out.setScore(v.score);
  out.setAutomation(v.automation);
  out.setFirstEventNs(v.first_event);
  out.setLastEventNs(v.last_event);
  out.setOpenedNs(v.opened_at);
  out.setChangedNs(v.changed_at);
  out.setAlerts(v.alerts);
  out.setRawEvents(v.raw_events);
  out.setVersion(v.version);
  out.setDetectS(v.times.detect);
  out.setAcknowledgeS(v.times.acknowledge);
  out.setRespondS(v.times.respond);
  out.setAcknowledgeDueNs(v.sla.acknowledge.by);
  out.setResolveDueNs(v.sla.resolve.by);
  out.setAcknowledgedNs(v.sla.acknowledge.met_at);
  out.setResolvedNs(v.sla.resolve.met_at);
  out.setAcknowledgeMissed(v.sla.acknowledge.missed);
  out.setResolveMissed(v.sla.resolve.missed);
  out.setAcknowledgeWarnNs(v.sla.acknowledge.warn_at);
  out.setResolveWarnNs(v.sla.resolve.warn_at);
  out.setAcknowledgeWarned(v.sla.acknowledge.warned);
  out.setResolveWarned(v.sla.resolve.warned);
}

void write_names(schema::IncidentView::Builder out, const view& v) {
  out.setId(wire::text_of(v.id));
  out.setTenant(wire::text_of(v.tenant));
  out.setTitle(wire::text_of(v.title));
  out.setScenario(wire::text_of(v.scenario));
  out.setOwner(wire::text_of(v.owner));
  out.setMergedInto(wire::text_of(v.merged_into));
  out.setSuccessorOf(wire::text_of(v.successor_of));
  out.setSlaRule(wire::text_of(v.sla.rule));
  const auto size = [](const auto& list) { return static_cast<unsigned>(list.size()); };
  write_texts(out.initStages(size(v.stages)), v.stages);
  write_texts(out.initTactics(size(v.tactics)), v.tactics);
  write_texts(out.initTechniques(size(v.techniques)), v.techniques);
  write_texts(out.initAssets(size(v.assets)), v.assets);
  write_texts(out.initAccounts(size(v.accounts)), v.accounts);
  write_texts(out.initProducts(size(v.products)), v.products);
  write_texts(out.initDoubts(size(v.doubts)), v.doubts);
}

void read_numbers(schema::IncidentView::Reader in, view& v) {
  v.now = checked(in.getStatus(), status::false_positive);
  v.found = checked(in.getClassification(), classification::test);
  v.level = checked(in.getSeverity(), model::severity::fatal);
  v.confidence = in.getConfidence();
  v.score = in.getScore();
  v.automation = in.getAutomation();
  v.first_event = in.getFirstEventNs();
  v.last_event = in.getLastEventNs();
  v.opened_at = in.getOpenedNs();
  v.changed_at = in.getChangedNs();
  v.alerts = in.getAlerts();
  v.raw_events = in.getRawEvents();
  v.version = in.getVersion();
  v.times = {in.getDetectS(), in.getAcknowledgeS(), in.getRespondS()};
  v.sla.acknowledge = {in.getAcknowledgeDueNs(), in.getAcknowledgedNs(), in.getAcknowledgeMissed(),
                       in.getAcknowledgeWarnNs(), in.getAcknowledgeWarned()};
  v.sla.resolve = {in.getResolveDueNs(), in.getResolvedNs(), in.getResolveMissed(), in.getResolveWarnNs(),
                   in.getResolveWarned()};
}

} // namespace

void write_view(schema::IncidentView::Builder out, const view& v) {
  write_names(out, v);
  write_numbers(out, v);
  const auto size = [](const auto& list) { return static_cast<unsigned>(list.size()); };
  write_all(out.initEntities(size(v.entities)), v.entities, write_view_entity);
  write_all(out.initTimeline(size(v.timeline)), v.timeline, write_line);
  write_all(out.initTasks(size(v.tasks)), v.tasks, write_task);
  write_all(out.initHistory(size(v.history)), v.history, write_history);
  write_all(out.initMerges(size(v.merges)), v.merges, write_merge_record);
  write_path(out, v.path);
}

view read_view(schema::IncidentView::Reader in) {
  view v;
  v.id = string_of(in.getId());
  v.tenant = string_of(in.getTenant());
  v.title = string_of(in.getTitle());
  v.scenario = string_of(in.getScenario());
  v.owner = string_of(in.getOwner());
  v.merged_into = string_of(in.getMergedInto());
  v.successor_of = string_of(in.getSuccessorOf());
  v.sla.rule = string_of(in.getSlaRule());
  read_numbers(in, v);
  v.stages = read_texts(in.getStages());
  v.tactics = read_texts(in.getTactics());
  v.techniques = read_texts(in.getTechniques());
  v.assets = read_texts(in.getAssets());
  v.accounts = read_texts(in.getAccounts());
  v.products = read_texts(in.getProducts());
  v.doubts = read_texts(in.getDoubts());
  for (const auto e : in.getEntities())
    v.entities.push_back(read_view_entity(e));
  for (const auto line : in.getTimeline())
    v.timeline.push_back(read_line(line));
  for (const auto t : in.getTasks())
    v.tasks.push_back(read_task(t));
  for (const auto h : in.getHistory())
    v.history.push_back(read_history(h));
  for (const auto m : in.getMerges())
    v.merges.push_back(read_merge_record(m));
  v.path = read_path(in);
  return v;
}

} // namespace soc::incident::codec
