#include "lake/writer_actor.hpp"

#include "runtime/payload.hpp"

namespace soc::lake {

namespace {

constexpr std::chrono::seconds age_check{30};
constexpr std::chrono::milliseconds store_retry{2000};
constexpr std::chrono::seconds dead_letter_timeout{5};

void seal_ended(writer_actor* self, const std::string& segment) {
  if (!segment.empty())
    self->state.options.keeper.send(self, seal_segment{segment});
}

void answer_group(writer_actor* self, const std::vector<store_events>& group, const result<store_counts>& did) {
  for (const auto& one : group) {
    if (!did)
      self->state.failed->add(one.batch->events.size());
    if (did || !self->state.options.required)
      one.source.send(self, batch_done{one.ticket});
    else
      one.source.send(self, batch_failed{one.ticket, "the event store: " + did.error().what, store_retry});
  }
}

/// The commit is a message of the writer's own: what it throws would take the whole group with it, unanswered.
result<store_counts> store_group(writer_state& st, const std::vector<store_events>& group, unix_ns now) {
  std::vector<std::shared_ptr<model::event_batch>> batches;
  for (const auto& one : group)
    batches.push_back(one.batch);
  try {
    return st.to->store(batches, now);
  } catch (const std::exception& e) {
    return failure{ec::internal, e.what()};
  }
}

/// A batch that can't be encoded would come again for ever: it is kept as a dead letter, as other poison is, and then
/// its source may go on.
void set_aside(writer_actor* self, const store_events& poison, const failure& why) {
  const auto& sink = self->context().dead_letters;
  if (!sink)
    return answer_group(self, {poison}, why);
  self->state.failed->add(poison.batch->events.size());
  self->request(sink.actor(), dead_letter_timeout,
                dead_letter{self->path(), "the event store: " + why.what, payload_text(caf::make_message(poison)),
                            self->now()})
      .then([self, poison](const stored&) { poison.source.send(self, batch_done{poison.ticket}); },
            [self, poison, why](const caf::error&) {
              poison.source.send(self, batch_failed{poison.ticket, "the event store: " + why.what, store_retry});
            });
}

void commit(writer_actor* self, const std::vector<store_events>& group) {
  auto& st = self->state;
  const auto began = self->now();
  const auto did = store_group(st, group, began);
  const bool threw = !did && did.error().code == ec::internal; // the segment is as good as before
  if (threw && group.size() > 1) {                             // one of them can't be encoded: the others can
    for (const auto& one : group)
      commit(self, {one});
    return;
  }
  if (threw)
    set_aside(self, group.front(), did.error());
  else
    answer_group(self, group, did);
  if (did) {
    st.events->add(did->events);
    st.raw_bytes->add(did->raw_bytes);
    st.bytes->add(did->bytes);
    st.commit_seconds->observe(static_cast<double>(self->now() - began) / 1e9);
  }
  if ((!did && !threw) || st.to->is_due(self->now()))
    seal_ended(self, st.to->end());
}

void commit_waiting(writer_actor* self) {
  auto& st = self->state;
  st.commit_due = false;
  st.waiting_bytes = 0;
  if (const auto group = std::exchange(st.waiting, {}); !group.empty())
    commit(self, group);
}

void take_events(writer_actor* self, const store_events& m) {
  auto& st = self->state;
  st.waiting.push_back(m);
  st.waiting_bytes += m.batch->raw->bytes.size();
  if (st.waiting_bytes >= st.options.sizes.target_bytes)
    return commit_waiting(self);
  if (!std::exchange(st.commit_due, true))
    self->send(self, commit_events{}); // behind what is in the mailbox already
}

void install_metrics(writer_state& st) {
  auto& metrics = *st.options.metrics;
  st.events = &metrics.counter("soc_stored_events_total", {}, "events written to the event store");
  st.raw_bytes = &metrics.counter("soc_stored_raw_bytes_total", {}, "raw bytes of the events written");
  st.bytes = &metrics.counter("soc_stored_bytes_total", {}, "bytes written to the event store");
  st.failed = &metrics.counter("soc_store_failed_events_total", {}, "events the event store could not take");
  st.commit_seconds = &metrics.histogram("soc_store_commit_seconds", latency_buckets(), {}, "encode, write and fsync");
}

} // namespace

caf::behavior event_writer(writer_actor* self, writer_options options) {
  auto& st = self->state;
  st.options = std::move(options);
  install_metrics(st);
  const auto& o = st.options;
  st.to.emplace(o.store, o.lane, o.sizes, o.limits, o.make_completer ? o.make_completer() : event_completer());
  seal_ended(self, st.to->end_earlier());
  self->delayed_send(self, age_check, check_segment_age{});
  return {
      [self](const store_events& m) { take_events(self, m); },
      [self](const commit_events&) { commit_waiting(self); },
      [self](const check_segment_age&) {
        if (self->state.to->is_due(self->now()))
          seal_ended(self, self->state.to->end());
        self->delayed_send(self, age_check, check_segment_age{});
      },
      [self](const drain&) {
        commit_waiting(self);
        return drained{};
      },
  };
}

} // namespace soc::lake
