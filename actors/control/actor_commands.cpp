#include "control/command.hpp"
#include "control/control_actor.hpp"
#include "runtime/supervisor.hpp"

#include <fmt/format.h>

namespace soc::control {

namespace {

double busy_share(const probe_reading& r, unix_ns now) {
  const auto lived = now - r.made_at;
  return lived <= 0 ? 0 : static_cast<double>(r.busy_ns) / static_cast<double>(lived);
}

void run_actors(const call& c) {
  const auto now = c.self->now();
  json rows = json::array();
  for (const auto& row : c.services->registry->snapshot(c.word(1))) {
    const auto& r = row.reading;
    rows.push_back({r.path, r.kind, std::string(to_string(r.state)), r.restarts, r.handled, r.queue_messages,
                    bytes_text(r.queue_bytes), fmt::format("{:.1f}%", 100 * busy_share(r, now)), r.last_failure});
  }
  c.reply.ok({{"columns", {"path", "kind", "state", "restarts", "handled", "queue", "queued", "busy", "last failure"}},
              {"rows", rows}});
}

failure no_actor(const std::string& path) {
  return {ec::not_found, fmt::format("no actor '{}'; see actors", path)};
}

void run_actor(const call& c) {
  const auto found = c.services->registry->find(c.word(1));
  if (!found)
    return c.reply.fail(no_actor(c.word(1)));
  const auto now = c.self->now();
  const auto r = found->probe->read();
  c.reply.ok({{"fields",
               {{"path", r.path},
                {"kind", r.kind},
                {"state", std::string(to_string(r.state))},
                {"made", ago(r.made_at, now)},
                {"restarts", r.restarts},
                {"last failure", r.last_failure.empty() ? json() : json(r.last_failure)},
                {"last failure at", ago(r.last_failure_at, now)},
                {"messages handled", r.handled},
                {"unexpected", r.unexpected},
                {"dropped", r.dropped},
                {"dead letters", r.dead_letters},
                {"queue", r.queue_messages},
                {"queued", bytes_text(r.queue_bytes)},
                {"busy", fmt::format("{:.2f}%", 100 * busy_share(r, now))},
                {"this turn so far", fmt::format("{} ms", r.busy_since_ns / 1'000'000)}}}});
}

template <class Answer, class Order>
void order_child(const call& c, Order order, const std::string& text) {
  const auto found = c.services->registry->find(c.word(1));
  if (!found)
    return c.reply.fail(no_actor(c.word(1)));
  if (!found->supervisor)
    return c.reply.fail(failure{ec::refused, "the root of the tree is ended with the node: stop the node"});
  order.name = found->child_name;
  c.self->request(found->supervisor, std::chrono::seconds(30), std::move(order))
      .then(
          [reply = c.reply, text, path = c.word(1)](const Answer&) {
            reply.ok({{"text", path + " " + text}});
          },
          [reply = c.reply](const caf::error& e) { reply.fail(e); });
}

void answer_trace(const call& c, const probe_ptr& probe, std::uint64_t after) {
  probe->set_tracing(false);
  std::uint64_t last = 0;
  json rows = json::array();
  for (const auto& m : probe->traced_since(after, last))
    rows.push_back(
        {format_rfc3339(m.at), m.type, m.bytes, fmt::format("{} µs", m.took_ns / 1000), m.outcome, m.beginning});
  c.reply.ok({{"columns", {"time", "message", "bytes", "took", "outcome", "beginning"}},
              {"rows", rows},
              {"note", fmt::format("the newest {} at most", actor_probe::trace_capacity)}});
}

void run_trace(const call& c) {
  const auto found = c.services->registry->find(c.word(1));
  if (!found)
    return c.reply.fail(no_actor(c.word(1)));
  std::uint64_t after = 0;
  found->probe->traced_since(~0ull, after);
  found->probe->set_tracing(true);
  const auto seconds = c.number("seconds", 2, 1, 7);
  c.self->delayed_send(c.self, std::chrono::seconds(seconds),
                       trace_ended{[c, probe = found->probe, after] { answer_trace(c, probe, after); }});
}

} // namespace

void add_actor_commands(command_table& table) {
  table["actors"] = {
      "actors [PATH]", "the tree of supervised actors, or what is below PATH", command_scope::merged, 1, false,
      run_actors};
  table["actor"] = {"actor PATH", "one actor in full", command_scope::first, 2, false, run_actor};
  table["restart"] = {
      "restart PATH", "end an actor in order and start it again", command_scope::first, 2, true, [](const call& c) {
        order_child<child_started>(c, restart_child{}, "restarted");
      }};
  table["stop"] = {"stop PATH",
                   "end an actor in order and leave it stopped (restart starts it)",
                   command_scope::first,
                   2,
                   true,
                   [](const call& c) {
                     order_child<child_stopped>(c, stop_child{{}, true}, "stopped");
                   }};
  table["trace"] = {"trace PATH [--seconds N]",
                    "the messages an actor gets in the next N seconds (2): type, size, outcome, the beginning",
                    command_scope::first,
                    2,
                    false,
                    run_trace};
}

} // namespace soc::control
