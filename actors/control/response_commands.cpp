#include "control/command.hpp"
#include "control/control_actor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace soc::control {

namespace {

using namespace soc::response;

constexpr std::chrono::minutes longest_wait{10}; ///< the shell's own --timeout-ms is usually shorter

std::string short_id(const std::string& id) {
  return id.substr(0, 12);
}

void run_tasks(const call& c) {
  list_tasks query;
  query.incident_id = c.option("incident", c.word(1).rfind("--", 0) == 0 ? "" : c.word(1));
  query.limit = c.number("last", 200, 1, 10'000);
  c.self->request(c.services->response.actor(), ask_timeout, query)
      .then(
          [reply = c.reply, now = c.self->now()](const task_views& found) {
            json rows = json::array();
            for (const auto& t : found.all)
              rows.push_back({t.id, short_id(t.incident_id), t.action, t.target, t.instance, t.status, t.mode,
                              t.expires_at ? format_rfc3339(t.expires_at) : "-", ago(t.changed_at, now), t.detail});
            reply.ok({{"columns",
                       {"task", "incident", "action", "target", "instance", "status", "mode", "expires", "changed",
                        "detail"}},
                      {"rows", rows},
                      {"note", fmt::format("{} tasks", found.total)}});
          },
          [reply = c.reply](const caf::error& e) { reply.fail(e); });
}

void run_runs(const call& c) {
  list_runs query;
  query.incident_id = c.option("incident", c.word(1).rfind("--", 0) == 0 ? "" : c.word(1));
  query.limit = c.number("last", 200, 1, 10'000);
  c.self->request(c.services->response.actor(), ask_timeout, query)
      .then(
          [reply = c.reply, now = c.self->now()](const run_views& found) {
            json rows = json::array();
            for (const auto& r : found.all)
              rows.push_back({r.id, short_id(r.incident_id), r.rule, r.playbook, r.mode, r.status, r.entity,
                              ago(r.changed_at, now), r.reason});
            reply.ok(
                {{"columns", {"run", "incident", "rule", "playbook", "mode", "status", "entity", "changed", "reason"}},
                 {"rows", rows},
                 {"note", fmt::format("{} runs", found.total)}});
          },
          [reply = c.reply](const caf::error& e) { reply.fail(e); });
}

void answer_command(const call& c, const command_answer& a) {
  if (a.obeyed)
    c.reply.ok({{"text", a.text}, {"data", {{"obeyed", true}, {"text", a.text}, {"run", a.run}}}});
  else
    c.reply.fail(failure{a.not_found ? ec::not_found : ec::refused, a.text});
}

void run_playbooks(const call& c) {
  c.self->request(c.services->response.actor(), ask_timeout, list_playbooks{})
      .then(
          [reply = c.reply](const playbook_views& found) {
            json rows = json::array();
            for (const auto& p : found.all)
              rows.push_back({p.name, p.trigger, p.version, fmt::format("{}", fmt::join(p.inputs, " ")), p.title});
            reply.ok({{"columns", {"playbook", "trigger", "version", "inputs (?: may be left out)", "title"}},
                      {"rows", rows},
                      {"note", fmt::format("{} playbooks", found.all.size())}});
          },
          [reply = c.reply](const caf::error& e) { reply.fail(e); });
}

/// All that says nothing else is the reason, whether it follows --reason or not.
std::string reason_of(const call& c, std::size_t from, std::string_view flag = "--reason") {
  auto words = c.plain(from, {"step", "tenant"});
  std::erase_if(words, [&](const auto& word) { return word == "--reason" || word == flag; });
  return fmt::format("{}", fmt::join(words, " "));
}

void begin(const call& c, begin_run ask) {
  ask.user = c.user;
  ask.tenant = c.option("tenant", "default");
  ask.wait = std::find(c.words.begin(), c.words.end(), "--wait") != c.words.end();
  const std::chrono::seconds patience = ask.wait ? longest_wait : ask_timeout;
  c.self->request(c.services->response.actor(), patience, std::move(ask))
      .then([c](const command_answer& a) { answer_command(c, a); },
            [reply = c.reply](const caf::error& e) { reply.fail(e); });
}

void run_run(const call& c) {
  begin_run ask;
  ask.playbook = c.word(1);
  ask.incident_id = c.option("incident");
  ask.inputs = c.plain(2, {"incident", "reason", "tenant"});
  std::erase(ask.inputs, "--wait");
  ask.reason = c.option("reason");
  begin(c, std::move(ask));
}

void run_rerun(const call& c) {
  begin_run ask;
  ask.again = c.word(1);
  ask.reason = reason_of(c, 2, "--wait");
  begin(c, std::move(ask));
}

std::function<void(const call&)> order(command_kind kind, bool has_id, bool has_detail) {
  return [=](const call& c) {
    operator_command o;
    o.kind = kind;
    o.user = c.user;
    o.tenant = c.option("tenant", "default");
    std::size_t next = 1;
    if (has_id)
      o.id = c.word(next++);
    if (has_detail && next < c.words.size() && !c.words[next].starts_with("--"))
      o.detail = c.words[next++];
    if (has_detail)
      o.detail = c.option("step", o.detail);
    o.reason = reason_of(c, next);
    c.self->request(c.services->response.actor(), ask_timeout, o)
        .then([c](const command_answer& a) { answer_command(c, a); },
              [reply = c.reply](const caf::error& e) { reply.fail(e); });
  };
}

} // namespace

void add_response_commands(command_table& table) {
  const auto first = command_scope::first;
  table["tasks"] = {"tasks [INCIDENT] [--last N]", "response tasks", command_scope::merged, 1, false, run_tasks};
  table["runs"] = {"runs [INCIDENT] [--last N]", "playbook runs", command_scope::merged, 1, false, run_runs};
  table["playbooks"] = {"playbooks",  "what can be run, and with which inputs", command_scope::here, 1, false,
                        run_playbooks};
  table["run"] = {
      "run PLAYBOOK [INPUT=VALUE…] [--incident ID] [--tenant T] [--reason TEXT] [--wait]",
      "begin a playbook by hand; what it does passes the gate like everything else; --wait: until it has ended",
      first,
      2,
      true,
      run_run};
  table["rerun"] = {"rerun RUN [--reason TEXT] [--wait]",
                    "begin a run's playbook once more, as it is now, with the run's inputs",
                    first,
                    2,
                    true,
                    run_rerun};
  table["signal"] = {
      "signal RUN NAME [--reason TEXT]",      "tell a run what one of its steps waits for", first, 3, true,
      order(command_kind::signal, true, true)};
  table["approve"] = {"approve ID [REASON]",
                      "let a waiting task, run or step go on",
                      first,
                      2,
                      true,
                      order(command_kind::approve, true, false)};
  table["reject"] = {"reject ID [REASON]",
                     "refuse a waiting task, run or step",
                     first,
                     2,
                     true,
                     order(command_kind::reject, true, false)};
  table["undo"] = {"undo ID [REASON]",
                   "take back a task, all of a run, or all an incident did",
                   first,
                   2,
                   true,
                   order(command_kind::undo, true, false)};
  table["cancel"] = {"cancel ID [REASON]",
                     "end a run, or a task that has not begun",
                     first,
                     2,
                     true,
                     order(command_kind::cancel, true, false)};
  table["pause"] = {
      "pause RUN [REASON]", "hold a run before its next step", first, 2, true, order(command_kind::pause, true, false)};
  table["resume"] = {
      "resume RUN [REASON]", "let a paused run go on", first, 2, true, order(command_kind::resume, true, false)};
  table["retry"] = {
      "retry RUN [STEP]", "run a failed step again", first, 2, true, order(command_kind::retry, true, true)};
  table["resolve"] = {"resolve TASK done|failed",
                      "say what became of a task parked as unknown",
                      first,
                      3,
                      true,
                      order(command_kind::resolve, true, true)};
  table["emergency-stop"] = {"emergency-stop [REASON] [--tenant NAME]",
                             "halt all automation at once, of every tenant (default) or of the one that is named",
                             command_scope::merged,
                             1,
                             true,
                             order(command_kind::emergency_stop, false, false)};
  table["emergency-release"] = {"emergency-release [REASON] [--tenant NAME]",
                                "let automation go on: lifts the stop of every tenant, or of the one that is named",
                                command_scope::merged,
                                1,
                                true,
                                order(command_kind::emergency_release, false, false)};
}

} // namespace soc::control
