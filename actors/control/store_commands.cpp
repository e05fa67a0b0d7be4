#include "control/command.hpp"
#include "control/control_actor.hpp"
#include "runtime/error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::control {

namespace {

json letters_answer(const dead_letters& found, unix_ns now) {
  json rows = json::array();
  for (const auto& stored : found.all)
    rows.push_back({stored.number, ago(stored.letter.at, now), stored.letter.origin, stored.letter.reason,
                    stored.letter.bytes.substr(0, 512)});
  return {{"columns", {"no", "when", "from", "why", "what"}},
          {"rows", rows},
          {"note", fmt::format("{} in all", found.total)}};
}

template <class Query>
void list_letters(const call& c) {
  c.self->request(c.services->store.actor(), ask_timeout, Query{c.number("last", 50, 1, 10'000)})
      .then([reply = c.reply, now = c.self->now()](const dead_letters& found) { reply.ok(letters_answer(found, now)); },
            [reply = c.reply](const caf::error& e) { reply.fail(e); });
}

void replay_quarantine(const call& c) {
  c.self->request(c.services->replayer.actor(), ask_timeout, quarantine_replay{c.option("connector")})
      .then(
          [reply = c.reply](const quarantine_replayed& r) {
            reply.ok({{"columns", {"replayed", "failed", "connector gone", "kept now"}},
                      {"rows", {{r.replayed, r.failed, r.no_connector, r.still_kept}}},
                      {"note", "what could not be read again is kept with its new reason"}},
                     r.failed > 0 ? 1 : 0);
          },
          [reply = c.reply](const caf::error& e) {
            if (to_failure(e).code == ec::timed_out)
              reply.ok({{"note", "the replay goes on; quarantine shows what is left"}});
            else
              reply.fail(e);
          });
}

void remove_quarantined(const call& c) {
  quarantine_remove wanted;
  for (std::size_t i = 2; i < c.words.size(); ++i) {
    const auto& word = c.words[i];
    if (word.empty() || word.size() >= 19 ||
        !std::all_of(word.begin(), word.end(), [](char d) { return d >= '0' && d <= '9'; }))
      return c.reply.fail(failure{ec::invalid_input, fmt::format("'{}' is no number of a record", word)}, 2);
    wanted.numbers.push_back(std::stoull(word));
  }
  if (wanted.numbers.empty())
    return c.reply.fail(failure{ec::invalid_input, "name the records by their numbers"}, 2);
  const auto asked = wanted.numbers.size();
  c.self->request(c.services->store.actor(), ask_timeout, std::move(wanted))
      .then(
          [reply = c.reply, asked](const stored& s) {
            const auto missing = s.removed < asked ? fmt::format("; {} not there", asked - s.removed) : std::string();
            reply.ok({{"text", fmt::format("{} removed{}", s.removed, missing)}, {"data", {{"removed", s.removed}}}},
                     missing.empty() ? 0 : 1);
          },
          [reply = c.reply](const caf::error& e) { reply.fail(e); });
}

} // namespace

void add_store_commands(command_table& table) {
  table["quarantine"] = {
      "quarantine [--last N]",      "records no mapping could read, with the reason", command_scope::merged, 1, false,
      list_letters<quarantine_list>};
  table["quarantine replay"] = {"quarantine replay [--connector NAME]",
                                "send quarantined records through the mappings as they are now",
                                command_scope::merged,
                                2,
                                true,
                                replay_quarantine};
  table["quarantine remove"] = {"quarantine remove [NODE] NO…",
                                "forget quarantined records of a node for good; NODE is needed where there are several",
                                command_scope::named,
                                3,
                                true,
                                remove_quarantined};
  table["dead-letters"] = {
      "dead-letters [--last N]",     "messages set aside, with the reason", command_scope::merged, 1, false,
      list_letters<dead_letter_list>};
}

} // namespace soc::control
