#include "lake/writer_actor.hpp"

namespace soc::lake {

namespace {

constexpr std::chrono::seconds age_check{30};
constexpr std::chrono::milliseconds store_retry{2000};

void end_segment(writer_actor* self) {
  if (const auto ended = self->state.to->end(); !ended.empty())
    self->state.options.keeper.send(self, seal_segment{ended});
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

void commit_waiting(writer_actor* self) {
  auto& st = self->state;
  st.commit_due = false;
  if (st.waiting.empty())
    return;
  const auto began = self->now();
  const auto group = std::exchange(st.waiting, {});
  st.waiting_bytes = 0;
  std::vector<std::shared_ptr<model::event_batch>> batches;
  for (const auto& one : group)
    batches.push_back(one.batch);
  const auto did = st.to->store(batches, began);
  answer_group(self, group, did);
  if (did) {
    st.events->add(did->events);
    st.raw_bytes->add(did->raw_bytes);
    st.bytes->add(did->bytes);
    st.commit_seconds->observe(static_cast<double>(self->now() - began) / 1e9);
  }
  if (!did || st.to->is_due(self->now()))
    end_segment(self);
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
  end_segment(self); // of an incarnation before this one
  self->delayed_send(self, age_check, check_segment_age{});
  return {
      [self](const store_events& m) { take_events(self, m); },
      [self](const commit_events&) { commit_waiting(self); },
      [self](const check_segment_age&) {
        if (self->state.to->is_due(self->now()))
          end_segment(self);
        self->delayed_send(self, age_check, check_segment_age{});
      },
      [self](const drain&) {
        commit_waiting(self);
        return drained{};
      },
  };
}

} // namespace soc::lake
