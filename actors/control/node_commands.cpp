#include "control/control_actor.hpp"
#include "response/core/audit_chain.hpp"
#include "runtime/error.hpp"

#include <fmt/format.h>

namespace soc::control {

namespace {

void run_help(const call& c) {
  json rows = json::array();
  for (const auto& [name, command] : c.self->state.commands)
    rows.push_back({command.usage, command.help});
  rows.push_back({"tail [incidents|alerts|audit]", "follow what is published, until interrupted"});
  c.reply.ok({{"columns", {"command", "what it does"}}, {"rows", rows}});
}

void run_nodes(const call& c) {
  json rows = json::array();
  const auto all = c.services->registry->snapshot();
  std::uint64_t handled = 0, queued = 0;
  for (const auto& row : all) {
    handled += row.reading.handled;
    queued += row.reading.queue_bytes;
  }
  rows.push_back({c.services->version, all.size(), handled, bytes_text(queued)});
  c.reply.ok({{"columns", {"version", "actors", "messages handled", "queued"}}, {"rows", rows}});
}

void run_connectors(const call& c) {
  c.reply.ok(c.services->connectors());
}

void run_drift(const call& c) {
  auto table = c.services->drift();
  const auto wanted = c.word(1);
  auto& rows = table["rows"];
  for (std::size_t i = rows.size(); i-- > 0 && !wanted.empty();)
    if (rows[i][0].get_ref<const std::string&>().find(wanted) == std::string::npos)
      rows.erase(i);
  c.reply.ok(table);
}

void run_metrics(const call& c) {
  const auto wanted = c.word(1);
  const auto text = c.services->metrics();
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    auto end = text.find('\n', at);
    if (end == std::string::npos)
      end = text.size();
    const auto line = text.substr(at, end - at);
    if (!line.empty() && line[0] != '#' && line.find(wanted) != std::string::npos)
      out += line + '\n';
    at = end + 1;
  }
  c.reply.ok({{"text", out}, {"data", out}});
}

template <class Query>
void ask_root(const call& c) {
  c.self->request(c.services->root_side, std::chrono::seconds(60), Query{})
      .then([reply = c.reply](const json_answer& a) { reply.ok(a.body); },
            [reply = c.reply](const caf::error& e) { reply.fail(e); });
}

void run_audit(const call& c) {
  const auto limit = c.number("last", 50, 1, 10'000);
  c.self->request(c.services->journal.actor(), ask_timeout, journal_read{"soc.*.audit", 0})
      .then(
          [reply = c.reply, limit](const journal_entries& found) {
            json rows = json::array();
            std::vector<std::string> all;
            for (const auto& message : found.entries)
              for (auto& line : response::audit_lines_of(message.payload))
                all.push_back(std::move(line));
            for (std::size_t i = all.size() > limit ? all.size() - limit : 0; i < all.size(); ++i) {
              const auto entry = json::parse(all[i], nullptr, false);
              if (entry.is_object())
                rows.push_back(
                    {entry.value("time", ""), entry.value("user", ""), entry.value("node", ""), entry.dump()});
            }
            reply.ok({{"columns", {"time", "user", "node", "entry"}}, {"rows", rows}});
          },
          [reply = c.reply](const caf::error& e) { reply.fail(e); });
}

} // namespace

void add_node_commands(command_table& table) {
  table["help"] = {"help", "the commands", command_scope::here, 1, false, run_help};
  table["nodes"] = {"nodes", "the living nodes", command_scope::merged, 1, false, run_nodes};
  table["connectors"] = {
      "connectors", "where logs come from, and how each source fares", command_scope::merged, 1, false, run_connectors};
  table["drift"] = {"drift [TEXT]",
                    "fields, time zones and times that mappings do not expect; of log types that contain TEXT",
                    command_scope::merged,
                    1,
                    false,
                    run_drift};
  table["metrics"] = {"metrics [TEXT]", "counters whose line contains TEXT", command_scope::merged, 1, false,
                      run_metrics};
  table["rules"] = {"rules",
                    "detection rules with hits, time spent and last hit",
                    command_scope::merged,
                    1,
                    false,
                    ask_root<rules_query>};
  table["reload"] = {"reload",
                     "read rules, mappings, playbooks and config again: all are checked, then swapped",
                     command_scope::merged,
                     1,
                     true,
                     ask_root<reload_query>};
  table["audit"] = {"audit [--last N]", "who changed what", command_scope::here, 1, false, run_audit};
}

} // namespace soc::control
