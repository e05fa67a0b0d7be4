#include "control/command.hpp"

#include <fmt/format.h>

namespace soc::control {

namespace {

constexpr std::chrono::seconds search_timeout{30};
constexpr std::size_t max_line_bytes = 240;          // of a record in the table
constexpr std::size_t max_answer_bytes = 640 * 1024; // a NATS message holds 1 MiB

/// What `search` asks, or what is wrong with it.
result<lake::search_events> search_of(const call& c) {
  lake::search_events out;
  if (c.word(1).rfind("--", 0) != 0)
    out.condition = c.word(1);
  out.logsource = c.option("logsource");
  out.tenant = c.option("tenant");
  out.entities = c.options("entity");
  out.limit = c.number("limit", 50, 1, 10'000);
  for (const auto* name : {"from", "to"}) {
    const auto text = c.option(name);
    const auto time = text.empty() ? std::optional<unix_ns>() : parse_rfc3339(text);
    if (!text.empty() && !time)
      return failure{ec::invalid_input, fmt::format("--{} '{}' is no time; write 2026-11-24T08:00:00Z", name, text)};
    if (time)
      (*name == 'f' ? out.from : out.to) = *time;
  }
  if (const auto last = c.option("last"); !last.empty()) {
    const auto span = span_of(last);
    if (span == 0)
      return failure{ec::invalid_input, fmt::format("--last '{}' is no span of time; write 30m, 24h or 7d", last)};
    out.from = c.self->now() - span;
  }
  return out;
}

/// What people see of an event: its OCSF message or the beginning of the record.
std::string line_of(const lake::found_event& e) {
  const auto raw = e.batch->events[e.index].raw;
  std::string out(raw.substr(0, max_line_bytes));
  for (auto& ch : out)
    if (static_cast<unsigned char>(ch) < ' ')
      ch = ' ';
  return out;
}

json table_of(const lake::found_events& found) {
  json rows = json::array(), data = json::array();
  std::size_t bytes = 0;
  for (const auto& e : found.all) {
    const auto& ev = e.batch->events[e.index];
    bytes += e.json.size() + max_line_bytes;
    if (bytes > max_answer_bytes)
      break;
    rows.push_back({format_rfc3339(e.time), e.type, e.batch->raw->origin, line_of(e), e.id});
    auto parsed = json::parse(e.json, nullptr, false);
    data.push_back(parsed.is_object() ? std::move(parsed) : json{{"raw_data", std::string(ev.raw)}});
  }
  auto note = fmt::format("{} of {} stored events; {} of {} blocks read in {:.0f} ms", rows.size(), found.rows_stored,
                          found.blocks_read, found.blocks, found.seconds * 1000);
  if (!found.whole)
    note += "; stopped at the time limit: there may be more, narrow the time or name an entity";
  if (rows.size() < found.all.size())
    note += fmt::format("; {} more were found than fit one answer: `soc lake export` writes them all",
                        found.all.size() - rows.size());
  for (const auto& problem : found.problems)
    note += "; " + problem;
  return {{"columns", {"time", "type", "origin", "record", "event"}}, {"rows", rows}, {"note", note}, {"data", data}};
}

void run_search(const call& c) {
  if (!c.services->events)
    return c.reply.fail(failure{ec::unavailable, "the event store is off (event_store.enabled)"});
  const auto asked = search_of(c);
  if (!asked)
    return c.reply.fail(asked.error(), 2);
  c.self->request(c.services->events.actor(), search_timeout, *asked)
      .then([reply = c.reply](const lake::found_events& found) { reply.ok(table_of(found)); },
            [reply = c.reply](const caf::error& e) { reply.fail(e); });
}

void run_lake(const call& c) {
  if (!c.services->events)
    return c.reply.fail(failure{ec::unavailable, "the event store is off (event_store.enabled)"});
  c.self->request(c.services->events.actor(), search_timeout, lake::lake_query{})
      .then(
          [reply = c.reply](const lake::lake_status& s) {
            const auto ratio = s.bytes == 0 ? 0.0 : static_cast<double>(s.raw_bytes) / static_cast<double>(s.bytes);
            reply.ok({{"columns", {"events", "raw", "on disk", "ratio", "sealed", "open", "blocks", "from", "to"}},
                      {"rows",
                       {{s.rows, bytes_text(s.raw_bytes), bytes_text(s.bytes), fmt::format("{:.1f}", ratio), s.segments,
                         s.open_segments, s.blocks, s.first == 0 ? "-" : format_rfc3339(s.first),
                         s.last == 0 ? "-" : format_rfc3339(s.last)}}}});
          },
          [reply = c.reply](const caf::error& e) { reply.fail(e); });
}

} // namespace

void add_event_commands(command_table& table) {
  table["search"] = {
      "search [CONDITION] [--entity TYPE:VALUE]… [--last 24h | --from T --to T] [--limit N] [--tenant T] "
      "[--logsource PRODUCT/CATEGORY/SERVICE]",
      "stored events, newest first: CONDITION is Sigma's ('EventID: 4625', a word, a whole detection)",
      command_scope::merged,
      2,
      false,
      run_search};
  table["lake"] = {"lake", "how much the event store of each node holds", command_scope::merged, 1, false, run_lake};
}

} // namespace soc::control
