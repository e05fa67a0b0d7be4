#include "lake/keeper_actor.hpp"

#include <fmt/format.h>

namespace soc::lake {

namespace {

void tell(keeper_actor* self, const std::string& text) {
  if (self->state.options.log)
    self->state.options.log(text);
}

void seal_one(keeper_actor* self, const std::string& name) {
  auto& st = self->state;
  const auto& store = *st.options.store;
  const auto open = store.find(name);
  if (!open || open->sealed)
    return;
  std::error_code ignored;
  const auto path = path_of(store.directory(), name, false);
  if (open->index.blocks.empty()) {
    st.options.store->remove(name);
    std::filesystem::remove(path, ignored);
    return;
  }
  auto sealed = seal(store.directory(), *open, st.options.sizes);
  if (!sealed) { // still readable as it is; tried again with the next check
    st.failed->add();
    tell(self, fmt::format("event store: segment {} can't be sealed: {}", name, sealed.error().what));
    return;
  }
  st.options.store->seal(std::move(*sealed));
  std::filesystem::remove(path, ignored);
  st.sealed->add();
}

/// Of an earlier run, and those that could not be sealed when they were ended. Each in a message of its own: what comes
/// in between, an end too, does not wait for all of them.
void seal_left_open(keeper_actor* self) {
  for (const auto& left : self->state.options.store->left_open())
    self->send(self, seal_segment{left});
}

std::uint64_t free_of_disk(const keeper_options& options) {
  if (options.free_bytes)
    return options.free_bytes();
  std::error_code error;
  const auto space = std::filesystem::space(options.store->directory(), error);
  return error ? UINT64_MAX : static_cast<std::uint64_t>(space.available);
}

void remove_expired(keeper_actor* self) {
  auto& st = self->state;
  std::vector<kept_segment> all;
  for (const auto& s : st.options.store->all())
    if (s->sealed)
      all.push_back({s->name, s->index.last(), s->bytes});
  for (const auto& gone : expired(std::move(all), self->now(), free_of_disk(st.options), st.options.limits)) {
    st.options.store->remove(gone.name);
    std::error_code ignored;
    std::filesystem::remove(path_of(st.options.store->directory(), gone.name, true), ignored);
    st.removed->add();
    tell(self, fmt::format("event store: segment {} removed: {}", gone.name, gone.why));
  }
  const auto status = st.options.store->status();
  st.bytes->set(static_cast<double>(status.bytes));
  st.rows->set(static_cast<double>(status.rows));
}

} // namespace

caf::behavior event_keeper(keeper_actor* self, keeper_options options) {
  auto& st = self->state;
  st.options = std::move(options);
  auto& metrics = *st.options.metrics;
  st.sealed = &metrics.counter("soc_store_segments_sealed_total", {}, "segments of the event store sealed");
  st.removed = &metrics.counter("soc_store_segments_removed_total", {}, "segments removed by age or size");
  st.failed = &metrics.counter("soc_store_seal_failures_total", {}, "segments that could not be sealed");
  st.bytes = &metrics.gauge("soc_store_bytes", {}, "bytes of the event store on the disk");
  st.rows = &metrics.gauge("soc_store_events", {}, "events in the event store");
  self->send(self, apply_retention{});
  return {
      [self](const seal_segment& m) { seal_one(self, m.name); },
      [self](const apply_retention&) {
        seal_left_open(self);
        remove_expired(self);
        self->delayed_send(self, self->state.options.check_every, apply_retention{});
      },
  };
}

} // namespace soc::lake
