#include "playbook/run_codec.hpp"

#include "schemas/playbook.capnp.h"
#include "wire/message.hpp"

#include <capnp/message.h>

namespace soc::playbook {

using nlohmann::json;

namespace {

std::string text_from(capnp::Text::Reader from) {
  return std::string(wire::view(from));
}

void write_origin(schema::RunOrigin::Builder out, const run_origin& origin) {
  out.setRunId(origin.run_id);
  out.setTenant(origin.tenant);
  out.setIncidentId(origin.incident_id);
  out.setRule(origin.rule);
  out.setMode(origin.mode);
  out.setEntity(wire::text_of(origin.entity));
  out.setReason(wire::text_of(origin.reason));
  out.setAskedBy(wire::text_of(origin.asked_by));
  out.setVetoSeconds(origin.veto_s);
  out.setApproveWithinSeconds(origin.approve_within_s);
  out.setRecommended(origin.recommended);
}

run_origin read_origin(schema::RunOrigin::Reader from) {
  run_origin out;
  out.run_id = text_from(from.getRunId());
  out.tenant = text_from(from.getTenant());
  out.incident_id = text_from(from.getIncidentId());
  out.rule = text_from(from.getRule());
  out.mode = text_from(from.getMode());
  out.entity = text_from(from.getEntity());
  out.reason = text_from(from.getReason());
  out.asked_by = text_from(from.getAskedBy());
  out.veto_s = from.getVetoSeconds();
  out.approve_within_s = from.getApproveWithinSeconds();
  out.recommended = from.getRecommended();
  return out;
}

} // namespace

std::string encode(const run_event& event) {
  capnp::MallocMessageBuilder message;
  auto out = message.initRoot<schema::RunEvent>();
  out.setKind(static_cast<std::uint8_t>(event.what));
  out.setTimeNs(event.at);
  out.setPath(wire::text_of(event.path));
  out.setAttempt(event.attempt);
  out.setOk(event.ok);
  if (!event.value.is_null())
    out.setValue(event.value.dump(-1, ' ', false, json::error_handler_t::replace));
  out.setText(wire::text_of(event.text));
  out.setUser(wire::text_of(event.user));
  if (event.origin)
    write_origin(out.initOrigin(), *event.origin);
  auto texts = out.initTexts(static_cast<unsigned>(event.texts.size()));
  for (unsigned i = 0; i < event.texts.size(); ++i)
    texts.set(i, wire::text_of(event.texts[i]));
  return wire::to_bytes(message);
}

result<run_event> decode_run_event(std::string_view bytes) {
  return wire::read_message<schema::RunEvent>(bytes, [](schema::RunEvent::Reader from) -> result<run_event> {
    run_event out;
    out.what = static_cast<run_event_kind>(from.getKind());
    out.at = from.getTimeNs();
    out.path = text_from(from.getPath());
    out.attempt = from.getAttempt();
    out.ok = from.getOk();
    if (const auto value = from.getValue(); value.size() > 0) {
      out.value = json::parse(value.begin(), value.end(), nullptr, false);
      if (out.value.is_discarded())
        return failure{ec::corrupt, "a run's entry holds broken JSON"};
    }
    out.text = text_from(from.getText());
    out.user = text_from(from.getUser());
    if (from.hasOrigin())
      out.origin = read_origin(from.getOrigin());
    for (const auto text : from.getTexts())
      out.texts.push_back(text_from(text));
    return out;
  });
}

} // namespace soc::playbook
