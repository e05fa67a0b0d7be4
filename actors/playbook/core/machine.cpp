#include "playbook/core/machine.hpp"

#include "playbook/core/advance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace soc::playbook {

using nlohmann::json;

namespace {

constexpr std::array<std::string_view, 7> run_names{"recommended", "running", "paused",   "compensating",
                                                    "completed",   "failed",  "cancelled"};
constexpr std::array<std::string_view, 7> step_names{"idle",   "active",  "backing_off", "done",
                                                     "failed", "skipped", "halted"};

using kind = run_event_kind;

const step* step_at(const run_state& state, const std::string& path) {
  const auto cut = path.rfind('/');
  const auto scope = cut == std::string::npos ? std::string{} : path.substr(0, cut + 1);
  const auto at = state.frames.find(scope);
  return at == state.frames.end() ? nullptr
                                  : at->second.body->find(path.substr(cut == std::string::npos ? 0 : cut + 1));
}

bool is_active(const run_state& state, const std::string& path, step_kind what) {
  const auto at = state.steps.find(path);
  const auto* s = step_at(state, path);
  return at != state.steps.end() && at->second.status == step_status::active && s != nullptr && s->kind == what;
}

failure refused(const run_state& state, std::string_view verb) {
  return {ec::invalid_input,
          fmt::format("run {} is {}; it can't be {}", state.origin.run_id, to_string(state.status), verb)};
}

/// The one approval step that waits, when a person names none.
std::string waiting_approval(const run_state& state, const std::string& path) {
  if (!path.empty())
    return path;
  for (const auto& [at, a] : state.steps)
    if (is_active(state, at, step_kind::approval))
      return at;
  return {};
}

std::vector<run_event> unless(bool changes_nothing, const run_event& heard) {
  return changes_nothing ? std::vector<run_event>{} : std::vector{heard};
}

result<std::vector<run_event>> decide_person(const run_state& state, run_event heard) {
  const auto approval = waiting_approval(state, heard.path);
  switch (heard.what) {
  case kind::approved:
    if (state.status == run_status::recommended) {
      heard.what = kind::accepted;
      return std::vector{std::move(heard)};
    }
    if (!is_active(state, approval, step_kind::approval))
      return refused(state, "approved: nothing waits for it");
    heard.path = approval;
    return unless(state.steps.at(approval).approved_by.contains(heard.user), heard);
  case kind::rejected:
    if (state.status == run_status::recommended)
      return std::vector{std::move(heard)};
    if (!is_active(state, approval, step_kind::approval))
      return refused(state, "rejected: nothing waits for it");
    heard.path = approval;
    return std::vector{std::move(heard)};
  case kind::paused:
    return state.status == run_status::running ? result<std::vector<run_event>>(std::vector{std::move(heard)})
                                               : refused(state, "paused");
  case kind::resumed:
    return state.status == run_status::paused ? result<std::vector<run_event>>(std::vector{std::move(heard)})
                                              : refused(state, "resumed");
  case kind::cancelled:
    return is_final(state.status) ? refused(state, "cancelled")
                                  : result<std::vector<run_event>>(std::vector{std::move(heard)});
  case kind::retried:
    return state.status == run_status::failed ? result<std::vector<run_event>>(std::vector{std::move(heard)})
                                              : refused(state, "retried");
  default:
    return std::vector<run_event>{};
  }
}

bool is_due(const run_state& state, unix_ns now) {
  const auto next = outstanding_of(state).next_due;
  return next != 0 && next <= now;
}

} // namespace

std::string_view to_string(run_status status) {
  return run_names[static_cast<std::size_t>(status) % 7];
}
std::string_view to_string(step_status status) {
  return step_names[static_cast<std::size_t>(status) % 7];
}

definition_ptr definition_cache::get(const std::string& text) {
  const std::lock_guard lock(mutex_);
  if (known_.size() >= max_known)
    known_.clear();
  auto& known = known_[text];
  if (!known) {
    diagnostics ignored; // it was checked before it was pinned
    known = load_playbook("journal", text, ignored);
  }
  return known;
}

result<std::vector<run_event>> decide(const run_state& state, run_event heard) {
  if (heard.what == kind::begun)
    return unless(state.begun, heard);
  if (!state.begun)
    return failure{ec::not_found, "the run has not begun"};
  switch (heard.what) {
  case kind::answered: {
    const auto at = state.steps.find(heard.path);
    const bool waits = at != state.steps.end() && at->second.status == step_status::active &&
                       at->second.attempts == heard.attempt && (at->second.request || at->second.compute);
    return unless(!waits || is_final(state.status), heard);
  }
  case kind::compensated:
    return unless(state.to_compensate.empty() || state.to_compensate.back() != heard.path, heard);
  case kind::ticked:
    return unless(!is_due(state, heard.at), heard);
  case kind::signalled:
    if (is_final(state.status))
      return refused(state, "signalled");
    return std::vector{std::move(heard)};
  default:
    return decide_person(state, std::move(heard));
  }
}

void apply(run_state& state, const run_event& event, definition_cache& cache) {
  state.changed_at = event.at;
  advancer go(state, event.at);
  switch (event.what) {
  case kind::begun:
    return go.begin(event, cache);
  case kind::accepted:
    state.decide_by = 0;
    return go.start();
  case kind::answered:
    return go.answer(event.path, event.ok, event.value, event.text);
  case kind::ticked:
    return go.tick();
  case kind::approved:
    return go.approve(event.path, event.user);
  case kind::rejected:
    return go.reject(event.path, fmt::format("rejected by {}: {}", event.user, event.text));
  case kind::signalled:
    return go.signal(event.text, event.value);
  case kind::paused:
    state.status = run_status::paused;
    state.reason = fmt::format("paused by {}: {}", event.user, event.text);
    return;
  case kind::resumed:
    state.status = run_status::running;
    state.reason.clear();
    return;
  case kind::cancelled:
    return go.cancel(fmt::format("cancelled by {}: {}", event.user, event.text));
  case kind::retried:
    return go.retry();
  case kind::compensated:
    return go.compensated(event.path, event.ok, event.text);
  }
}

outstanding outstanding_of(const run_state& state) {
  outstanding out;
  const auto at_latest = [&](unix_ns due) {
    if (due != 0 && (out.next_due == 0 || due < out.next_due))
      out.next_due = due;
  };
  if (state.status == run_status::recommended)
    at_latest(state.decide_by);
  if (state.status == run_status::compensating && !state.to_compensate.empty())
    out.undo.push_back(state.to_compensate.back());
  if (state.status != run_status::running)
    return out;
  for (const auto& [path, a] : state.steps) {
    if (a.status == step_status::backing_off)
      at_latest(a.again_at);
    if (a.status != step_status::active)
      continue;
    at_latest(a.due);
    const auto key = a.attempts > 1 ? fmt::format("{}#{}", path, a.attempts) : path;
    if (a.request)
      out.invoke.push_back({path, key, a.attempts, &*a.request});
    else if (a.compute)
      out.compute.push_back({path, key, a.attempts, &*a.compute});
    else if (is_active(state, path, step_kind::approval))
      out.wait_for_people.push_back(path);
  }
  return out;
}

namespace {

/// A policy's id may be any text.
std::string name_of_policy(const std::string& policy) {
  std::string out = "policy-";
  for (const char c : policy.substr(0, 48))
    out += is_playbook_name({&c, 1}) ? c : '_';
  return out;
}

} // namespace

std::string policy_playbook(const std::string& policy, const std::string& title, const std::string& action,
                            const json& parameters, const json& where, const std::string& duration) {
  json step{{"id", "act"},
            {"action", action},
            {"target", "${inputs.entity}"},
            {"with", parameters.is_object() ? parameters : json::object()}};
  if (where.is_object() && !where.empty())
    step["on"] = where;
  if (!duration.empty())
    step["for"] = duration;
  // JSON is YAML.
  return json{{"name", name_of_policy(policy)},
              {"title", title},
              {"trigger", "incident"},
              {"inputs", {{"incident", {{"type", "object"}}}, {"entity", {{"type", "object"}}}}},
              {"steps", {step}}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace soc::playbook
