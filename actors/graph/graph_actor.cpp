#include "graph/graph_actor.hpp"

#include "runtime/error.hpp"

#include <algorithm>
#include <utility>

namespace soc::graph {

namespace {

void answer_if_done(graph_actor* self, const std::string& alert_id);

void snapshot_graphs(graph_actor* self) {
  auto& st = self->state;
  st.since_snapshot = 0;
  for (const auto& [tenant, graph] : st.graphs)
    st.ports.store.send(self, snapshot_put{"graph", st.options.name + "/" + tenant, st.covered, graph->snapshot()});
}

/// The sequence up to which all alerts are durable. A snapshot is only taken when nothing is in flight: what the graph
/// knows is then exactly what the incidents know.
void settle(graph_actor* self, std::uint64_t sequence) {
  auto& st = self->state;
  if (const auto it = st.sequences.find(sequence); it != st.sequences.end())
    st.sequences.erase(it);
  if (!st.sequences.empty() || !st.waiting.empty())
    return;
  st.covered = st.last_sequence;
  if (st.since_snapshot >= st.options.snapshot_every)
    snapshot_graphs(self);
}

void decided(graph_actor* self, const std::string& alert_id, bool failed) {
  auto& st = self->state;
  const auto it = st.waiting.find(alert_id);
  if (it == st.waiting.end())
    return;
  it->second.failed = it->second.failed || failed;
  --it->second.open;
  answer_if_done(self, alert_id);
}

/// Sends one decision to the incidents; a failure is told with the alert, which then comes again.
template <class Answer, class Message>
void send_decision(graph_actor* self, const std::string& alert_id, Message message) {
  auto& st = self->state;
  ++st.waiting[alert_id].open;
  self->request(st.ports.router.actor(), st.options.join_timeout, std::move(message))
      .then([self, alert_id](const Answer&) { decided(self, alert_id, false); },
            [self, alert_id](caf::error&) { decided(self, alert_id, true); });
}

void answer_if_done(graph_actor* self, const std::string& alert_id) {
  auto& st = self->state;
  const auto it = st.waiting.find(alert_id);
  if (it == st.waiting.end() || it->second.open != 0)
    return;
  auto done = std::move(it->second);
  st.waiting.erase(it);
  for (auto& promise : done.promises) {
    if (done.failed)
      promise.deliver(to_error(ec::unavailable, "an incident did not take alert " + alert_id));
    else
      promise.deliver(done.answer);
  }
  if (done.failed) { // what the graph believes and what the incidents have may differ: replay decides
    self->quit(to_error(ec::unavailable, "an incident did not take alert " + alert_id));
    return;
  }
  settle(self, done.sequence);
}

entity_graph* graph_of(graph_actor* self, const std::string& tenant) {
  auto& st = self->state;
  auto it = st.graphs.find(tenant);
  if (it == st.graphs.end()) {
    if (st.graphs.size() >= st.options.max_tenants)
      return nullptr;
    it = st.graphs.emplace(tenant, std::make_unique<entity_graph>(tenant, st.options.settings)).first;
  }
  return it->second.get();
}

/// One after the other: an incident that goes into another may have taken a third one in just before.
void send_merges(graph_actor* self, const std::string& alert_id,
                 const std::shared_ptr<std::vector<incident::merge_incidents>>& merges, std::size_t next) {
  if (next >= merges->size())
    return;
  auto& st = self->state;
  ++st.waiting[alert_id].open;
  self->request(st.ports.router.actor(), st.options.join_timeout, (*merges)[next])
      .then(
          [self, alert_id, merges, next](const incident::command_done&) {
            send_merges(self, alert_id, merges, next + 1);
            decided(self, alert_id, false);
          },
          [self, alert_id](caf::error&) { decided(self, alert_id, true); });
}

void send_all(graph_actor* self, const model::alert& a, decision& out) {
  auto merges = std::make_shared<std::vector<incident::merge_incidents>>();
  for (const auto& m : out.merges)
    merges->push_back({a.tenant, m.from, m.into, to_json(m.why), "graph"});
  send_merges(self, a.id, merges, 0);
  for (const auto& p : out.placed)
    send_decision<alert_joined>(self, a.id, join_alert{p.incident_id, p.alert, to_json(p.why)});
  for (const auto& d : out.doubts) {
    std::string assets;
    for (const auto& asset : d.assets)
      assets += (assets.empty() ? "" : ", ") + asset;
    send_decision<incident::command_done>(
        self, a.id,
        incident::change_incident{
            a.tenant, d.incident_id,
            incident::note_doubt{d.entity + " has become common; only it had brought in " + assets}, "graph"});
  }
}

using placed_promises = std::vector<caf::typed_response_promise<alert_placed>>;

/// Places one alert; `promises` are answered once its decisions are durable.
void place(graph_actor* self, const model::alert_ptr& a, std::uint64_t sequence, placed_promises promises) {
  auto& st = self->state;
  auto* graph = graph_of(self, a->tenant);
  if (!graph) {
    st.sequences.erase(sequence);
    for (auto& promise : promises)
      promise.deliver(to_error(ec::too_large, "more tenants than max_tenants"));
    return;
  }
  auto out = graph->place(a);
  ++st.since_snapshot;
  auto& waiting = st.waiting[a->id];
  waiting.sequence = sequence;
  waiting.answer.what = out.what;
  for (const auto& p : out.placed)
    if (p.alert->id == a->id)
      waiting.answer.incident_id = p.incident_id;
  waiting.promises.insert(waiting.promises.end(), promises.begin(), promises.end());
  send_all(self, *a, out);
  answer_if_done(self, a->id);
}

void place_due(graph_actor* self, const std::vector<model::alert_ptr>& due) {
  for (const auto& a : due)
    if (auto held = self->state.held.extract(a->id))
      place(self, a, held.mapped().sequence, std::move(held.mapped().promises));
}

/// Takes an alert in: placed at once, or held until those that may be late have come.
void take(graph_actor* self, const model::alert_ptr& a, std::uint64_t sequence, placed_promises promises) {
  auto& st = self->state;
  st.last_sequence = std::max(st.last_sequence, sequence);
  // Delivered again while it is held or under way.
  if (const auto it = st.waiting.find(a->id); it != st.waiting.end()) {
    it->second.promises.insert(it->second.promises.end(), promises.begin(), promises.end());
    return;
  }
  if (const auto it = st.held.find(a->id); it != st.held.end()) {
    it->second.promises.insert(it->second.promises.end(), promises.begin(), promises.end());
    return;
  }
  if (sequence != 0)
    st.sequences[sequence] = false;
  const auto tolerance = static_cast<unix_ns>(st.options.settings->with.lateness_s * ns_per_s);
  if (tolerance <= 0)
    return place(self, a, sequence, std::move(promises));
  st.held[a->id] = {sequence, std::move(promises)};
  auto& intake = st.intakes.try_emplace(a->tenant, tolerance).first->second;
  place_due(self, intake.add(a, self->now()));
  self->delayed_send(self, std::chrono::nanoseconds(tolerance), release_held{});
}

void replay_alerts(graph_actor* self) {
  auto& st = self->state;
  if (st.options.alert_filter.empty())
    return;
  self->request(st.ports.journal.actor(), st.options.recovery_timeout,
                journal_read{st.options.alert_filter, st.covered})
      .await(
          [self](const journal_entries& read) {
            for (const auto& entry : read.entries)
              if (const auto alerts = self->state.ports.decode(entry.payload))
                for (const auto& a : *alerts)
                  take(self, a, entry.sequence, {});
          },
          [self](caf::error& why) { self->quit(why); });
}

void recover_graphs(graph_actor* self) {
  auto& st = self->state;
  self->request(st.ports.store.actor(), st.options.recovery_timeout, snapshot_all{"graph"})
      .await(
          [self](const snapshots& all) {
            auto& st = self->state;
            const auto prefix = st.options.name + "/";
            bool first = true;
            for (const auto& one : all.all) {
              if (one.id.rfind(prefix, 0) != 0)
                continue;
              auto graph = entity_graph::restore(one.bytes, st.options.settings);
              if (graph)
                st.graphs[one.id.substr(prefix.size())] = std::move(graph).take();
              st.covered = first ? one.sequence : std::min(st.covered, one.sequence);
              st.covered = graph ? st.covered : 0;
              first = false;
            }
            st.last_sequence = st.covered;
            replay_alerts(self);
          },
          [self](caf::error& why) { self->quit(why); });
}

void take_decision(graph_actor* self, const person_decided& m) {
  auto* graph = graph_of(self, m.tenant);
  if (!graph)
    return;
  if (!std::exchange(self->state.keeps_decisions, true))
    self->delayed_send(self, self->state.options.decisions_kept_after, keep_decisions{});
  switch (m.what) {
  case person_decided::kind::merged:
    graph->person_merged(m.from, m.into);
    break;
  case person_decided::kind::split:
    graph->person_split(m.from, m.into, m.moved, self->now());
    break;
  case person_decided::kind::closed:
    graph->incident_closed(m.from, false, self->now());
    break;
  case person_decided::kind::closed_false_positive:
    graph->incident_closed(m.from, true, self->now());
    break;
  }
}

/// Now when nothing is in flight, else with the next alert that settles.
void keep_what_people_decided(graph_actor* self) {
  auto& st = self->state;
  st.keeps_decisions = false;
  st.since_snapshot = std::max(st.since_snapshot, st.options.snapshot_every);
  if (!st.sequences.empty() || !st.waiting.empty() || !st.held.empty())
    return;
  st.covered = st.last_sequence;
  snapshot_graphs(self);
}

graph_status status_of(const graph_state& st) {
  graph_status out;
  out.covered_sequence = st.covered;
  out.in_flight = st.waiting.size();
  for (const auto& [tenant, graph] : st.graphs) {
    const auto c = graph->counts();
    auto& to = out.counts;
    to.alerts += c.alerts;
    to.duplicates += c.duplicates;
    to.excluded += c.excluded;
    to.everyday += c.everyday;
    to.waiting += c.waiting;
    to.joined += c.joined;
    to.opened += c.opened;
    to.merged += c.merged;
    to.expired += c.expired;
    to.doubts += c.doubts;
    to.clusters += c.clusters;
    to.incidents += c.incidents;
    to.pairs += c.pairs;
    to.entities += c.entities;
  }
  return out;
}

} // namespace

caf::behavior graph_behavior(graph_actor* self, graph_options options, graph_ports ports) {
  self->state.options = std::move(options);
  self->state.ports = std::move(ports);
  recover_graphs(self);
  return {
      [self](const place_alert& m) {
        auto promise = self->make_response_promise<alert_placed>();
        take(self, m.alert, m.sequence, {promise});
        return promise;
      },
      [self](const person_decided& m) { take_decision(self, m); },
      [self](const graph_query&) { return status_of(self->state); },
      [self](const release_held&) {
        for (auto& [tenant, intake] : self->state.intakes)
          place_due(self, intake.waited(self->now()));
      },
      [self](const keep_decisions&) { keep_what_people_decided(self); },
      [](const stored&) {},
      [self](const drain&) {
        auto& st = self->state;
        if (st.waiting.empty() && st.held.empty() && (st.since_snapshot != 0 || st.keeps_decisions)) {
          st.covered = st.last_sequence;
          snapshot_graphs(self);
        }
        return drained{};
      },
  };
}

} // namespace soc::graph
