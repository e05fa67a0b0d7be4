#include "incident/incident_manager.hpp"

#include "base/hash.hpp"
#include "base/token.hpp"
#include "incident/owner_calls.hpp"
#include "runtime/error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::incident {

namespace {

constexpr int max_forwards = 8; // of an alert along merged and closed incidents

using kind = owner_request::kind;
using done_promise = caf::typed_response_promise<command_done>;

owner_request request_of(kind what, const std::string& tenant, const std::string& id, const std::string& who) {
  owner_request r;
  r.what = what;
  r.tenant = tenant;
  r.id = id;
  r.who = who;
  return r;
}

owner_request change_of(const std::string& tenant, const std::string& id, const std::string& who, command asked) {
  auto r = request_of(kind::change, tenant, id, who);
  r.asked = std::move(asked);
  return r;
}

command_done done_of(owner_reply reply) {
  command_done out{reply.changed, reply.version, {}};
  if (reply.incident)
    out.incident = std::make_shared<const view>(std::move(*reply.incident));
  return out;
}

void remember(manager_state& st, const view& v) {
  const auto key = incident_key(v.tenant, v.id);
  auto& known = st.summaries[key];
  if (known.version > v.version)
    return;
  known = summary_of(v);
  if (st.summaries.size() <= st.options.max_summaries)
    return;
  const auto oldest = std::min_element(st.summaries.begin(), st.summaries.end(), [](const auto& a, const auto& b) {
    return std::tuple(!is_final(a.second.now), a.second.changed_at) <
           std::tuple(!is_final(b.second.now), b.second.changed_at);
  });
  st.summaries.erase(oldest);
}

struct incident_name {
  std::string tenant, id;
};

/// The incident that is meant by an id or the beginning of one, in `tenant` or, when that is empty, in any. What is no
/// token would become a wildcard of a subject: there is no such incident.
result<incident_name> incident_meant(const manager_state& st, const std::string& tenant, const std::string& id) {
  constexpr std::size_t whole = 32, shortest = 4;
  const failure none{ec::not_found, "no incident " + id};
  if (!is_token(id) || !(tenant.empty() || is_token(tenant)))
    return none;
  if (id.size() >= whole && !tenant.empty())
    return incident_name{tenant, id};
  if (id.size() < shortest)
    return failure{none.code, fmt::format("{}; write {} characters of its id at least", none.what, shortest)};
  std::vector<incident_name> found;
  for (const auto& [key, s] : st.summaries)
    if (s.id.starts_with(id) && (tenant.empty() || s.tenant == tenant))
      found.push_back({s.tenant, s.id});
  if (found.size() > 1)
    return failure{ec::invalid_input, fmt::format("'{}' is the beginning of {} incidents", id, found.size())};
  if (found.size() == 1)
    return found[0];
  return id.size() >= whole ? result<incident_name>(incident_name{"default", id}) : none; // not heard of yet
}

/// Puts the incident that is meant where what was written stands; false: there is none, and who asked was told.
bool find_meant(const manager_actor* self, std::string& tenant, std::string& id, done_promise& promise) {
  auto found = incident_meant(self->state, tenant, id);
  if (!found) {
    promise.deliver(to_error(found.error()));
    return false;
  }
  tenant = std::move(found->tenant);
  id = std::move(found->id);
  return true;
}

/// Where an alert is on its way to.
struct join_place {
  std::string tenant, id, successor_of; ///< successor_of: the closed incident that `id` goes on from
  int forwards = 0;
};

void join(manager_actor* self, const join_place& to, const join_alert& m,
          caf::typed_response_promise<alert_joined> promise);

/// The incident takes no more: on to the one it went into, or to its successor.
void forward_join(manager_actor* self, const join_place& from, const join_alert& m,
                  caf::typed_response_promise<alert_joined> promise, const caf::error& why) {
  if (from.forwards >= max_forwards) {
    promise.deliver(why);
    return;
  }
  ask_owner(self, request_of(kind::get, from.tenant, from.id, "graph"),
            [self, from, m, promise](const caf::error& failed, owner_reply reply) mutable {
              if (failed || !reply.incident) {
                promise.deliver(failed ? failed : to_error(ec::internal, "an incident without a view"));
                return;
              }
              join_place next{from.tenant, reply.incident->merged_into, {}, from.forwards + 1};
              if (next.id.empty()) {
                next.id = id_builder().add("successor").add(from.tenant).add(from.id).hex();
                next.successor_of = from.id;
              }
              join(self, next, m, promise);
            });
}

void join(manager_actor* self, const join_place& to, const join_alert& m,
          caf::typed_response_promise<alert_joined> promise) {
  auto request = request_of(kind::join, to.tenant, to.id, "graph");
  request.asked = add_alert{m.alert, m.why_json, {}, to.successor_of};
  ask_owner(self, std::move(request), [self, to, m, promise](const caf::error& failed, owner_reply reply) mutable {
    if (!failed) {
      ++self->state.counters["alerts_joined"];
      promise.deliver(alert_joined{reply.changed});
    } else if (to_failure(failed).code == ec::closed) {
      forward_join(self, to, m, promise, failed);
    } else {
      ++self->state.counters["joins_failed"];
      promise.deliver(failed);
    }
  });
}

void deliver_change(manager_actor* self, owner_request request, done_promise promise) {
  ask_owner(self, std::move(request), [promise](const caf::error& failed, owner_reply reply) mutable {
    if (failed)
      promise.deliver(failed);
    else
      promise.deliver(done_of(std::move(reply)));
  });
}

void tell_graph(manager_actor* self, graph::person_decided what) {
  if (self->state.ports.graph)
    self->state.ports.graph.send(self, std::move(what));
}

/// One incident goes into another. The other takes it first, then this one is told: a crash between the two repeats
/// both, and both ignore what they have.
struct merge_under_way {
  merge_incidents asked;
  done_promise promise;
  int forwards = 0;
  std::uint64_t taken_version = 0; ///< of `from` when its content was taken
  owner_reply into;
};
using merge_ptr = std::shared_ptr<merge_under_way>;

void begin_merge(manager_actor* self, const merge_ptr& m);
void take_content(manager_actor* self, const merge_ptr& m);

/// Whoever is asked has gone into another meanwhile: that one is meant.
void follow_merged(manager_actor* self, const merge_ptr& m, std::string merge_incidents::*which,
                   const caf::error& refused) {
  if (++m->forwards > max_forwards)
    return (void)m->promise.deliver(refused);
  ask_owner(self, request_of(kind::get, m->asked.tenant, m->asked.*which, m->asked.who),
            [self, m, which, refused](const caf::error& failed, owner_reply reply) {
              if (failed || !reply.incident || reply.incident->merged_into.empty())
                return (void)m->promise.deliver(failed ? failed : refused);
              m->asked.*which = reply.incident->merged_into;
              begin_merge(self, m);
            });
}

/// What has gone into a third one comes with that, not twice.
void begin_merge(manager_actor* self, const merge_ptr& m) {
  if (m->asked.from == m->asked.into) // they have become one
    return deliver_change(self, request_of(kind::get, m->asked.tenant, m->asked.into, m->asked.who), m->promise);
  ask_owner(self, request_of(kind::get, m->asked.tenant, m->asked.from, m->asked.who),
            [self, m](const caf::error& failed, owner_reply reply) {
              if (failed || !reply.incident)
                return (void)m->promise.deliver(failed ? failed : to_error(ec::internal, "an incident without a view"));
              const auto& gone = reply.incident->merged_into;
              if (gone.empty() || gone == m->asked.into)
                return take_content(self, m);
              if (++m->forwards > max_forwards)
                return (void)m->promise.deliver(to_error(ec::closed, "merged into " + gone));
              m->asked.from = gone;
              begin_merge(self, m);
            });
}

/// Only when the other has all of it: what joined meanwhile makes it be taken once more.
void let_go(manager_actor* self, const merge_ptr& m) {
  const merge_away away{m->asked.into, m->asked.why_json, m->taken_version};
  ask_owner(self, change_of(m->asked.tenant, m->asked.from, m->asked.who, away),
            [self, m](const caf::error& failed, owner_reply) {
              const auto why = failed ? to_failure(failed).code : ec::none;
              if (why == ec::closed)
                return follow_merged(self, m, &merge_incidents::from, failed);
              if (why == ec::conflict && ++m->forwards <= max_forwards)
                return take_content(self, m);
              if (failed)
                return (void)m->promise.deliver(failed);
              ++self->state.counters["merges"];
              m->promise.deliver(done_of(std::move(m->into)));
            });
}

void take_content(manager_actor* self, const merge_ptr& m) {
  auto request = request_of(kind::content, m->asked.tenant, m->asked.from, m->asked.who);
  request.why_json = m->asked.why_json;
  ask_owner(self, std::move(request), [self, m](const caf::error& failed, owner_reply held) {
    if (failed || !held.content)
      return (void)m->promise.deliver(failed ? failed : to_error(ec::internal, "an incident without content"));
    m->taken_version = held.version;
    ask_owner(self, change_of(m->asked.tenant, m->asked.into, m->asked.who, std::move(*held.content)),
              [self, m](const caf::error& refused, owner_reply into) {
                const auto why = refused ? to_failure(refused).code : ec::none;
                if (why == ec::closed)
                  return follow_merged(self, m, &merge_incidents::into, refused);
                if (why == ec::too_large && m->asked.who == "graph") { // it would ask for ever: they stay two
                  ++self->state.counters["merges_too_large"];
                  return (void)m->promise.deliver(command_done{false, 0, {}});
                }
                if (refused)
                  return (void)m->promise.deliver(refused);
                m->into = std::move(into);
                let_go(self, m);
              });
  });
}

void merge(manager_actor* self, const merge_incidents& asked, done_promise promise) {
  if (asked.from == asked.into)
    return (void)promise.deliver(to_error(ec::invalid_input, "an incident does not merge into itself"));
  auto m = std::make_shared<merge_under_way>();
  m->asked = asked;
  m->promise = std::move(promise);
  begin_merge(self, m);
}

void unmerge(manager_actor* self, const unmerge_incidents& m, done_promise promise) {
  ask_owner(self, change_of(m.tenant, m.into, m.who, undo_merge{m.from}),
            [self, m, promise](const caf::error& failed, owner_reply) mutable {
              if (failed) {
                promise.deliver(failed);
                return;
              }
              ++self->state.counters["unmerges"];
              deliver_change(self, change_of(m.tenant, m.from, m.who, undo_merge{m.into}), promise);
            });
}

struct move_under_way {
  move_alerts asked;
  std::string to;
  std::vector<sample> left;
  std::vector<model::alert_ptr> moved;
  done_promise promise;
};

/// One alert after the other goes to the new place; only then the old one lets go of them.
void move_next(manager_actor* self, const std::shared_ptr<move_under_way>& move) {
  if (move->left.empty()) {
    tell_graph(self, {graph::person_decided::kind::split, move->asked.tenant, move->asked.from, move->to, move->moved});
    ask_owner(self,
              change_of(move->asked.tenant, move->asked.from, move->asked.who,
                        remove_alerts{move->asked.alert_ids, move->to}),
              [self, move](const caf::error& failed, owner_reply) mutable {
                if (failed)
                  move->promise.deliver(failed);
                else
                  deliver_change(self, request_of(kind::get, move->asked.tenant, move->to, move->asked.who),
                                 move->promise);
              });
    return;
  }
  auto next = std::move(move->left.back());
  move->left.pop_back();
  move->moved.push_back(next.alert);
  // As a command of who asks: a person may bring back what a person had taken away.
  auto request = change_of(move->asked.tenant, move->to, move->asked.who, add_alert{next.alert, next.why_json, {}, {}});
  ask_owner(self, std::move(request), [self, move](const caf::error& failed, owner_reply) mutable {
    if (failed)
      move->promise.deliver(failed);
    else
      move_next(self, move);
  });
}

void move_some(manager_actor* self, const move_alerts& m, done_promise promise) {
  if (m.from == m.to)
    return (void)promise.deliver(to_error(ec::invalid_input, "they are in " + m.from + " already"));
  auto request = request_of(kind::alerts, m.tenant, m.from, m.who);
  request.alert_ids = m.alert_ids;
  ask_owner(self, std::move(request), [self, m, promise](const caf::error& failed, owner_reply held) mutable {
    if (failed || held.samples.empty()) {
      promise.deliver(failed ? failed : to_error(ec::not_found, "none of these alerts is in " + m.from));
      return;
    }
    auto move = std::make_shared<move_under_way>();
    move->asked = m;
    move->to =
        m.to.empty() ? id_builder().add("split").add(m.tenant).add(m.from).add(held.samples[0].alert->id).hex() : m.to;
    move->asked.alert_ids.clear();
    for (const auto& s : held.samples)
      move->asked.alert_ids.push_back(s.alert->id);
    move->left.assign(held.samples.rbegin(), held.samples.rend());
    move->promise = promise;
    move_next(self, move);
  });
}

incident_list list(const manager_state& st, const list_incidents& asked) {
  incident_list out;
  for (const auto& [key, s] : st.summaries) {
    if (!asked.tenant.empty() && s.tenant != asked.tenant)
      continue;
    const bool shown = asked.status == "all"  ? true
                       : asked.status.empty() ? !is_final(s.now) && s.merged_into.empty()
                                              : to_string(s.now) == asked.status;
    if (shown)
      out.all.push_back(s);
  }
  out.total = out.all.size();
  std::stable_sort(out.all.begin(), out.all.end(), [](const auto& a, const auto& b) {
    return std::tuple(-a.score, -a.changed_at) < std::tuple(-b.score, -b.changed_at);
  });
  if (out.all.size() > asked.limit)
    out.all.resize(asked.limit);
  return out;
}

incident_metrics metrics(const manager_state& st) {
  incident_metrics out{st.counters, {0, 0, 0}};
  out.counters["incident_actors"] = st.incidents.size();
  std::uint64_t n[3] = {0, 0, 0};
  const auto mean = [](double& to, std::uint64_t& count, double value) {
    if (value >= 0)
      to += (value - to) / static_cast<double>(++count);
  };
  for (const auto& [key, s] : st.summaries) {
    if (!s.merged_into.empty())
      continue;
    ++out.counters["incidents_" + std::string(to_string(s.now))];
    mean(out.mean.detect, n[0], s.times.detect);
    mean(out.mean.acknowledge, n[1], s.times.acknowledge);
    mean(out.mean.respond, n[2], s.times.respond);
  }
  if (n[0] == 0)
    out.mean.detect = -1;
  if (n[1] == 0)
    out.mean.acknowledge = -1;
  if (n[2] == 0)
    out.mean.respond = -1;
  return out;
}

void stop_idle(manager_actor* self) {
  auto& st = self->state;
  const auto before = self->now() - std::chrono::nanoseconds(st.options.idle_after).count();
  for (auto it = st.incidents.begin(); it != st.incidents.end();) {
    if (it->second.starting || it->second.used >= before) {
      ++it;
      continue;
    }
    auto name = it->first;
    name[name.find('/')] = '.';
    self->request(st.ports.supervisor.actor(), st.options.ask_timeout, stop_child{name})
        .then([](const child_stopped&) {}, [](caf::error&) {});
    it = st.incidents.erase(it);
  }
}

/// Deadlines of this node's incidents that are near or have passed are noted in their journals: once, decide() knows.
/// Incidents without an actor at the moment get one for it.
void note_deadlines(manager_actor* self) {
  auto& st = self->state;
  constexpr int most_at_once = 500;
  int asked = 0;
  for (const auto& [key, s] : st.summaries) {
    const auto next = next_of(s.sla, self->now());
    if (next.at == 0 || next.at > self->now() || is_final(s.now) || !s.merged_into.empty())
      continue;
    if (st.options.owner && st.options.owner(s.tenant, s.id) != st.options.node)
      continue;
    if (++asked > most_at_once)
      break; // the others at the next tick
    const auto note = next.near ? command(note_near{next.what, next.by}) : command(note_missed{next.what, next.by});
    ask_owner(self, change_of(s.tenant, s.id, "clock", note),
              [self, near = next.near](const caf::error& failed, owner_reply) {
                ++self->state.counters[failed ? "deadline_notes_failed" : near ? "deadlines_near" : "deadlines_missed"];
              });
  }
}

/// What this node knew when it stopped; the stream INCIDENTS brings the rest.
void load_summaries(manager_actor* self) {
  auto& st = self->state;
  self->request(st.ports.store.actor(), std::chrono::seconds(60), snapshot_all{"incident"})
      .then(
          [self](const snapshots& all) {
            for (const auto& one : all.all)
              if (const auto state = decode_snapshot(one.bytes))
                remember(self->state, derive(*state, *self->state.ports.scenarios));
          },
          [](caf::error&) {});
}

command_done after_person(manager_actor* self, const change_incident& m, command_done done) {
  if (const auto* s = std::get_if<set_status>(&m.asked); s && done.changed && is_final(s->to)) {
    const bool wrong = s->to == status::false_positive || s->found == classification::false_positive;
    tell_graph(self, {wrong ? graph::person_decided::kind::closed_false_positive : graph::person_decided::kind::closed,
                      m.tenant,
                      m.id,
                      {},
                      {}});
  }
  return done;
}

void change(manager_actor* self, const change_incident& m, done_promise promise) {
  ask_owner(self, change_of(m.tenant, m.id, m.who, m.asked),
            [self, m, promise](const caf::error& failed, owner_reply reply) mutable {
              if (failed)
                promise.deliver(failed);
              else
                promise.deliver(after_person(self, m, done_of(std::move(reply))));
            });
}

} // namespace

caf::behavior incident_manager(manager_actor* self, manager_options options, manager_ports ports) {
  self->state.options = std::move(options);
  self->state.ports = std::move(ports);
  if (!self->state.ports.scenarios)
    self->state.ports.scenarios = default_scenarios();
  load_summaries(self);
  self->set_down_handler([self](const caf::down_msg& m) { forget_incident(self, m.source); });
  self->delayed_send(self, self->state.options.tick, tidy_incidents{});
  return {
      [self](const join_alert& m) {
        auto promise = self->make_response_promise<alert_joined>();
        join(self, {m.alert->tenant, m.incident_id, {}, 0}, m, promise);
        return promise;
      },
      [self](change_incident m) {
        auto promise = self->make_response_promise<command_done>();
        if (find_meant(self, m.tenant, m.id, promise))
          change(self, m, promise);
        return promise;
      },
      [self](merge_incidents m) {
        auto promise = self->make_response_promise<command_done>();
        if (!find_meant(self, m.tenant, m.from, promise) || !find_meant(self, m.tenant, m.into, promise))
          return promise;
        if (m.who != "graph")
          tell_graph(self, {graph::person_decided::kind::merged, m.tenant, m.from, m.into, {}});
        merge(self, m, promise);
        return promise;
      },
      [self](unmerge_incidents m) {
        auto promise = self->make_response_promise<command_done>();
        if (!find_meant(self, m.tenant, m.from, promise) || !find_meant(self, m.tenant, m.into, promise))
          return promise;
        tell_graph(self, {graph::person_decided::kind::split, m.tenant, m.into, m.from, {}});
        unmerge(self, m, promise);
        return promise;
      },
      [self](move_alerts m) {
        auto promise = self->make_response_promise<command_done>();
        if (find_meant(self, m.tenant, m.from, promise) && (m.to.empty() || find_meant(self, m.tenant, m.to, promise)))
          move_some(self, m, promise);
        return promise;
      },
      [self](get_incident m) {
        auto promise = self->make_response_promise<command_done>();
        if (find_meant(self, m.tenant, m.id, promise))
          deliver_change(self, request_of(kind::get, m.tenant, m.id, {}), promise);
        return promise;
      },
      [self](const list_incidents& m) { return list(self->state, m); },
      [self](const incident_metrics_request&) { return metrics(self->state); },
      [self](const incident_noted& m) {
        ++self->state.counters["changes"];
        remember(self->state, *m.incident);
      },
      [self](const incident_published& m) {
        if (const auto change = decode_change(m.payload))
          remember(self->state, change->incident);
        else
          ++self->state.counters["unreadable_changes"];
      },
      [self](const remote_delivery& m) {
        auto promise = self->make_response_promise<remote_answer>();
        auto request = decode_request(m.payload);
        if (!request) {
          promise.deliver(to_error(request.error()));
          return promise;
        }
        ask_here(self, std::move(request).take(), [promise](const caf::error& failed, owner_reply reply) mutable {
          if (failed) {
            promise.deliver(failed);
            return;
          }
          auto bytes = encode_reply(reply);
          if (bytes)
            promise.deliver(remote_answer{std::move(bytes).take()});
          else
            promise.deliver(to_error(bytes.error()));
        });
        return promise;
      },
      [self](const response::task_changed& m) {
        task_record task{m.task_id, m.run_id, m.action, m.target, m.instance, m.status, m.detail, m.time, m.time};
        ask_owner(self, change_of(m.tenant, m.incident_id, "response", note_task{std::move(task)}),
                  [self](const caf::error& failed, owner_reply) {
                    if (failed)
                      ++self->state.counters["task_notes_failed"];
                  });
      },
      [self](const tidy_incidents&) {
        stop_idle(self);
        note_deadlines(self);
        self->delayed_send(self, self->state.options.tick, tidy_incidents{});
      },
      [](const drain&) { return drained{}; },
  };
}

} // namespace soc::incident
