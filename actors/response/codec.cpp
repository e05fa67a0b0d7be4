#include "response/codec.hpp"

#include "schemas/response.capnp.h"
#include "wire/message.hpp"

#include <capnp/message.h>

namespace soc::response {

using nlohmann::json;

namespace {

std::string text(capnp::Text::Reader from) {
  return std::string(wire::view(from));
}

std::string json_text(const json& value) {
  return value.is_null() ? std::string{} : value.dump(-1, ' ', false, json::error_handler_t::replace);
}

json json_from(capnp::Text::Reader from) {
  if (from.size() == 0)
    return {};
  auto parsed = json::parse(from.begin(), from.end(), nullptr, false);
  return parsed.is_discarded() ? json() : parsed;
}

template <class List>
std::vector<std::string> texts(List list) {
  std::vector<std::string> out;
  for (const auto item : list)
    out.push_back(text(item));
  return out;
}

template <class List>
void fill(List list, const std::vector<std::string>& from) {
  for (unsigned i = 0; i < from.size(); ++i)
    list.set(i, wire::text_of(from[i]));
}

void write(schema::TaskSpec::Builder out, const task_spec& spec) {
  out.setId(spec.id);
  out.setTenant(spec.tenant);
  out.setRunId(spec.run_id);
  out.setIncidentId(spec.incident_id);
  out.setStep(spec.step);
  out.setComponent(spec.component);
  out.setAction(spec.action);
  out.setInstance(spec.instance);
  out.setTargetType(static_cast<std::uint8_t>(spec.target.type));
  out.setTargetRole(static_cast<std::uint8_t>(spec.target.role));
  out.setTargetKey(wire::text_of(spec.target.key));
  out.setTargetLabel(wire::text_of(spec.target.label));
  fill(out.initTags(static_cast<unsigned>(spec.tags.size())), spec.tags);
  out.setParameters(json_text(spec.parameters));
  out.setMode(static_cast<std::uint8_t>(spec.mode));
  out.setAskedBy(wire::text_of(spec.asked_by));
  out.setReason(wire::text_of(spec.reason));
  out.setByPerson(spec.by_person);
  out.setDurationSeconds(spec.duration_s);
  out.setVetoSeconds(spec.veto_s);
  out.setApproveWithinSeconds(spec.approve_within_s);
  out.setAttempts(spec.attempts);
  out.setBackoffMs(spec.backoff_ms);
}

task_spec read_spec(schema::TaskSpec::Reader from) {
  task_spec out;
  out.id = text(from.getId());
  out.tenant = text(from.getTenant());
  out.run_id = text(from.getRunId());
  out.incident_id = text(from.getIncidentId());
  out.step = text(from.getStep());
  out.component = text(from.getComponent());
  out.action = text(from.getAction());
  out.instance = text(from.getInstance());
  out.target = {static_cast<model::entity_type>(from.getTargetType()),
                static_cast<model::entity_role>(from.getTargetRole()), text(from.getTargetKey()),
                text(from.getTargetLabel())};
  out.tags = texts(from.getTags());
  out.parameters = json_from(from.getParameters());
  out.mode = static_cast<autonomy>(from.getMode());
  out.asked_by = text(from.getAskedBy());
  out.reason = text(from.getReason());
  out.by_person = from.getByPerson();
  out.duration_s = from.getDurationSeconds();
  out.veto_s = from.getVetoSeconds();
  out.approve_within_s = from.getApproveWithinSeconds();
  out.attempts = from.getAttempts();
  out.backoff_ms = from.getBackoffMs();
  return out;
}

void write(schema::Grant::Builder out, const grant& g) {
  out.setId(g.id);
  out.setTenant(g.tenant);
  out.setIncidentId(g.incident_id);
  out.setTaskId(g.task_id);
  out.setComponent(g.component);
  out.setAction(g.action);
  out.setInstance(g.instance);
  out.setInverse(g.inverse);
  out.setFingerprint(g.fingerprint);
  out.setAskedBy(wire::text_of(g.asked_by));
  out.setTargetType(static_cast<std::uint8_t>(g.type));
  out.setTarget(wire::text_of(g.target));
  fill(out.initGroups(static_cast<unsigned>(g.groups.size())), g.groups);
  out.setEffect(static_cast<std::uint8_t>(g.effect));
  out.setTimeNs(g.at);
  out.setUndoOf(g.undo_of);
  out.setStanding(g.standing);
}

grant read_grant(schema::Grant::Reader from) {
  grant out;
  out.id = text(from.getId());
  out.tenant = text(from.getTenant());
  out.incident_id = text(from.getIncidentId());
  out.task_id = text(from.getTaskId());
  out.component = text(from.getComponent());
  out.action = text(from.getAction());
  out.instance = text(from.getInstance());
  out.inverse = text(from.getInverse());
  out.fingerprint = text(from.getFingerprint());
  out.asked_by = text(from.getAskedBy());
  out.type = static_cast<model::entity_type>(from.getTargetType());
  out.target = text(from.getTarget());
  out.groups = texts(from.getGroups());
  out.effect = static_cast<action_effect>(from.getEffect());
  out.at = from.getTimeNs();
  out.undo_of = text(from.getUndoOf());
  out.standing = from.getStanding();
  return out;
}

void write(schema::GateEvent::Builder out, const gate_event& event) {
  out.setKind(static_cast<std::uint8_t>(event.what));
  if (event.what == gate_event::kind::granted)
    write(out.initGranted(), event.granted);
  out.setId(event.id);
  out.setWho(wire::text_of(event.who));
  out.setWhy(wire::text_of(event.why));
  out.setTimeNs(event.at);
}

gate_event read_gate_event(schema::GateEvent::Reader from) {
  gate_event out;
  out.what = static_cast<gate_event::kind>(from.getKind());
  if (from.hasGranted())
    out.granted = read_grant(from.getGranted());
  out.id = text(from.getId());
  out.who = text(from.getWho());
  out.why = text(from.getWhy());
  out.at = from.getTimeNs();
  return out;
}

} // namespace

std::string encode(const task_event& event) {
  capnp::MallocMessageBuilder message;
  auto out = message.initRoot<schema::TaskEvent>();
  out.setKind(static_cast<std::uint8_t>(event.what));
  out.setTimeNs(event.at);
  if (event.spec)
    write(out.initSpec(), *event.spec);
  out.setAttempt(event.attempt);
  out.setUntilNs(event.until);
  out.setForVeto(event.for_veto);
  out.setPeopleNeeded(event.people_needed);
  out.setUser(wire::text_of(event.user));
  out.setDetail(wire::text_of(event.detail));
  out.setOutput(json_text(event.output));
  out.setByExpiry(event.by_expiry);
  out.setNode(event.node);
  return wire::to_bytes(message);
}

result<task_event> decode_task_event(std::string_view bytes) {
  return wire::read_message<schema::TaskEvent>(bytes, [](schema::TaskEvent::Reader from) -> result<task_event> {
    task_event out;
    out.what = static_cast<task_event_kind>(from.getKind());
    out.at = from.getTimeNs();
    if (from.hasSpec())
      out.spec = read_spec(from.getSpec());
    out.attempt = from.getAttempt();
    out.until = from.getUntilNs();
    out.for_veto = from.getForVeto();
    out.people_needed = from.getPeopleNeeded();
    out.user = text(from.getUser());
    out.detail = text(from.getDetail());
    out.output = json_from(from.getOutput());
    out.by_expiry = from.getByExpiry();
    out.node = text(from.getNode());
    return out;
  });
}

std::string encode(const std::vector<gate_event>& events) {
  capnp::MallocMessageBuilder message;
  auto out = message.initRoot<schema::GateEvent>();
  if (!events.empty())
    write(out, events.front());
  if (events.size() > 1) {
    auto more = out.initMore(static_cast<unsigned>(events.size() - 1));
    for (unsigned i = 1; i < events.size(); ++i)
      write(more[i - 1], events[i]);
  }
  return wire::to_bytes(message);
}

result<std::vector<gate_event>> decode_gate_events(std::string_view bytes) {
  using events = std::vector<gate_event>;
  return wire::read_message<schema::GateEvent>(bytes, [](schema::GateEvent::Reader from) -> result<events> {
    events out{read_gate_event(from)};
    for (const auto one : from.getMore())
      out.push_back(read_gate_event(one));
    return out;
  });
}

std::string encode(const gate_state& state) {
  capnp::MallocMessageBuilder message;
  auto out = message.initRoot<schema::GateSnapshot>();
  auto list = out.initGrants(static_cast<unsigned>(state.grants.size()));
  unsigned i = 0;
  for (const auto& [id, g] : state.grants)
    write(list[i++], g);
  out.setStopped(state.stopped);
  out.setStoppedBy(wire::text_of(state.stopped_by));
  out.setStoppedWhy(wire::text_of(state.stopped_why));
  return wire::to_bytes(message);
}

result<gate_state> decode_gate_state(std::string_view bytes) {
  return wire::read_message<schema::GateSnapshot>(bytes, [](schema::GateSnapshot::Reader from) -> result<gate_state> {
    std::vector<grant> grants;
    for (const auto item : from.getGrants())
      grants.push_back(read_grant(item));
    auto out = restored(std::move(grants));
    out.stopped = from.getStopped();
    out.stopped_by = text(from.getStoppedBy());
    out.stopped_why = text(from.getStoppedWhy());
    return out;
  });
}

} // namespace soc::response
