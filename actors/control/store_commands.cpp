#include "control/command.hpp"
#include "control/control_actor.hpp"

#include <fmt/format.h>

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

} // namespace

void add_store_commands(command_table& table) {
  table["quarantine"] = {
      "quarantine [--last N]",      "records no mapping could read, with the reason", command_scope::merged, 1, false,
      list_letters<quarantine_list>};
  table["dead-letters"] = {
      "dead-letters [--last N]",     "messages set aside, with the reason", command_scope::merged, 1, false,
      list_letters<dead_letter_list>};
}

} // namespace soc::control
