#include "ingest/normalizer_actor.hpp"

#include "runtime/error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::ingest {

namespace {

void count_events(normalizer_self* self, const model::event_batch& batch) {
  auto& state = self->state;
  std::map<const model::log_type*, std::uint64_t> per_type;
  for (const auto& event : batch.events)
    ++per_type[event.type];
  for (const auto& [type, count] : per_type) {
    const auto product = type->vendor + "/" + type->product;
    auto& counter = state.events[product];
    if (!counter)
      counter = &state.options.metrics->counter("soc_events_total", {{"product", product}}, "events normalized");
    counter->add(count);
  }
  state.bytes->add(batch.raw->bytes.size());
  state.quarantined->add(batch.quarantined.size());
}

/// With each of the first batches, as somebody who looks for drift has just connected a source, then now and then.
void tell_drift(normalizer_self* self) {
  constexpr std::size_t batches_between = 64;
  auto& state = self->state;
  const auto number = state.batches++;
  if (number >= batches_between && number % batches_between != 0)
    return;
  const auto counts = state.work->take_drift();
  state.options.mappings->drift()->add(counts);
  for (const auto& c : counts) {
    const auto product = c.type->vendor + "/" + c.type->product;
    const std::string kind(name_of(c.kind));
    auto& counter = state.drift[product + " " + kind];
    if (!counter)
      counter = &state.options.metrics->counter("soc_mapping_drift_total", {{"product", product}, {"kind", kind}},
                                                "fields, time zones and times mappings do not expect");
    counter->add(c.records);
  }
}

quarantine_put quarantine_of(const model::event_batch& batch, unix_ns now) {
  const auto& raw = *batch.raw;
  quarantine_put out;
  for (const auto& q : batch.quarantined) {
    dead_letter letter;
    letter.origin = raw.context->connector + " " + raw.origin;
    letter.reason =
        q.mapping.empty() ? q.reason : fmt::format("{} (byte {}, mapping {})", q.reason, q.byte_offset, q.mapping);
    letter.bytes = std::string(raw.record(q.record_index));
    letter.at = now;
    out.records.push_back(std::move(letter));
  }
  return out;
}

/// The batch goes on once the quarantine has what could not be read: the source's checkpoint must not move past it
/// before.
void quarantine_then_pass(normalizer_self* self, detect_batch next) {
  const auto& options = self->state.options;
  self->request(options.store.actor(), options.quarantine_timeout, quarantine_of(*next.batch, self->now()))
      .then([self, next](const stored&) { self->state.options.detector.send(self, next); },
            [self, next](const caf::error& e) {
              next.source.send(self, batch_failed{next.ticket, "the quarantine can't be written: " + describe(e)});
            });
}

} // namespace

void drift_board::add(const std::vector<drift_count>& counts) {
  const std::lock_guard lock(mutex_);
  for (const auto& c : counts) {
    std::array<std::string, 3> key{c.type->vendor + "/" + c.type->product + ":" + c.type->name,
                                   std::string(name_of(c.kind)), c.name};
    if (counts_.size() >= most_rows && !counts_.contains(key))
      key[2] = "…";
    counts_[key] += c.records;
  }
}

std::vector<drift_board::row> drift_board::rows() const {
  std::vector<row> out;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, records] : counts_)
      out.push_back({key[0], key[1], key[2], records});
  }
  std::stable_sort(out.begin(), out.end(), [](const row& a, const row& b) { return a.records > b.records; });
  return out;
}

caf::behavior normalizer_actor(normalizer_self* self, normalizer_actor_options options) {
  auto& state = self->state;
  state.options = std::move(options);
  state.work.emplace(state.options.mappings->make());
  auto& metrics = *state.options.metrics;
  state.quarantined = &metrics.counter("soc_quarantined_records_total", {}, "records no mapping could read");
  state.bytes = &metrics.counter("soc_raw_bytes_total", {}, "bytes taken from sources");
  return {
      [self](const ingest_batch& in) {
        detect_batch next{self->state.work->normalize(in.batch), in.ticket, in.source};
        count_events(self, *next.batch);
        tell_drift(self);
        if (next.batch->quarantined.empty() || !self->state.options.store)
          self->state.options.detector.send(self, std::move(next));
        else
          quarantine_then_pass(self, std::move(next));
      },
      [self](use_mappings) { self->state.work.emplace(self->state.options.mappings->make()); },
  };
}

} // namespace soc::ingest
