#include "transport/nats_server_child.hpp"

#include "runtime/error.hpp"

#include <algorithm>

namespace soc::transport {

namespace {

struct start_server {};

} // namespace

} // namespace soc::transport

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::transport::start_server)

namespace soc::transport {

namespace {

void start_later(nats_server_actor* self, const nats_server_options& options) {
  auto& st = self->state;
  constexpr std::chrono::seconds healthy{10};
  if (self->clock().now() - st.started_at > healthy)
    st.next_wait = options.restart_min;
  self->delayed_send(self, st.next_wait, start_server{});
  st.next_wait = std::min(st.next_wait * 2, options.restart_max);
}

void start_now(nats_server_actor* self, const nats_server_site& site) {
  auto& st = self->state;
  st.started_at = self->clock().now();
  auto started = child_process::start(site.command(), caf::actor_cast<caf::actor>(self), site.options().stop_timeout);
  if (!started) {
    st.status.last_exit = started.error().what;
    self->probe().set_failure(started.error().what, self->now());
    start_later(self, site.options());
    return;
  }
  st.process = std::move(*started);
  st.status.running = true;
  st.status.pid = st.process->pid();
}

void note_end(nats_server_actor* self, const child_ended& end, const nats_server_site& site) {
  auto& st = self->state;
  if (!st.process || end.child != st.process->number())
    return;
  st.process.reset();
  st.status.running = false;
  st.status.pid = 0;
  st.status.last_exit = end.how;
  ++st.status.restarts;
  self->probe().set_failure("nats-server ended with " + end.how + ", see " + site.log_file().string(), self->now());
  start_later(self, site.options());
}

} // namespace

caf::behavior nats_server_child(nats_server_actor* self, std::shared_ptr<nats_server_site> site) {
  self->state.next_wait = site->options().restart_min;
  start_now(self, *site);
  return {
      [=](const start_server&) {
        if (!self->state.process)
          start_now(self, *site);
      },
      [=](const child_ended& end) { note_end(self, end, *site); },
      [=](const nats_server_query&) { return self->state.status; },
  };
}

} // namespace soc::transport
