#include "incident/incident_actor.hpp"

#include "incident/codec.hpp"
#include "incident/core/export.hpp"
#include "runtime/error.hpp"

#include <algorithm>

namespace soc::incident {

namespace {

constexpr std::size_t max_entry_alert_bytes =
    900'000; // of the alerts in one journal entry: under NATS' default payload limit

void pump(incident_actor* self);
void publish(incident_actor* self);

/// Bytes an alert adds to a journal entry, about.
std::size_t weight_of(const command& asked) {
  const auto* join = std::get_if<add_alert>(&asked);
  if (!join)
    return 1024;
  std::size_t bytes = 1024 + join->alert->description.size() + join->why_json.size();
  for (const auto& r : join->alert->records)
    bytes += r.raw.size() + r.origin.size() + 128;
  for (const auto& e : join->alert->entities)
    bytes += e.key.size() + e.label.size() + 32;
  return bytes;
}

std::string change_of(const fact& what) {
  if (std::holds_alternative<opened>(what))
    return "opened";
  if (const auto* s = std::get_if<status_set>(&what))
    return is_final(s->to) ? "closed" : "status";
  if (std::holds_alternative<merged_away>(what) || std::holds_alternative<merge_taken>(what))
    return "merged";
  if (std::holds_alternative<deadline_missed>(what))
    return "overdue";
  if (std::holds_alternative<deadline_near>(what))
    return "due_soon";
  if (std::holds_alternative<merge_undone>(what) || std::holds_alternative<alerts_removed>(what))
    return "split";
  return "updated";
}

void note_change(incident_state& st, std::string change) {
  if (std::find(st.changes.begin(), st.changes.end(), change) == st.changes.end())
    st.changes.push_back(std::move(change));
}

using wait_kind = incident_state::waiting_command::wait_kind;

void refuse_one(incident_state::waiting_command& w, const caf::error& why) {
  if (w.what == wait_kind::join)
    w.joined.deliver(why);
  else if (w.what == wait_kind::content)
    w.taken.deliver(why);
  else
    w.done.deliver(why);
}

/// Answers everything that waits, then ends: the supervisor starts a new incarnation, which replays.
void quit_in_doubt(incident_actor* self, const caf::error& why) {
  auto& st = self->state;
  const auto refuse = [&](auto& waiting) {
    for (auto& w : waiting)
      refuse_one(w, why);
    waiting.clear();
  };
  refuse(st.in_flight);
  refuse(st.queue);
  self->quit(why);
}

void refresh(incident_actor* self) {
  auto& st = self->state;
  if (!st.durable || st.durable->version != st.aggregate.events)
    st.durable = std::make_shared<const view>(derive(st.aggregate, *st.ports.scenarios));
}

void snapshot_if_due(incident_actor* self, bool now) {
  auto& st = self->state;
  const auto every = std::max<std::uint64_t>(st.options.snapshot_every, st.aggregate.members.size() / 4);
  if (st.aggregate.events == st.snapshot_version || (!now && st.aggregate.events - st.snapshot_version < every))
    return;
  auto bytes = encode_snapshot(st.aggregate);
  if (!bytes)
    return; // too large: the journal alone recovers it
  st.snapshot_version = st.aggregate.events;
  st.ports.store.send(
      self, snapshot_put{"incident", st.options.tenant + "/" + st.options.id, st.sequence, std::move(bytes).take()});
}

void look(incident_actor* self, caf::typed_response_promise<command_done>& promise) {
  auto& st = self->state;
  refresh(self);
  if (st.durable->version == 0)
    promise.deliver(to_error(ec::not_found, "no incident " + st.options.id));
  else
    promise.deliver(command_done{false, st.durable->version, st.durable});
}

/// What it waited for is in the journal.
void answer_one(incident_actor* self, incident_state::waiting_command& w) {
  auto& st = self->state;
  switch (w.what) {
  case wait_kind::join:
    return (void)w.joined.deliver(alert_joined{w.changed});
  case wait_kind::content:
    if (st.aggregate.events == 0)
      return (void)w.taken.deliver(to_error(ec::not_found, "no incident " + st.options.id));
    return (void)w.taken.deliver(merge_content{merge_of(st.aggregate, w.why_json), st.aggregate.events});
  case wait_kind::look:
    return look(self, w.done);
  case wait_kind::change:
    refresh(self);
    return (void)w.done.deliver(command_done{w.changed, w.version, st.durable});
  }
}

void answer_drains(incident_actor* self) {
  auto& st = self->state;
  if (!st.draining || st.appending || !st.queue.empty())
    return;
  snapshot_if_due(self, true);
  for (auto& d : st.drains)
    d.deliver(drained{});
  st.drains.clear();
}

void appended(incident_actor* self, const journal_appended& at) {
  auto& st = self->state;
  st.sequence = at.sequence;
  st.appending = false;
  for (auto& w : st.in_flight)
    answer_one(self, w);
  st.in_flight.clear();
  snapshot_if_due(self, false);
  publish(self);
  pump(self);
  answer_drains(self);
}

/// Decides on what waits, up to a batch, and applies it. Nothing leaves before the journal has answered.
std::vector<event> take_batch(incident_actor* self) {
  auto& st = self->state;
  std::vector<event> events;
  std::size_t bytes = 0;
  while (!st.queue.empty() && st.in_flight.size() < st.options.max_batch && bytes < max_entry_alert_bytes) {
    // By itself: when it is too large for an entry, nobody else is refused for that.
    if (std::holds_alternative<take_merge>(st.queue.front().asked) && !st.in_flight.empty())
      break;
    auto w = std::move(st.queue.front());
    st.queue.pop_front();
    if (w.what == wait_kind::content ||
        w.what == wait_kind::look) { // what is decided before it is in it, and nothing after it
      st.in_flight.push_back(std::move(w));
      break;
    }
    bytes += weight_of(w.asked);
    auto decided =
        decide(st.aggregate, w.asked, st.options.id, st.options.tenant, self->now(), w.who, st.options.rules);
    if (!decided) {
      refuse_one(w, to_error(decided.error()));
      continue;
    }
    w.changed = !decided->empty();
    for (auto& e : *decided) {
      apply(st.aggregate, e);
      note_change(st, change_of(e.what));
      events.push_back(std::move(e));
    }
    w.version = st.aggregate.events;
    w.asked = set_automation{}; // its alert is not needed any more
    st.in_flight.push_back(std::move(w));
  }
  return events;
}

void pump(incident_actor* self) {
  auto& st = self->state;
  if (st.appending || st.queue.empty())
    return;
  const auto events = take_batch(self);
  if (events.empty()) {
    if (!st.in_flight.empty())
      appended(self, journal_appended{st.sequence});
    return;
  }
  auto bytes = encode_entry(events);
  if (!bytes) {
    for (auto& w : st.in_flight)
      refuse_one(w, to_error(bytes.error()));
    st.in_flight.clear();
    quit_in_doubt(self, to_error(ec::unavailable, bytes.error().what)); // those behind it ask again
    return;
  }
  st.appending = true;
  journal_append entry{journal_subject_of(st.options.tenant, st.options.id), st.sequence, std::move(bytes).take(),
                       st.options.id + "-" + std::to_string(st.aggregate.events)};
  self->request(st.ports.journal.actor(), st.options.append_timeout, std::move(entry))
      .then([self](const journal_appended& at) { appended(self, at); },
            [self](caf::error& why) { quit_in_doubt(self, why); });
}

void tell_listeners(incident_actor* self) {
  auto& st = self->state;
  if (st.ports.manager)
    self->send(st.ports.manager, incident_noted{st.durable});
  if (!st.ports.response)
    return;
  auto out = std::make_shared<response::incident_view>();
  const auto& v = *st.durable;
  out->id = v.id;
  out->tenant = v.tenant;
  out->title = v.title;
  out->scenario = v.scenario;
  out->level = v.level;
  out->status = to_string(v.now);
  out->score = v.score;
  out->stages = v.stages;
  out->techniques = v.techniques;
  out->hosts = v.assets;
  for (const auto& e : v.entities)
    out->entities.push_back({e.type, e.role, e.key, e.label, e.verdict, e.last});
  for (const auto what : {deadline::acknowledge, deadline::resolve}) {
    const auto& one = what == deadline::acknowledge ? v.sla.acknowledge : v.sla.resolve;
    if (one.missed)
      out->overdue.emplace_back(to_string(what));
    else if (one.warned && one.met_at == 0)
      out->due_soon.emplace_back(to_string(what));
  }
  out->automation = v.automation && v.merged_into.empty();
  out->opened_at = v.opened_at;
  out->changed_at = v.changed_at;
  st.ports.response.send(self, response::incident_changed{std::move(out)});
}

void publish_failed(incident_actor* self) {
  auto& st = self->state;
  st.publishing = false;
  if (!std::exchange(st.publish_later, true))
    self->delayed_send(self, st.options.publish_retry, publish_again{});
}

/// A large incident is not told anew with each alert: as many bytes a second as `max_update_bytes_per_s`. Only plain
/// updates wait.
void rest_after(incident_actor* self, std::size_t bytes) {
  auto& st = self->state;
  constexpr std::size_t small = 64 * 1024;
  if (bytes < small || st.resting)
    return;
  st.resting = true;
  const auto pause = std::chrono::milliseconds(1000 * bytes / st.options.max_update_bytes_per_s);
  self->delayed_send(self, std::min(pause, st.options.max_rest), publish_rested{});
}

/// The next change, in both public forms, one after the other: the same message id when it is sent again.
void publish(incident_actor* self) {
  auto& st = self->state;
  if (st.publishing || st.appending || st.publish_later || st.changes.empty())
    return;
  if (st.resting && st.changes.size() == 1 && st.changes.front() == "updated")
    return;
  refresh(self);
  tell_listeners(self);
  const auto change = st.changes.front();
  auto bytes = encode_change(change, *st.durable);
  if (!bytes) {
    st.changes.pop_front();
    return;
  }
  st.publishing = true;
  const auto place = st.options.tenant + ".incident." + st.options.id + "." + change;
  const auto id = st.options.id + "." + std::to_string(st.durable->version) + "." + change;
  auto json = to_ocsf_json(*st.durable, change);
  rest_after(self, bytes->size() + json.size());
  self->request(st.ports.bus.actor(), caf::infinite, bus_publish{"soc." + place, std::move(bytes).take(), id})
      .then(
          [self, place, id, change, json = std::move(json)](const bus_published&) {
            auto& st = self->state;
            self->request(st.ports.bus.actor(), caf::infinite, bus_publish{"soc.json." + place, json, id + ".json"})
                .then(
                    [self, change](const bus_published&) {
                      auto& st = self->state;
                      st.publishing = false;
                      if (!st.changes.empty() && st.changes.front() == change &&
                          st.durable->version == st.aggregate.events)
                        st.changes.pop_front();
                      else if (!st.changes.empty() && st.changes.front() == change) {
                        st.changes.pop_front(); // newer events came meanwhile: they are told as an update
                        note_change(st, "updated");
                      }
                      publish(self);
                    },
                    [self](caf::error&) { publish_failed(self); });
          },
          [self](caf::error&) { publish_failed(self); });
}

void replay(incident_actor* self, const journal_entries& read) {
  auto& st = self->state;
  for (const auto& entry : read.entries) {
    auto events = decode_entry(entry.payload);
    if (!events) {
      self->quit(to_error(events.error().code, "journal of incident " + st.options.id + " at " +
                                                   std::to_string(entry.sequence) + ": " + events.error().what));
      return;
    }
    for (const auto& e : *events)
      apply(st.aggregate, e);
    st.sequence = entry.sequence;
  }
  if (st.aggregate.events == 0)
    return;
  note_change(st, "updated"); // what the last life may not have got out
  publish(self);
}

void recover(incident_actor* self) {
  auto& st = self->state;
  const auto key = st.options.tenant + "/" + st.options.id;
  const auto failed = [self](caf::error& why) { self->quit(why); };
  const auto read_journal = [self, failed] {
    auto& st = self->state;
    self->request(st.ports.journal.actor(), st.options.recovery_timeout,
                  journal_read{journal_subject_of(st.options.tenant, st.options.id), st.sequence})
        .await([self](const journal_entries& read) { replay(self, read); }, failed);
  };
  self->request(st.ports.store.actor(), st.options.recovery_timeout, snapshot_get{"incident", key})
      .await(
          [self, read_journal](const snapshot& stored) {
            auto& st = self->state;
            if (!stored.bytes.empty()) {
              auto state = decode_snapshot(stored.bytes);
              if (state) {
                st.aggregate = std::move(state).take();
                st.sequence = stored.sequence;
                st.snapshot_version = st.aggregate.events;
              } else if (state.error().code == ec::version_mismatch) {
                self->quit(to_error(state.error()));
                return;
              } // corrupt: the journal has it all
            }
            read_journal();
          },
          failed);
}

template <class Promise>
void enqueue_command(incident_actor* self, incident_state::waiting_command w, Promise& promise) {
  auto& st = self->state;
  if (st.queue.size() >= st.options.max_queued) {
    promise.deliver(to_error(ec::unavailable, "incident " + st.options.id + " has too much to do"));
    return;
  }
  st.queue.push_back(std::move(w));
  pump(self);
}

} // namespace

std::string journal_subject_of(const std::string& tenant, const std::string& id) {
  return "soc." + tenant + ".journal.incident." + id;
}

caf::behavior incident_behavior(incident_actor* self, incident_options options, incident_ports ports) {
  self->state.options = std::move(options);
  self->state.ports = std::move(ports);
  recover(self);
  return {
      [self](const join_alert& m) {
        auto promise = self->make_response_promise<alert_joined>();
        incident_state::waiting_command w;
        w.asked = add_alert{m.alert, m.why_json, {}};
        w.who = "graph";
        w.what = wait_kind::join;
        w.joined = promise;
        enqueue_command(self, std::move(w), promise);
        return promise;
      },
      [self](const apply_command& m) {
        auto promise = self->make_response_promise<command_done>();
        incident_state::waiting_command w;
        w.asked = m.asked;
        w.who = m.who;
        w.done = promise;
        enqueue_command(self, std::move(w), promise);
        return promise;
      },
      [self](const get_view&) {
        auto promise = self->make_response_promise<command_done>();
        if (!self->state.appending && self->state.queue.empty()) {
          look(self, promise);
          return promise;
        }
        incident_state::waiting_command w; // what is under way is in it
        w.what = wait_kind::look;
        w.done = promise;
        enqueue_command(self, std::move(w), promise);
        return promise;
      },
      [self](const get_merge& m) {
        auto promise = self->make_response_promise<merge_content>();
        incident_state::waiting_command w;
        w.what = wait_kind::content;
        w.why_json = m.why_json;
        w.taken = promise;
        enqueue_command(self, std::move(w), promise);
        return promise;
      },
      [self](const get_alerts& m) { return held_alerts{alerts_of(self->state.aggregate, m.ids)}; },
      [self](const publish_rested&) {
        self->state.resting = false;
        publish(self);
      },
      [self](const publish_again&) {
        self->state.publish_later = false;
        publish(self);
      },
      [](const stored&) {},
      [self](const drain&) {
        auto promise = self->make_response_promise<drained>();
        self->state.draining = true;
        self->state.drains.push_back(promise);
        answer_drains(self);
        return promise;
      },
  };
}

} // namespace soc::incident
