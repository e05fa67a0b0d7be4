#include "control/command.hpp"
#include "control/control_actor.hpp"
#include "control/incident_context.hpp"
#include "incident/core/export.hpp"
#include "incident/core/render.hpp"
#include "incident/core/times.hpp"
#include "runtime/incident_interfaces.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::control {

namespace {

using incident::change_incident;
using incident::command_done;

/// "in 12 min", "3 h late", "kept", "4 min late, done"; "" without a deadline.
std::string deadline_text(const incident::deadline_view& one, unix_ns now) {
  if (one.by == 0)
    return "";
  if (one.met_at != 0)
    return one.met_at <= one.by ? "kept" : span_text(one.met_at - one.by) + " late, done";
  return now <= one.by ? "in " + span_text(one.by - now) : span_text(now - one.by) + " late";
}

/// What a list says of the deadlines: the first that is not met.
std::string due_text(const incident::sla_view& sla, unix_ns now) {
  if (sla.acknowledge.by != 0 && sla.acknowledge.met_at == 0)
    return "confirm " + deadline_text(sla.acknowledge, now);
  if (sla.resolve.by != 0 && sla.resolve.met_at == 0)
    return "resolve " + deadline_text(sla.resolve, now);
  return "";
}

void run_incidents(const call& c) {
  incident::list_incidents query;
  query.tenant = c.option("tenant");
  query.status = c.option("status");
  query.limit = c.number("last", 50, 1, 10'000);
  c.self->request(c.services->incidents, ask_timeout, query)
      .then(
          [reply = c.reply, now = c.self->now()](const incident::incident_list& found) {
            json rows = json::array();
            for (const auto& s : found.all)
              rows.push_back({s.id, s.tenant, std::string(model::to_string(s.level)), std::string(to_string(s.now)),
                              s.alerts, fmt::format("{:.0f}", s.score), s.owner.empty() ? json() : json(s.owner),
                              s.merged_into.empty() ? due_text(s.sla, now) : "", ago(s.changed_at, now), s.title});
            reply.ok(
                {{"columns",
                  {"incident", "tenant", "severity", "status", "alerts", "score", "owner", "due", "changed", "title"}},
                 {"rows", rows},
                 {"note", fmt::format("{} incidents", found.total)}});
          },
          [reply = c.reply](const caf::error& e) { reply.fail(e); });
}

std::string seconds_text(double seconds) {
  return seconds < 0 ? "-" : fmt::format("{:.1f} s", seconds);
}

json head_of(const incident::view& v, unix_ns now) {
  return {{"id", v.id},
          {"severity", std::string(model::to_string(v.level))},
          {"status", std::string(to_string(v.now))},
          {"score", fmt::format("{:.0f} of 100", v.score)},
          {"scenario", v.scenario},
          {"stages", v.stages},
          {"techniques", v.techniques},
          {"assets", v.assets},
          {"alerts", v.alerts},
          {"owner", v.owner.empty() ? json() : json(v.owner)},
          {"first event", format_rfc3339(v.first_event)},
          {"last event", format_rfc3339(v.last_event)},
          {"detected after", seconds_text(v.times.detect)},
          {"confirmed after", seconds_text(v.times.acknowledge)},
          {"resolved after", seconds_text(v.times.respond)},
          {"to be confirmed", deadline_text(v.sla.acknowledge, now)},
          {"to be resolved", deadline_text(v.sla.resolve, now)}};
}

json timeline_of(const incident::view& v) {
  json rows = json::array();
  for (const auto& t : v.timeline)
    rows.push_back({format_rfc3339(t.time), t.count, std::string(model::tactic_name(t.tactic)), t.stage, t.host,
                    t.title, t.source, t.alert_id, t.why});
  return {{"title", "timeline"},
          {"columns", {"time", "alerts", "tactic", "stage", "asset", "what", "record", "alert", "why it is here"}},
          {"rows", rows}};
}

json entities_of_view(const incident::view& v) {
  json rows = json::array();
  for (std::size_t i = 0; i < v.entities.size() && i < 40; ++i) {
    const auto& e = v.entities[i];
    rows.push_back({std::string(to_string(e.type)), std::string(to_string(e.role)), e.verdict, e.alerts, e.label});
  }
  return {{"title", fmt::format("entities ({})", v.entities.size())},
          {"columns", {"type", "role", "verdict", "alerts", "entity"}},
          {"rows", rows}};
}

json path_of_view(const incident::view& v) {
  json rows = json::array();
  for (const auto& s : v.path.steps)
    rows.push_back({format_rfc3339(s.time), v.path.nodes[s.from].label, s.gap ? s.verb + " (gap)" : s.verb,
                    v.path.nodes[s.to].label, s.count, s.impact ? "impact" : "",
                    s.event_id.empty() ? "alert " + s.alert_id : "event " + s.event_id});
  json out{
      {"title", "attack path"}, {"columns", {"time", "from", "step", "to", "times", "", "told by"}}, {"rows", rows}};
  for (const auto& gap : v.path.gaps)
    out["note"] = out.value("note", std::string()) + (out.contains("note") ? "; " : "gaps: ") + gap;
  return out;
}

json tasks_of_view(const incident::view& v) {
  json rows = json::array();
  for (const auto& t : v.tasks)
    rows.push_back({t.id, t.action, t.target, t.instance, t.status, t.detail});
  return {
      {"title", "response"}, {"columns", {"task", "action", "target", "instance", "status", "detail"}}, {"rows", rows}};
}

json history_of_view(const incident::view& v) {
  json rows = json::array();
  for (const auto& h : v.history)
    rows.push_back({format_rfc3339(h.at), h.who, h.what});
  return {{"title", "history"}, {"columns", {"time", "who", "what"}}, {"rows", rows}};
}

/// What programs get of an incident.
json data_of(const incident::view& v, unix_ns now) {
  auto data = head_of(v, now);
  data["title"] = v.title;
  data["first_event"] = format_rfc3339(v.first_event);
  data["last_event"] = format_rfc3339(v.last_event);
  data["detect_s"] = v.times.detect;
  data["acknowledge_s"] = v.times.acknowledge;
  data["respond_s"] = v.times.respond;
  if (!v.sla.rule.empty())
    data["sla"] = incident::sla_json(v.sla);
  for (const auto& t : v.timeline)
    data["timeline"].push_back({{"time", format_rfc3339(t.time)},
                                {"last", format_rfc3339(t.last)},
                                {"count", t.count},
                                {"title", t.title},
                                {"stage", t.stage},
                                {"tactic", t.tactic},
                                {"technique", t.technique},
                                {"host", t.host},
                                {"alert_id", t.alert_id},
                                {"source", t.source},
                                {"origin", t.origin},
                                {"raw", t.raw},
                                {"why", t.why}});
  for (const auto& e : v.entities)
    data["entities"].push_back({{"type", std::string(to_string(e.type))},
                                {"role", std::string(to_string(e.role))},
                                {"key", e.key},
                                {"label", e.label},
                                {"verdict", e.verdict},
                                {"alerts", e.alerts}});
  for (const auto& s : v.path.steps)
    data["path"].push_back({{"from", v.path.nodes[s.from].label},
                            {"verb", s.verb},
                            {"to", v.path.nodes[s.to].label},
                            {"time", format_rfc3339(s.time)},
                            {"count", s.count},
                            {"gap", s.gap},
                            {"impact", s.impact},
                            {"alert_id", s.alert_id},
                            {"event_id", s.event_id}});
  data["gaps"] = v.path.gaps;
  for (const auto& t : v.tasks)
    data["tasks"].push_back({{"task", t.id},
                             {"action", t.action},
                             {"target", t.target},
                             {"instance", t.instance},
                             {"status", t.status},
                             {"detail", t.detail}});
  return data;
}

void show_incident(const call& c, const incident::view& v) {
  const auto format = c.option("as");
  if (format == "ocsf")
    return c.reply.ok({{"text", incident::to_ocsf_json(v, "updated")}});
  if (format == "stix")
    return c.reply.ok({{"text", incident::to_stix(v)}});
  if (format == "navigator")
    return c.reply.ok({{"text", incident::to_navigator_layer(v)}});
  if (format == "dot")
    return c.reply.ok({{"text", incident::to_dot(v)}});
  if (format == "markdown")
    return c.reply.ok({{"text", incident::to_markdown(v)}});
  if (format == "svg" || std::find(c.words.begin(), c.words.end(), "--svg") != c.words.end())
    return c.reply.ok({{"text", incident::to_svg(v)}});
  if (!format.empty())
    return c.reply.fail(
        failure{ec::invalid_input, fmt::format("--as {}: it is ocsf, stix, navigator, dot, markdown or svg", format)},
        2);
  const auto now = c.self->now();
  json sections = json::array({json{{"title", v.title}, {"fields", head_of(v, now)}}, timeline_of(v), path_of_view(v),
                               entities_of_view(v), tasks_of_view(v), history_of_view(v)});
  c.reply.ok({{"sections", sections}, {"data", data_of(v, now)}});
}

void run_incident(const call& c) {
  c.self->request(c.services->incidents, ask_timeout, incident::get_incident{c.option("tenant"), c.word(1)})
      .then(
          [c](const command_done& found) {
            if (found.incident)
              extend_by_events(c, found.incident, [c](const incident::view& v) { show_incident(c, v); });
            else
              c.reply.fail(failure{ec::not_found, "no incident " + c.word(1)});
          },
          [c](const caf::error& e) { c.reply.fail(e); });
}

template <class Message>
void order_incident(const call& c, Message message, const std::string& text) {
  c.self->request(c.services->incidents, ask_timeout, std::move(message))
      .then(
          [c, text](const command_done& done) {
            c.reply.ok({{"text", done.changed ? text : "nothing to change"}, {"data", {{"changed", done.changed}}}});
          },
          [c](const caf::error& e) { c.reply.fail(e); });
}

void change(const call& c, incident::command asked, const std::string& text) {
  order_incident(c, change_incident{c.option("tenant"), c.word(1), std::move(asked), c.user}, text);
}

void run_status(const call& c) {
  const auto to = incident::status_from(c.word(2));
  if (!to)
    return c.reply.fail(
        failure{
            ec::invalid_input,
            fmt::format("'{}' is no status: new, in_progress, contained, resolved, closed, false_positive", c.word(2))},
        2);
  const auto named = c.option("as", *to == incident::status::false_positive ? "false_positive" : "none");
  const auto found = incident::classification_from(named);
  if (!found)
    return c.reply.fail(
        failure{ec::invalid_input,
                fmt::format("--as {}: it is true_positive, benign, false_positive, duplicate or test", named)},
        2);
  incident::set_status asked;
  asked.to = *to;
  asked.found = *found;
  asked.reason = c.rest(3, {"as", "tenant"});
  change(c, asked, fmt::format("{} is {} now", c.word(1), c.word(2)));
}

void run_assign(const call& c) {
  incident::assign asked;
  asked.owner = c.word(2);
  change(c, asked, fmt::format("{} belongs to {} now", c.word(1), c.word(2)));
}

void run_comment(const call& c) {
  incident::add_comment asked;
  asked.text = c.rest(2);
  order_incident(c, change_incident{{}, c.word(1), std::move(asked), c.user}, "noted");
}

void run_automation(const call& c) {
  if (c.word(2) != "on" && c.word(2) != "off")
    return c.reply.fail(failure{ec::invalid_input, fmt::format("'{}' is neither on nor off", c.word(2))}, 2);
  incident::set_automation asked;
  asked.on = c.word(2) == "on";
  change(c, asked, fmt::format("automation of {} is {}", c.word(1), asked.on ? "on" : "off"));
}

void run_merge(const call& c) {
  order_incident(c, incident::merge_incidents{c.option("tenant"), c.word(1), c.word(2), "{}", c.user},
                 fmt::format("{} went into {}", c.word(1), c.word(2)));
}

void run_unmerge(const call& c) {
  order_incident(c, incident::unmerge_incidents{c.option("tenant"), c.word(1), c.word(2), c.user},
                 fmt::format("{} is out of {} again", c.word(1), c.word(2)));
}

void run_split(const call& c) {
  order_incident(
      c, incident::move_alerts{c.option("tenant"), c.word(1), c.option("to"), c.plain(2, {"to", "tenant"}), c.user},
      "moved");
}

/// "12 s (9 s, 40 s)": mean, median and worst.
std::string figures_text(const incident::time_figures& f) {
  if (f.incidents == 0)
    return "-";
  return fmt::format("{} ({}, {})", seconds_text(f.mean), seconds_text(f.median), seconds_text(f.worst));
}

json figures_data(const incident::time_figures& f) {
  if (f.incidents == 0)
    return nullptr;
  return {{"incidents", f.incidents}, {"mean_s", f.mean}, {"median_s", f.median}, {"worst_s", f.worst}};
}

/// "7 of 9"; "-" when none is decided.
std::string kept_text(const incident::deadline_figures& f) {
  return f.decided == 0 ? "-" : fmt::format("{} of {}", f.kept, f.decided);
}

json kept_data(const incident::deadline_figures& f) {
  return {{"decided", f.decided}, {"kept", f.kept}};
}

json times_table(const std::vector<incident::period_times>& periods) {
  json rows = json::array(), data = json::array();
  for (const auto& p : periods) {
    rows.push_back({format_rfc3339(p.from).substr(0, 16), p.opened, p.resolved, figures_text(p.detect),
                    figures_text(p.acknowledge), figures_text(p.respond), kept_text(p.confirmed_in_time),
                    kept_text(p.resolved_in_time)});
    data.push_back({{"from", format_rfc3339(p.from)},
                    {"incidents", p.opened},
                    {"resolved", p.resolved},
                    {"detect", figures_data(p.detect)},
                    {"acknowledge", figures_data(p.acknowledge)},
                    {"respond", figures_data(p.respond)},
                    {"confirmed_in_time", kept_data(p.confirmed_in_time)},
                    {"resolved_in_time", kept_data(p.resolved_in_time)}});
  }
  return {{"columns",
           {"from", "incidents", "resolved", "detected after", "confirmed after", "resolved after", "confirmed in time",
            "resolved in time"}},
          {"rows", rows},
          {"note", "mean (median, worst)"},
          {"data", data}};
}

void run_times(const call& c) {
  const auto by = c.option("by", "day");
  const unix_ns period = (by == "hour" ? 3600 : by == "week" ? 7 * 86'400 : 86'400) * ns_per_s;
  if (by != "hour" && by != "day" && by != "week")
    return c.reply.fail(failure{ec::invalid_input, "--by hour, day or week"}, 2);
  const auto last = span_of(c.option("last", "30d"));
  if (last == 0)
    return c.reply.fail(
        failure{ec::invalid_input, fmt::format("--last '{}' is no span of time; write 12h or 30d", c.option("last"))},
        2);
  incident::list_incidents query;
  query.tenant = c.option("tenant");
  query.status = "all";
  query.limit = 200'000;
  c.self->request(c.services->incidents, ask_timeout, query)
      .then(
          [reply = c.reply, period, now = c.self->now(),
           from = c.self->now() - last](const incident::incident_list& found) {
            auto all = found.all;
            std::erase_if(all, [&](const auto& s) { return s.first_event < from; });
            reply.ok(times_table(incident::times_by_period(all, period, now)));
          },
          [reply = c.reply](const caf::error& e) { reply.fail(e); });
}

void run_alerts(const call& c) {
  c.reply.ok(c.services->alerts(c.number("last", 50, 1, 10'000)));
}

} // namespace

void add_incident_commands(command_table& table) {
  const auto here = command_scope::here;
  table["incidents"] = {"incidents [--status S|all] [--tenant T] [--last N]",
                        "the incidents of all nodes, highest score first",
                        here,
                        1,
                        false,
                        run_incidents};
  table["incident"] = {"incident ID [--tenant T] [--svg | --as ocsf|stix|navigator|dot|markdown|svg]",
                       "timeline, attack path, entities, why each alert is in it, tasks",
                       here,
                       2,
                       false,
                       run_incident};
  table["times"] = {
      "times [--by hour|day|week] [--last 30d] [--tenant T]",
      "how long until incidents were detected, confirmed and resolved (MTTD, MTTA, MTTR), over time; deadlines kept",
      here,
      1,
      false,
      run_times};
  table["alerts"] = {"alerts [--last N]", "the newest alerts of all nodes", here, 1, false, run_alerts};
  table["assign"] = {"assign ID USER [--tenant T]", "give an incident an owner", here, 3, true, run_assign};
  table["status"] = {
      "status ID STATUS [REASON] [--as CLASSIFICATION] [--tenant T]",
      "new, in_progress, contained, resolved, closed (--as true_positive|benign|duplicate|test), false_positive",
      here,
      3,
      true,
      run_status};
  table["comment"] = {"comment ID TEXT", "note something on an incident", here, 3, true, run_comment, false};
  table["automation"] = {"automation ID on|off [--tenant T]",
                         "let playbooks act on an incident by themselves, or not",
                         here,
                         3,
                         true,
                         run_automation};
  table["merge"] = {"merge FROM INTO [--tenant T]", "put one incident into another", here, 3, true, run_merge};
  table["unmerge"] = {"unmerge FROM INTO [--tenant T]", "take it out again", here, 3, true, run_unmerge};
  table["split"] = {
      "split ID ALERT… [--to ID] [--tenant T]", "move alerts to another or a new incident", here, 3, true, run_split};
}

} // namespace soc::control
