#include "incident/codec_parts.hpp"

namespace soc::incident::codec {

namespace {

struct fact_writer {
  schema::Fact::Builder out;

  void operator()(const opened& x) {
    auto to = out.initOpened();
    to.setId(wire::text_of(x.id));
    to.setTenant(wire::text_of(x.tenant));
    to.setSuccessorOf(wire::text_of(x.successor_of));
  }
  void operator()(const alert_added& x) {
    auto to = out.initAlertAdded();
    to.setAlert(wire::data_of(alert_bytes(*x.alert)));
    to.setWhy(wire::text_of(x.why_json));
    to.setOrigin(wire::text_of(x.origin));
    to.setFolded(x.folded);
    to.setLate(x.late);
    to.setOpensSuccessorOf(wire::text_of(x.successor_of));
  }
  void operator()(const status_set& x) {
    auto to = out.initStatusSet();
    to.setTo(static_cast<std::uint8_t>(x.to));
    to.setClassification(static_cast<std::uint8_t>(x.found));
    to.setReason(wire::text_of(x.reason));
  }
  void operator()(const owner_set& x) { out.setOwnerSet(wire::text_of(x.owner)); }
  void operator()(const comment_added& x) { out.setCommentAdded(wire::text_of(x.text)); }
  void operator()(const title_set& x) { out.setTitleSet(wire::text_of(x.title)); }
  void operator()(const level_set& x) { out.setSeveritySet(static_cast<std::uint8_t>(x.level)); }
  void operator()(const automation_set& x) { out.setAutomationSet(x.on); }
  void operator()(const verdict_set& x) {
    auto to = out.initVerdictSet();
    to.setEntityKey(wire::text_of(x.entity_key));
    to.setVerdict(wire::text_of(x.verdict));
  }
  void operator()(const task_noted& x) { write_task(out.initTaskNoted(), x.task); }
  void operator()(const merged_away& x) {
    auto to = out.initMergedAway();
    to.setInto(wire::text_of(x.into));
    to.setIntoWhy(wire::text_of(x.why_json));
    to.setTakenVersion(x.version);
  }
  void operator()(const merge_taken& x) {
    write_content(out.initMergeTaken(), x.from, x.why_json, x.groups, x.entities, x.members);
  }
  void operator()(const merge_undone& x) { out.setMergeUndone(wire::text_of(x.other)); }
  void operator()(const alerts_removed& x) {
    auto to = out.initAlertsRemoved();
    write_texts(to.initIds(static_cast<unsigned>(x.ids.size())), x.ids);
    to.setMovedTo(wire::text_of(x.to));
  }
  void operator()(const doubt_noted& x) { out.setDoubtNoted(wire::text_of(x.text)); }
  void operator()(const deadline_missed& x) {
    auto to = out.initDeadlineMissed();
    to.setWhat(static_cast<std::uint8_t>(x.what));
    to.setDueNs(x.by);
  }
  void operator()(const deadline_near& x) {
    auto to = out.initDeadlineNear();
    to.setWhat(static_cast<std::uint8_t>(x.what));
    to.setDueNs(x.by);
  }
};

struct asked_fact {
  fact operator()(const add_alert& x) const {
    return alert_added{x.alert, x.why_json, x.origin, false, false, x.successor_of};
  }
  fact operator()(const set_status& x) const { return status_set{x.to, x.found, x.reason}; }
  fact operator()(const assign& x) const { return owner_set{x.owner}; }
  fact operator()(const add_comment& x) const { return comment_added{x.text}; }
  fact operator()(const set_title& x) const { return title_set{x.title}; }
  fact operator()(const set_level& x) const { return level_set{x.level}; }
  fact operator()(const set_automation& x) const { return automation_set{x.on}; }
  fact operator()(const set_verdict& x) const { return verdict_set{x.entity_key, x.verdict}; }
  fact operator()(const note_task& x) const { return task_noted{x.task}; }
  fact operator()(const merge_away& x) const { return merged_away{x.into, x.why_json, x.version}; }
  fact operator()(const take_merge& x) const {
    return merge_taken{x.from, x.why_json, x.groups, x.entities, x.members};
  }
  fact operator()(const undo_merge& x) const { return merge_undone{x.other}; }
  fact operator()(const remove_alerts& x) const { return alerts_removed{x.ids, x.to}; }
  fact operator()(const note_doubt& x) const { return doubt_noted{x.text}; }
  fact operator()(const note_missed& x) const { return deadline_missed{x.what, x.by}; }
  fact operator()(const note_near& x) const { return deadline_near{x.what, x.by}; }
};

struct asked_command {
  command operator()(opened&) const { throw broken{{ec::invalid_input, "an incident opens by its first alert"}}; }
  command operator()(alert_added& x) const {
    return add_alert{std::move(x.alert), std::move(x.why_json), std::move(x.origin), std::move(x.successor_of)};
  }
  command operator()(status_set& x) const { return set_status{x.to, x.found, std::move(x.reason)}; }
  command operator()(owner_set& x) const { return assign{std::move(x.owner)}; }
  command operator()(comment_added& x) const { return add_comment{std::move(x.text)}; }
  command operator()(title_set& x) const { return set_title{std::move(x.title)}; }
  command operator()(level_set& x) const { return set_level{x.level}; }
  command operator()(automation_set& x) const { return set_automation{x.on}; }
  command operator()(verdict_set& x) const { return set_verdict{std::move(x.entity_key), std::move(x.verdict)}; }
  command operator()(task_noted& x) const { return note_task{std::move(x.task)}; }
  command operator()(merged_away& x) const { return merge_away{std::move(x.into), std::move(x.why_json), x.version}; }
  command operator()(merge_taken& x) const {
    return take_merge{std::move(x.from), std::move(x.why_json), std::move(x.groups), std::move(x.entities),
                      std::move(x.members)};
  }
  command operator()(merge_undone& x) const { return undo_merge{std::move(x.other)}; }
  command operator()(alerts_removed& x) const { return remove_alerts{std::move(x.ids), std::move(x.to)}; }
  command operator()(doubt_noted& x) const { return note_doubt{std::move(x.text)}; }
  command operator()(deadline_missed& x) const { return note_missed{x.what, x.by}; }
  command operator()(deadline_near& x) const { return note_near{x.what, x.by}; }
};

} // namespace

void write_fact(schema::Fact::Builder out, const fact& what) {
  std::visit(fact_writer{out}, what);
}

fact fact_of(const command& asked) {
  return std::visit(asked_fact{}, asked);
}
command command_of(fact what) {
  return std::visit(asked_command{}, what);
}

fact read_fact(schema::Fact::Reader in) {
  using schema::Fact;
  switch (in.which()) {
  case Fact::OPENED: {
    const auto from = in.getOpened();
    return opened{string_of(from.getId()), string_of(from.getTenant()), string_of(from.getSuccessorOf())};
  }
  case Fact::ALERT_ADDED: {
    const auto from = in.getAlertAdded();
    return alert_added{read_alert(from.getAlert()),
                       string_of(from.getWhy()),
                       string_of(from.getOrigin()),
                       from.getFolded(),
                       from.getLate(),
                       string_of(from.getOpensSuccessorOf())};
  }
  case Fact::STATUS_SET: {
    const auto from = in.getStatusSet();
    return status_set{checked(from.getTo(), status::false_positive),
                      checked(from.getClassification(), classification::test), string_of(from.getReason())};
  }
  case Fact::OWNER_SET:
    return owner_set{string_of(in.getOwnerSet())};
  case Fact::COMMENT_ADDED:
    return comment_added{string_of(in.getCommentAdded())};
  case Fact::TITLE_SET:
    return title_set{string_of(in.getTitleSet())};
  case Fact::SEVERITY_SET:
    return level_set{checked(in.getSeveritySet(), model::severity::fatal)};
  case Fact::AUTOMATION_SET:
    return automation_set{in.getAutomationSet()};
  case Fact::VERDICT_SET:
    return verdict_set{string_of(in.getVerdictSet().getEntityKey()), string_of(in.getVerdictSet().getVerdict())};
  case Fact::TASK_NOTED:
    return task_noted{read_task(in.getTaskNoted())};
  case Fact::MERGED_AWAY:
    return merged_away{string_of(in.getMergedAway().getInto()), string_of(in.getMergedAway().getIntoWhy()),
                       in.getMergedAway().getTakenVersion()};
  case Fact::MERGE_TAKEN: {
    auto content = read_content(in.getMergeTaken());
    return merge_taken{std::move(content.from), std::move(content.why_json), std::move(content.groups),
                       std::move(content.entities), std::move(content.members)};
  }
  case Fact::MERGE_UNDONE:
    return merge_undone{string_of(in.getMergeUndone())};
  case Fact::ALERTS_REMOVED:
    return alerts_removed{read_texts(in.getAlertsRemoved().getIds()), string_of(in.getAlertsRemoved().getMovedTo())};
  case Fact::DOUBT_NOTED:
    return doubt_noted{string_of(in.getDoubtNoted())};
  case Fact::DEADLINE_MISSED:
    return deadline_missed{checked(in.getDeadlineMissed().getWhat(), deadline::resolve),
                           in.getDeadlineMissed().getDueNs()};
  case Fact::DEADLINE_NEAR:
    return deadline_near{checked(in.getDeadlineNear().getWhat(), deadline::resolve), in.getDeadlineNear().getDueNs()};
  }
  throw broken{{ec::version_mismatch, "a fact of a newer version"}};
}

} // namespace soc::incident::codec
