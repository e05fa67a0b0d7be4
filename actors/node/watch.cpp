#include "node/watch.hpp"

#include <fmt/format.h>

namespace soc::node {

namespace {

constexpr std::chrono::seconds watch_every{1};

void tell_failures(watch_self* self) {
  auto& state = self->state;
  for (const auto& row : self->context().registry->snapshot()) {
    const auto& r = row.reading;
    auto& told = state.failures[r.path];
    if (r.last_failure_at == 0 || r.last_failure_at == told)
      continue;
    told = r.last_failure_at;
    state.log->warn("{} failed: {} (state {}, {} restarts)", r.path, r.last_failure, to_string(r.state), r.restarts);
  }
}

void tell_connection(watch_self* self) {
  auto& state = self->state;
  const bool connected = state.link->connected();
  state.connected_gauge->set(connected ? 1 : 0);
  const bool starting = !state.told && self->now() - self->probe().read().made_at < 3 * ns_per_s;
  if ((state.told && connected == state.connected) || (!connected && starting))
    return;
  if (connected)
    state.log->info("connected to NATS");
  else
    state.log->warn("NATS is away: sources are held, nothing is lost; {}", state.link->stats().last_error);
  state.connected = connected;
  state.told = true;
}

void tell_nodes(watch_self* self, const std::vector<std::string>& now) {
  const auto before = self->state.living->get();
  for (const auto& node : now)
    if (std::find(before.begin(), before.end(), node) == before.end())
      self->state.log->info("node {} has joined", node);
  for (const auto& node : before)
    if (std::find(now.begin(), now.end(), node) == now.end())
      self->state.log->warn("node {} is gone", node);
  self->state.living->set(now);
}

} // namespace

caf::behavior watch(watch_self* self, wiring w) {
  auto& state = self->state;
  state.log = w.log;
  state.living = w.living;
  state.link = w.link;
  state.connected_gauge = &w.metrics->gauge("soc_nats_connected", {}, "1 while both connections to NATS are up");
  w.membership().send(self, transport::watch_nodes{self->stable_handle()});
  self->delayed_send(self, std::chrono::milliseconds(100), watch_tick{});
  return {
      [self](const transport::living_nodes& living) { tell_nodes(self, living.nodes); },
      [self](watch_tick) {
        tell_connection(self);
        tell_failures(self);
        self->delayed_send(self, watch_every, watch_tick{});
      },
  };
}

} // namespace soc::node
