#include "runtime/supervisor.hpp"

#include "base/hash.hpp"
#include "runtime/error.hpp"
#include "runtime/payload.hpp"
#include "runtime/supervisor_state.hpp"

#include <fmt/format.h>

namespace soc {

namespace {

constexpr std::chrono::seconds dead_letter_timeout{5};

/// A child that ran this long without failing starts its back-off anew.
bool ran_well(const supervised_child& child, failure_history::time_point now, const supervisor_spec& spec) {
  return now - child.started_at > std::max(spec.limits.window, spec.backoff.max);
}

bool ended_normally(const caf::error& reason) {
  return !reason || reason == caf::exit_reason::normal || reason == caf::exit_reason::user_shutdown;
}

} // namespace

supervisor_state::~supervisor_state() {
  for (auto& [id, child] : children)
    if (child.running)
      caf::anon_send_exit(child.running, caf::exit_reason::kill);
}

supervised_child* supervisor_state::find(const std::string& name) {
  const auto found = by_name.find(name);
  return found == by_name.end() ? nullptr : &children.at(found->second);
}

/// Takes the address and the probe of an earlier life of this supervisor, so that neighbours' handles stay good.
child_id supervisor_state::add(child_spec child_spec, bool while_running) {
  const auto path = self->path() + "/" + child_spec.name;
  supervised_child child;
  child.added_while_running = while_running;
  auto& registry = *self->context().registry;
  auto known = registry.find(path);
  if (!known) {
    auto probe = std::make_shared<actor_probe>(path, self->now());
    auto handle = actor_address::make(self->home_system(), probe, child_spec.hold);
    known = registry.find_or_add(path, {probe, handle, {}, {}}); // a neighbour may have reserved it meanwhile
  }
  child.probe = known->probe;
  child.handle = known->handle;
  registry.add(path, {child.probe, child.handle, self->stable_handle(), child_spec.name});
  const auto id = ++last_id;
  by_name[child_spec.name] = id;
  child.spec = std::move(child_spec);
  children.emplace(id, std::move(child));
  return id;
}

void supervisor_state::start(child_id id) {
  auto& child = children.at(id);
  ++child.era;
  child.state = actor_state::running;
  child.started_at = self->clock().now();
  child.probe->set_state(actor_state::starting);
  auto context = self->context();
  context.path = child.probe->path();
  context.probe = child.probe;
  context.address = child.handle;
  std::string what = "its start function made no actor";
  try {
    child.running = child.spec.start(self->home_system(), std::move(context));
  } catch (const std::exception& e) {
    what = e.what();
  }
  if (!child.running)
    return child_failed(id, what);
  by_actor[child.running.id()] = id;
  self->monitor(child.running);
}

void supervisor_state::child_down(const caf::down_msg& down) {
  const auto found = by_actor.find(down.source.id());
  if (found == by_actor.end())
    return;
  const auto id = found->second;
  by_actor.erase(found);
  auto& child = children.at(id);
  child.running = nullptr;
  if (child.state == actor_state::stopping)
    stopped(child);
  else if (ended_normally(down.reason))
    child_ended(id, down.reason);
  else if (child.spec.restart == restart_when::temporary)
    child_ended(id, down.reason);
  else
    child_failed(id, describe(down.reason));
}

/// It ended without need to restart it, unless it is permanent.
void supervisor_state::child_ended(child_id id, const caf::error& reason) {
  auto& child = children.at(id);
  if (child.spec.restart == restart_when::permanent)
    return child_failed(id, "it ended, though it is permanent");
  if (!ended_normally(reason))
    child.probe->set_failure(describe(reason), self->now());
  child.state = actor_state::stopped;
  child.probe->set_state(actor_state::stopped);
  if (child.added_while_running || child.spec.restart == restart_when::temporary)
    return forget(id);
  actor_address::of(child.handle).refuse_until_attached(to_error(ec::closed, child.probe->path() + " has ended"));
}

void supervisor_state::child_failed(child_id id, std::string what) {
  auto& child = children.at(id);
  const auto now = self->clock().now();
  child.failures_in_row = ran_well(child, now, spec) ? 1 : child.failures_in_row + 1;
  child.probe->set_failure(what, self->now());
  set_aside_poison(child, what);
  if (failures.exceeds(now))
    return escalate(child, what);
  child.state = actor_state::backing_off;
  child.probe->set_state(actor_state::backing_off);
  if (spec.strategy == supervision_strategy::one_for_one || ending)
    return restart_later(id);
  auto later = std::make_shared<std::vector<wave>>();
  for (auto at = children.rbegin(); at != children.rend() && at->first > id; ++at)
    if (at->second.state != actor_state::stopped)
      later->push_back({at->first});
  stop_waves(later, 0, [this, id, later] {
    for (const auto& one : *later)
      await_restart(one.front());
    restart_later(id);
  });
}

/// Marks a child that was stopped with its group: it starts again with the child that failed.
void supervisor_state::await_restart(child_id id) {
  const auto found = children.find(id);
  if (found == children.end() || found->second.state != actor_state::stopped)
    return;
  found->second.state = actor_state::backing_off;
  found->second.probe->set_state(actor_state::backing_off);
}

void supervisor_state::restart_later(child_id id) {
  const auto found = children.find(id);
  if (found == children.end() || found->second.state != actor_state::backing_off || ending)
    return;
  auto& child = found->second;
  const double chance = static_cast<double>(random() - random.min()) / static_cast<double>(random.max() - random.min());
  self->delayed_send(self, backoff_delay(spec.backoff, child.failures_in_row, chance), restart_due{id, child.era});
}

/// A message that brought its child down again and again is kept as a dead letter; the failures it caused are forgiven.
void supervisor_state::set_aside_poison(supervised_child& child, const std::string& what) {
  std::shared_ptr<caf::mailbox_element> poison =
      actor_address::of(child.handle).take_suspect(child.spec.crashes_per_message);
  if (!poison)
    return;
  child.probe->count_dead_letter();
  failures.forgive(child.spec.crashes_per_message);
  child.failures_in_row = 1;
  const auto reason = fmt::format("{} crashed {} {} times: {}", content_types(poison->content()), child.probe->path(),
                                  child.spec.crashes_per_message, what);
  if (poison->mid.is_request() && poison->sender)
    poison->sender->enqueue(nullptr, poison->mid.response_id(), caf::make_message(to_error(ec::refused, reason)),
                            nullptr);
  const auto& sink = self->context().dead_letters;
  if (!sink)
    return settle_payload(poison->content());
  // Settled only once it is kept: until then its source must not move past it.
  self->request(sink.actor(), dead_letter_timeout,
                dead_letter{child.probe->path(), reason, payload_text(poison->content()), self->now()})
      .then([poison](const stored&) { settle_payload(poison->content()); },
            [poison](const caf::error& error) { give_back_payload(poison->content(), describe(error)); });
}

void supervisor_state::escalate(const supervised_child& child, const std::string& what) {
  if (ending)
    return;
  const auto reason =
      to_error(ec::internal, fmt::format("{} failed more than {} times in {} s, last: {}", child.probe->path(),
                                         spec.limits.intensity, spec.limits.window.count() / 1000.0, what));
  children.at(by_name.at(child.spec.name)).state = actor_state::backing_off;
  child.probe->set_state(actor_state::backing_off);
  ending = true;
  stop_everything([this, reason] {
    forget_all([](const supervised_child& one) { return one.added_while_running; });
    self->quit(reason);
  });
}

void supervisor_state::forget_all(const std::function<bool(const supervised_child&)>& which) {
  for (auto at = children.begin(); at != children.end();) {
    const auto id = at->first;
    const bool chosen = which(at->second);
    ++at;
    if (chosen)
      forget(id);
  }
}

void supervisor_state::forget(child_id id) {
  auto& child = children.at(id);
  actor_address::of(child.handle).retire(to_error(ec::closed, child.probe->path() + " has ended"));
  self->context().registry->remove(child.probe->path());
  by_name.erase(child.spec.name);
  children.erase(id);
}

namespace {

/// rest_for_one: the later ones were ended with it, and only its start brings them back.
void start_those_who_wait_for(supervisor_state& state, child_id id) {
  if (state.spec.strategy != supervision_strategy::rest_for_one)
    return;
  for (auto at = state.children.upper_bound(id); at != state.children.end(); ++at)
    if (at->second.state == actor_state::backing_off) {
      at->second.probe->count_restart();
      state.start(at->first);
    }
}

caf::result<child_started> on_start_child(supervisor_state& state, const start_child& order) {
  if (state.ending)
    return to_error(ec::unavailable, state.self->path() + " is ending");
  if (order.spec.name.empty() || order.spec.name.find('/') != std::string::npos || !order.spec.start)
    return to_error(ec::invalid_input, "a child needs a name without '/' and a start function");
  if (const auto* known = state.find(order.spec.name)) {
    if (known->state != actor_state::stopped)
      return to_error(ec::conflict, state.self->path() + " already has a child " + order.spec.name);
    state.forget(state.by_name.at(order.spec.name));
  }
  const auto id = state.add(order.spec, true);
  const auto handle = state.children.at(id).handle;
  state.start(id);
  return child_started{handle};
}

caf::result<child_stopped> on_stop_child(supervisor_state& state, const stop_child& order) {
  const auto* child = state.find(order.name);
  if (!child)
    return to_error(ec::not_found, state.self->path() + " has no child " + order.name);
  auto answer = state.self->make_response_promise<child_stopped>();
  const auto id = state.by_name.at(order.name);
  state.stop(id, [&state, id, answer, keep = order.keep]() mutable {
    if (const auto found = state.children.find(id); found != state.children.end()) {
      const auto& ended = found->second;
      if (ended.state != actor_state::stopped) {
        answer.deliver(to_error(ec::conflict, ended.probe->path() + " was started again meanwhile"));
        return;
      }
      if (keep)
        actor_address::of(ended.handle)
            .refuse_until_attached(to_error(ec::closed, ended.probe->path() + " is stopped"));
      else
        state.forget(id);
    }
    answer.deliver(child_stopped{});
  });
  return answer;
}

caf::result<child_started> on_restart_child(supervisor_state& state, const restart_child& order) {
  const auto* child = state.find(order.name);
  if (!child)
    return to_error(ec::not_found, state.self->path() + " has no child " + order.name);
  auto answer = state.self->make_response_promise<child_started>();
  const auto id = state.by_name.at(order.name);
  state.stop(id, [&state, id, answer]() mutable {
    const auto found = state.children.find(id);
    if (found == state.children.end() || state.ending) {
      answer.deliver(to_error(ec::unavailable, "the child is gone"));
      return;
    }
    auto& child = found->second;
    const auto handle = child.handle;
    if (child.state == actor_state::stopped) { // else a restart that was ordered at the same time has started it
      child.failures_in_row = 0;
      child.probe->count_restart();
      state.start(id);
      start_those_who_wait_for(state, id);
    }
    answer.deliver(child_started{handle});
  });
  return answer;
}

void on_restart_due(supervisor_state& state, const restart_due& timer) {
  const auto found = state.children.find(timer.id);
  if (found == state.children.end() || state.ending)
    return;
  auto& child = found->second;
  if (child.era != timer.era || child.state != actor_state::backing_off)
    return;
  child.probe->count_restart();
  state.start(timer.id);
  start_those_who_wait_for(state, timer.id);
}

children list_children(const supervisor_state& state) {
  children list;
  for (const auto& [id, child] : state.children)
    list.all.push_back({child.spec.name, child.probe->state(), child.handle, child.added_while_running});
  return list;
}

caf::behavior supervise(supervisor_actor* self, const supervisor_spec& spec) {
  auto& state = self->state;
  state.spec = spec;
  state.failures = failure_history(spec.limits);
  state.random.seed(static_cast<std::uint32_t>(spec.seed ^ hash64(self->path())));
  self->set_down_handler([&state](caf::down_msg& down) { state.child_down(down); });
  self->set_exit_handler([self, &state](caf::exit_msg& order) {
    if (std::exchange(state.ending, true))
      return;
    state.stop_everything([self, &state, reason = order.reason] {
      state.forget_all([](const supervised_child&) { return true; });
      self->quit(reason);
    });
  });
  for (const auto& child : spec.children)
    state.add(child, false);
  for (child_id id = 1; id <= spec.children.size() && !state.ending; ++id)
    state.start(id);
  return {
      [&state](const start_child& order) { return on_start_child(state, order); },
      [&state](const stop_child& order) { return on_stop_child(state, order); },
      [&state](const restart_child& order) { return on_restart_child(state, order); },
      [&state](const which_children&) { return list_children(state); },
      [&state](const restart_due& timer) { on_restart_due(state, timer); },
      [&state](const stop_overdue& timer) { state.overdue(timer); },
  };
}

} // namespace

child_spec supervisor_child(std::string name, supervisor_spec spec, std::chrono::milliseconds shutdown_timeout) {
  child_spec child;
  child.name = std::move(name);
  child.start = start_with(supervise, std::move(spec));
  child.shutdown_timeout = shutdown_timeout;
  return child;
}

caf::actor spawn_root_supervisor(caf::actor_system& system, actor_context context, supervisor_spec spec) {
  if (!context.registry)
    context.registry = std::make_shared<actor_registry>();
  if (!context.probe)
    context.probe = std::make_shared<actor_probe>(context.path, context.clock ? context.clock->now() : 0);
  const auto registry = context.registry;
  const auto probe = context.probe;
  auto root = spawn_observed(system, std::move(context), supervise, std::move(spec));
  registry->add(probe->path(), {probe, root, {}, {}});
  return root;
}

} // namespace soc
