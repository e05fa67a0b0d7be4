#include "response/core/gate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace soc::response {

namespace {

/// Forgets what no window looks at any more.
void prune(gate_state& state, unix_ns now) {
  const auto before = now - max_window_s * ns_per_s;
  while (!state.by_time.empty() && state.by_time.front().first <= before) {
    const auto at = state.grants.find(state.by_time.front().second);
    if (at != state.grants.end() && !at->second.standing)
      state.grants.erase(at);
    state.by_time.pop_front();
  }
}

void remove_standing(gate_state& state, const grant& g) {
  const auto ids = state.standing_by_target.find(target_slot(g.instance, g.type, g.target));
  if (ids == state.standing_by_target.end())
    return;
  ids->second.erase(g.id);
  if (ids->second.empty())
    state.standing_by_target.erase(ids);
}

void stand_down(gate_state& state, const std::string& id) {
  const auto at = state.grants.find(id);
  if (at == state.grants.end() || !at->second.standing)
    return;
  at->second.standing = false;
  remove_standing(state, at->second);
  // An undo, or older than every window, and no longer standing: nothing asks for it again.
  if (!at->second.undo_of.empty() || state.by_time.empty() || at->second.at < state.by_time.front().first)
    state.grants.erase(at);
}

/// Without forgetting what is old.
void change(gate_state& state, const gate_event& event) {
  switch (event.what) {
  case gate_event::kind::granted: {
    auto g = event.granted;
    if (state.grants.contains(g.id))
      return;
    if (!g.undo_of.empty()) { // an undo is no effect of its own: not counted, nothing to stand
      state.grants.emplace(g.id, std::move(g));
      break;
    }
    state.by_time.emplace_back(g.at, g.id);
    state.standing_by_target[target_slot(g.instance, g.type, g.target)].insert(g.id);
    state.grants.emplace(g.id, std::move(g));
    break;
  }
  case gate_event::kind::released:
    stand_down(state, event.id);
    break;
  case gate_event::kind::stopped:
  case gate_event::kind::resumed:
    state.stopped = event.what == gate_event::kind::stopped;
    state.stopped_by = event.who;
    state.stopped_why = event.why;
    break;
  }
}

} // namespace

std::string target_slot(const std::string& instance, model::entity_type type, const std::string& target) {
  using model::entity_type;
  const auto kind = type == entity_type::email ? entity_type::user : type; // one account, known by its address
  return fmt::format("{}\n{}\n{}", instance, static_cast<int>(kind), target);
}

void apply(gate_state& state, const gate_event& event) {
  change(state, event);
  prune(state, event.at);
}

void gate_draft::add(gate_state& state, gate_event event) {
  way_back back;
  const auto known = state.grants.find(event.what == gate_event::kind::granted ? event.granted.id : event.id);
  if (known != state.grants.end())
    back.before = known->second;
  back.stopped = state.stopped;
  back.stopped_by = state.stopped_by;
  back.stopped_why = state.stopped_why;
  change(state, event);
  events_.push_back(std::move(event));
  ways_back_.push_back(std::move(back));
}

void gate_draft::keep(gate_state& state) {
  if (!events_.empty())
    prune(state, events_.back().at);
  events_.clear();
  ways_back_.clear();
}

void gate_draft::take_back(gate_state& state) {
  for (; !events_.empty(); events_.pop_back(), ways_back_.pop_back())
    take_back_last(state);
}

void gate_draft::take_back_last(gate_state& state) {
  const auto& event = events_.back();
  auto& back = ways_back_.back();
  state.stopped = back.stopped;
  state.stopped_by = back.stopped_by;
  state.stopped_why = back.stopped_why;
  if (event.what == gate_event::kind::granted && !back.before) {
    const auto& g = event.granted;
    if (g.undo_of.empty()) {
      state.by_time.pop_back();
      remove_standing(state, g);
    }
    state.grants.erase(g.id);
  } else if (event.what == gate_event::kind::released && back.before && back.before->standing) {
    const auto& g = *back.before;
    if (g.undo_of.empty())
      state.standing_by_target[target_slot(g.instance, g.type, g.target)].insert(g.id);
    state.grants[g.id] = g;
  }
}

std::vector<gate_event> release(const gate_state& state, const std::string& id, std::string why, unix_ns now) {
  const auto at = state.grants.find(id);
  if (at == state.grants.end() || !at->second.standing)
    return {};
  gate_event event;
  event.what = gate_event::kind::released;
  event.id = id;
  event.why = std::move(why);
  event.at = now;
  return {std::move(event)};
}

std::vector<gate_event> emergency(const gate_state& state, bool stop, std::string who, std::string why, unix_ns now) {
  if (state.stopped == stop)
    return {};
  gate_event event;
  event.what = stop ? gate_event::kind::stopped : gate_event::kind::resumed;
  event.who = std::move(who);
  event.why = std::move(why);
  event.at = now;
  return {std::move(event)};
}

gate_state restored(std::vector<grant> grants) {
  gate_state out;
  std::sort(grants.begin(), grants.end(),
            [](const auto& a, const auto& b) { return std::tie(a.at, a.id) < std::tie(b.at, b.id); });
  for (auto& g : grants) {
    if (g.undo_of.empty()) {
      out.by_time.emplace_back(g.at, g.id);
      if (g.standing)
        out.standing_by_target[target_slot(g.instance, g.type, g.target)].insert(g.id);
    }
    auto id = g.id;
    out.grants.emplace(std::move(id), std::move(g));
  }
  if (!out.by_time.empty())
    prune(out, out.by_time.back().first);
  return out;
}

std::optional<permit> issue_permit(const gate_state& state, const gate_request& request) {
  const auto fingerprint = fingerprint_of(request);
  if (request.effect != action_effect::read) {
    const auto at = state.grants.find(request.id);
    if (at == state.grants.end() || !at->second.standing || at->second.fingerprint != fingerprint)
      return std::nullopt;
  }
  permit out;
  out.request_id_ = request.id;
  out.fingerprint_ = fingerprint;
  out.instance_ = request.instance;
  return out;
}

} // namespace soc::response
