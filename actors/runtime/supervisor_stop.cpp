#include "runtime/error.hpp"
#include "runtime/supervisor_state.hpp"

namespace soc {

namespace {

constexpr std::chrono::seconds kill_grace{1}; ///< a killed child that is still not down then hangs in a handler

} // namespace

/// Ends a child and calls `then` when it is down: drain if it wants that, exit, and kill at its deadline.
void supervisor_state::stop(child_id id, continuation then) {
  auto& child = children.at(id);
  child.when_stopped.push_back(std::move(then));
  if (child.state == actor_state::stopping)
    return;
  ++child.era;
  if (!child.running)
    return stopped(child);
  child.state = actor_state::stopping;
  child.probe->set_state(actor_state::stopping);
  self->delayed_send(self, child.spec.shutdown_timeout, stop_overdue{id, child.era, false});
  const auto running = child.running;
  if (!child.spec.drains) {
    self->send_exit(running, caf::exit_reason::user_shutdown);
    return;
  }
  const auto end = [this, running] { self->send_exit(running, caf::exit_reason::user_shutdown); };
  self->request(running, child.spec.shutdown_timeout, drain{})
      .then([end](const drained&) { end(); }, [end](const caf::error&) { end(); });
}

void supervisor_state::stopped(supervised_child& child) {
  child.state = actor_state::stopped;
  child.probe->set_state(actor_state::stopped);
  for (const auto& then : std::exchange(child.when_stopped, {}))
    then();
}

void supervisor_state::overdue(const stop_overdue& timer) {
  const auto found = children.find(timer.id);
  if (found == children.end())
    return;
  auto& child = found->second;
  if (child.era != timer.era || child.state != actor_state::stopping)
    return;
  if (!timer.killed) {
    self->send_exit(child.running, caf::exit_reason::kill);
    self->delayed_send(self, kill_grace, stop_overdue{timer.id, timer.era, true});
    return;
  }
  // It hangs in a handler: it is left behind, cut off from its address.
  child.probe->set_failure("did not end when it was killed: left behind", self->now());
  actor_address::of(child.handle).detach_child(caf::actor_cast<caf::abstract_actor*>(child.running));
  self->demonitor(child.running);
  by_actor.erase(child.running.id());
  child.running = nullptr;
  stopped(child);
}

/// One wave after the other; the children of a wave at the same time.
void supervisor_state::stop_waves(std::shared_ptr<std::vector<wave>> waves, std::size_t next, continuation then) {
  while (next < waves->size() && (*waves)[next].empty())
    ++next;
  if (next == waves->size())
    return then();
  auto left = std::make_shared<std::size_t>((*waves)[next].size());
  for (const auto id : wave((*waves)[next])) {
    const auto one_less = [this, waves, next, then, left] {
      if (--*left == 0)
        stop_waves(waves, next + 1, then);
    };
    if (children.contains(id))
      stop(id, one_less);
    else
      one_less();
  }
}

/// Children added while running are peers: they end together, first. The others end one by one, the last started first.
std::vector<supervisor_state::wave> supervisor_state::reverse_order() const {
  std::vector<wave> waves(1);
  for (auto at = children.rbegin(); at != children.rend(); ++at) {
    if (at->second.added_while_running)
      waves.front().push_back(at->first);
    else
      waves.push_back({at->first});
  }
  return waves;
}

void supervisor_state::stop_everything(continuation then) {
  stop_waves(std::make_shared<std::vector<wave>>(reverse_order()), 0, std::move(then));
}

} // namespace soc
