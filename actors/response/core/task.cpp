#include "response/core/task.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace soc::response {

namespace {

constexpr std::array<std::string_view, 13> status_names{"pending", "waiting_approval", "running", "done",    "verified",
                                                        "failed",  "undone",           "expired", "unknown", "refused",
                                                        "undoing", "cancelled",        "observed"};

using s = task_status;
using e = task_event_kind;

struct task_move {
  task_status from;
  task_event_kind what;
  task_status to;
};

/// Every move a task can make. `undone` and its kin lead back to the status before the undo where noted in apply.
constexpr task_move moves[] = {
    {s::pending, e::approval_asked, s::waiting_approval},
    {s::pending, e::refused, s::refused},
    {s::pending, e::observed, s::observed},
    {s::pending, e::postponed, s::pending},
    {s::pending, e::cancelled, s::cancelled},
    {s::pending, e::started, s::running},
    {s::pending, e::failed, s::failed},
    {s::waiting_approval, e::approved, s::waiting_approval}, // → pending once enough people agreed
    {s::waiting_approval, e::veto_passed, s::pending},
    {s::waiting_approval, e::rejected, s::refused},
    {s::waiting_approval, e::approval_lapsed, s::expired},
    {s::waiting_approval, e::cancelled, s::cancelled},
    {s::running, e::started, s::running},
    {s::running, e::succeeded, s::done},
    {s::running, e::attempt_failed, s::pending},
    // The call was not made before a restart. The gate, asked again, may say anything: a policy was changed meanwhile.
    {s::running, e::postponed, s::running},
    {s::running, e::refused, s::refused},
    {s::running, e::approval_asked, s::waiting_approval},
    {s::running, e::observed, s::observed},
    {s::running, e::failed, s::failed},
    {s::running, e::doubtful, s::unknown},
    {s::done, e::in_effect, s::verified},
    {s::done, e::not_in_effect, s::failed},
    {s::done, e::unseen, s::done},
    {s::done, e::undo_begun, s::undoing},
    {s::done, e::expired, s::expired},
    {s::verified, e::undo_begun, s::undoing},
    {s::verified, e::expired, s::expired},
    {s::undoing, e::started, s::undoing},
    {s::undoing, e::postponed, s::undoing},
    {s::undoing, e::attempt_failed, s::undoing},
    {s::undoing, e::undone, s::undone}, // → expired when its time was up
    {s::undoing, e::undo_failed, s::done},
    {s::undoing, e::undo_doubtful, s::unknown},
    {s::unknown, e::resolved, s::done}, // → failed, by what the person saw
    {s::unknown, e::in_effect, s::verified},
    {s::unknown, e::not_in_effect, s::failed},
    {s::unknown, e::undo_begun, s::undoing},
};

constexpr unix_ns max_backoff_ns = 60 * ns_per_s;
constexpr std::uint32_t max_sightings = 3;
/// To rest costs a reading of the journal: not worth it for less.
constexpr unix_ns shortest_rest_ns = 60 * ns_per_s;
constexpr unix_ns undo_retry_ns = 60 * ns_per_s;

unix_ns backoff_ns(const task_spec& spec, std::uint32_t attempt) {
  unix_ns wait = spec.backoff_ms * ns_per_ms;
  for (std::uint32_t i = 1; i < attempt && wait < max_backoff_ns; ++i)
    wait *= 2;
  return std::min(wait, max_backoff_ns);
}

task_event event_of(task_event_kind what, unix_ns now, std::string detail = {}, std::string user = {}) {
  task_event out;
  out.what = what;
  out.at = now;
  out.detail = std::move(detail);
  out.user = std::move(user);
  return out;
}

failure not_now(const task_state& state, std::string_view verb) {
  return {ec::invalid_input,
          fmt::format("task {} is {}; it can't be {}", state.spec.id, to_string(state.status), verb)};
}

void begin_call(task_state& state, const task_event& event) {
  if (state.status == s::undoing)
    state.undo_attempts = event.attempt;
  else
    state.attempts = event.attempt;
  state.again_at = 0;
  state.started_on = event.node;
}

void take_effect(task_state& state, const task_event& event, const action* what) {
  state.output = event.output;
  state.effect_at = event.at;
  const bool reversible = what != nullptr && what->effect == action_effect::reversible;
  if (reversible && state.spec.duration_s > 0)
    state.expires_at = event.at + state.spec.duration_s * ns_per_s;
  state.verify_pending = what != nullptr && what->verify.has_value();
}

void take_approval(task_state& state, const task_event& event) {
  auto& people = state.approved_by;
  if (std::find(people.begin(), people.end(), event.user) == people.end())
    people.push_back(event.user);
  if (people.size() >= std::max<std::size_t>(1, state.people_needed))
    state.status = s::pending;
}

void begin_undo(task_state& state, const task_event& event, task_status before) {
  state.before_undo = before == s::unknown ? s::done : before;
  state.by_expiry = event.by_expiry;
  state.undo_by_person = !event.user.empty();
  state.undo_user = event.user;
  state.undo_attempts = 0;
  state.again_at = 0;
  state.verify_pending = false;
}

/// Another attempt would repeat something that may have happened.
bool may_repeat(const action* what) {
  return what != nullptr && what->repeat != idempotency::none;
}

} // namespace

std::string_view to_string(task_status status) {
  return status_names[static_cast<std::size_t>(status) % 13];
}

bool is_final(task_status status) {
  return status == s::failed || status == s::undone || status == s::expired || status == s::refused ||
         status == s::cancelled || status == s::observed;
}

bool is_settled(const task_state& state) {
  return is_final(state.status) || state.status == s::verified || (state.status == s::done && !state.verify_pending);
}

bool is_over(const task_state& state, const action* what) {
  if (is_final(state.status))
    return true;
  const bool stands = state.status == s::verified || (state.status == s::done && !state.verify_pending);
  return stands && what != nullptr && what->effect != action_effect::reversible;
}

std::optional<task_status> next_status(task_status from, task_event_kind what) {
  for (const auto& m : moves)
    if (m.from == from && m.what == what)
      return m.to;
  return std::nullopt;
}

void apply(task_state& state, const task_event& event, const action* what) {
  if (event.spec && !state.exists) {
    state.spec = *event.spec;
    state.exists = true;
    state.created_at = state.changed_at = event.at;
  }
  const auto before = state.status;
  const auto to = next_status(before, event.what);
  if (!state.exists || !to)
    return;
  state.status = *to;
  state.changed_at = event.at;
  if (!event.detail.empty())
    state.detail = event.detail;
  switch (event.what) {
  case e::approval_asked:
    if (before == s::running) // asked again after a restart: the call of that attempt was never made
      --state.attempts;
    state.decide_by = event.until;
    state.for_veto = event.for_veto;
    state.people_needed = event.people_needed;
    break;
  case e::approved:
    take_approval(state, event);
    break;
  case e::veto_passed:
    state.veto_passed = true;
    break;
  case e::started:
    begin_call(state, event);
    break;
  case e::succeeded:
    take_effect(state, event, what);
    break;
  case e::attempt_failed:
    state.again_at = event.until;
    break;
  case e::unseen:
    // Answered as done: that it can't be read for a while makes it no less so.
    state.verify_pending = ++state.unseen < max_sightings;
    state.again_at = event.until;
    break;
  case e::postponed:
    state.again_at = event.until;
    break;
  case e::in_effect:
    if (before == s::unknown)
      take_effect(state, event, what);
    state.verify_pending = false;
    break;
  case e::undo_begun:
    begin_undo(state, event, before);
    break;
  case e::undone:
    state.status = state.by_expiry ? s::expired : s::undone;
    break;
  case e::undo_failed:
    state.status = state.before_undo;
    state.expires_at = 0;
    break;
  case e::resolved:
    if (event.output == false)
      state.status = s::failed;
    else
      take_effect(state, event, what);
    state.verify_pending = false;
    break;
  default:
    break;
  }
}

task_step next_step(const task_state& state, unix_ns now, bool call_in_flight) {
  using kind = task_step::kind;
  if (!state.exists || call_in_flight)
    return {};
  switch (state.status) {
  case s::pending:
    return state.again_at > now ? task_step{kind::wait, state.again_at} : task_step{kind::ask_gate};
  case s::waiting_approval:
    return {kind::wait, state.decide_by};
  case s::running:
    return state.again_at > now ? task_step{kind::wait, state.again_at} : task_step{kind::recover};
  case s::undoing:
    if (state.again_at > now)
      return {kind::wait, state.again_at, true};
    // After `started` without an answer the call is in doubt; before it, or after a failed attempt, the gate is asked.
    return state.undo_attempts > 0 && state.again_at == 0 ? task_step{kind::recover, 0, true}
                                                          : task_step{kind::ask_gate, 0, true};
  case s::done:
    if (state.verify_pending)
      return state.again_at > now ? task_step{kind::wait, state.again_at} : task_step{kind::read_back};
    [[fallthrough]];
  case s::verified:
    return state.expires_at > 0 ? task_step{kind::wait, state.expires_at} : task_step{};
  default:
    return {};
  }
}

std::optional<unix_ns> rests_until(const task_state& state, const action* what, unix_ns now) {
  if (!state.exists || is_over(state, what) || due(state, what, now))
    return std::nullopt;
  const auto next = next_step(state, now, false);
  if (next.what == task_step::kind::none)
    return 0;
  const bool far = next.what == task_step::kind::wait && (next.until == 0 || next.until > now + shortest_rest_ns);
  return far ? std::optional(next.until) : std::nullopt;
}

std::optional<task_event> due(const task_state& state, const action* what, unix_ns now) {
  if (state.status == s::waiting_approval && state.decide_by > 0 && now >= state.decide_by)
    return state.for_veto ? event_of(e::veto_passed, now, "nobody objected in time")
                          : event_of(e::approval_lapsed, now, "nobody approved in time");
  const bool stands = state.status == s::done || state.status == s::verified;
  if (!stands || state.expires_at == 0 || now < state.expires_at)
    return std::nullopt;
  if (what != nullptr && what->expiry == expiry_by::target)
    return event_of(e::expired, now, "its time was up; the target ended it");
  auto event = event_of(e::undo_begun, now, "its time is up");
  event.by_expiry = true;
  return event;
}

result<std::vector<task_event>> approve(const task_state& state, const std::string& user, const std::string& reason,
                                        unix_ns now) {
  if (state.status != s::waiting_approval)
    return not_now(state, "approved");
  if (std::find(state.approved_by.begin(), state.approved_by.end(), user) != state.approved_by.end())
    return failure{ec::conflict, fmt::format("{} has approved already; it needs {} people", user, state.people_needed)};
  return std::vector{event_of(e::approved, now, reason, user)};
}

result<std::vector<task_event>> reject(const task_state& state, const std::string& user, const std::string& reason,
                                       unix_ns now) {
  if (state.status != s::waiting_approval)
    return not_now(state, "rejected");
  return std::vector{event_of(e::rejected, now, fmt::format("rejected by {}: {}", user, reason), user)};
}

result<std::vector<task_event>> cancel(const task_state& state, const std::string& user, const std::string& reason,
                                       unix_ns now) {
  if (state.status != s::pending && state.status != s::waiting_approval)
    return not_now(state, "cancelled");
  return std::vector{event_of(e::cancelled, now, fmt::format("cancelled by {}: {}", user, reason), user)};
}

result<std::vector<task_event>> undo(const task_state& state, const action* what, const std::string& user,
                                     const std::string& reason, unix_ns now) {
  if (state.status != s::done && state.status != s::verified && state.status != s::unknown)
    return not_now(state, "undone");
  if (what == nullptr || what->effect != action_effect::reversible)
    return failure{ec::invalid_input, fmt::format("'{}' can't be undone", state.spec.action)};
  return std::vector{
      event_of(e::undo_begun, now, fmt::format("undone by {}: {}", user.empty() ? "its run" : user, reason), user)};
}

result<std::vector<task_event>> resolve(const task_state& state, bool happened, const std::string& user,
                                        const std::string& reason, unix_ns now) {
  if (state.status != s::unknown)
    return not_now(state, "resolved");
  auto event =
      event_of(e::resolved, now, fmt::format("{} found it {}: {}", user, happened ? "done" : "not done", reason), user);
  event.output = happened;
  return std::vector{std::move(event)};
}

task_event judged(const task_state& state, const action* what, const call_outcome& answer, unix_ns now) {
  const bool undoing = state.status == s::undoing;
  const auto attempt = undoing ? state.undo_attempts : state.attempts;
  using kind = call_outcome::kind;
  auto out = event_of(e::succeeded, now, answer.detail);
  out.attempt = attempt;
  out.output = answer.output;
  // A call without an answer may be repeated only where repeating does no harm.
  const bool again = answer.what == kind::transient || (answer.what == kind::unknown && may_repeat(what));
  if (answer.what == kind::succeeded)
    out.what = undoing ? e::undone : e::succeeded;
  else if (again && undoing) {
    // An undo is owed: it is tried until it works or a person ends it.
    out.what = e::attempt_failed;
    out.until = now + (attempt < state.spec.attempts ? backoff_ns(state.spec, attempt) : undo_retry_ns);
  } else if (again && attempt < state.spec.attempts) {
    out.what = e::attempt_failed;
    out.until = now + backoff_ns(state.spec, attempt);
  } else if (answer.what == kind::unknown)
    out.what = undoing ? e::undo_doubtful : e::doubtful;
  else
    out.what = undoing ? e::undo_failed : e::failed;
  return out;
}

std::string idempotency_key(const task_state& state, bool undo) {
  return state.spec.id + (undo ? "-undo" : "");
}

std::vector<std::string> grants_of(const task_state& state) {
  std::vector<std::string> out{idempotency_key(state, false)};
  if (state.undo_attempts > 0)
    out.push_back(idempotency_key(state, true));
  return out;
}

nlohmann::json inverse_parameters(const task_state& state, const action& inverse) {
  nlohmann::json given = nlohmann::json::object();
  for (const auto& p : inverse.parameters) {
    // What the action was called with; else what it answered, such as the id of the rule it made.
    if (const auto at = state.spec.parameters.find(p.name); at != state.spec.parameters.end())
      given[p.name] = *at;
    else if (state.output.is_object() && state.output.contains(p.name))
      given[p.name] = state.output[p.name];
  }
  const auto checked = checked_parameters(inverse, given);
  return checked ? *checked : given;
}

gate_request request_of(const task_state& state, const action& what, const action* inverse, bool undo) {
  const auto& spec = state.spec;
  gate_request out;
  out.id = idempotency_key(state, undo);
  out.tenant = spec.tenant;
  out.incident_id = spec.incident_id;
  out.run_id = spec.run_id;
  out.task_id = spec.id;
  out.asked_by = undo && state.undo_by_person ? "user:" + state.undo_user : spec.asked_by;
  out.by_person = undo ? state.undo_by_person : spec.by_person;
  out.component = spec.component;
  out.instance = spec.instance;
  out.target = spec.target;
  out.tags = spec.tags;
  out.mode = spec.mode;
  out.approved_by = state.approved_by;
  out.veto_passed = state.veto_passed;
  const action& call = undo && inverse != nullptr ? *inverse : what;
  out.action = call.name;
  out.effect = call.effect;
  out.inverse = undo ? std::string{} : what.inverse;
  out.cost = call.cost;
  out.touches_entity = !what.fits.empty();
  out.parameters = undo && inverse != nullptr ? inverse_parameters(state, *inverse) : spec.parameters;
  out.undo_of = undo ? idempotency_key(state, false) : std::string{};
  out.rate_most = undo ? 0 : call.rate_most;
  out.rate_per_s = undo ? 0 : call.rate_per_s;
  return out;
}

std::optional<task_event> judged(const task_state& state, const gate_decision& decision, bool undo, unix_ns now) {
  auto out = event_of(e::refused, now, decision.explain());
  const auto because = [&](std::string_view code) {
    return std::any_of(decision.reasons.begin(), decision.reasons.end(), [&](const auto& r) { return r.code == code; });
  };
  switch (decision.what) {
  case verdict::allow:
    return std::nullopt;
  case verdict::dry_run:
    out.what = e::observed;
    break;
  case verdict::wait_for_approval:
  case verdict::wait_for_veto:
    out.what = e::approval_asked;
    out.for_veto = decision.what == verdict::wait_for_veto;
    out.people_needed = decision.people_needed;
    out.until = now + (out.for_veto ? state.spec.veto_s : state.spec.approve_within_s) * ns_per_s;
    break;
  case verdict::later:
    out.what = e::postponed;
    out.until = std::max(decision.again_at, now + 100 * ns_per_ms);
    break;
  case verdict::refuse:
    if (!undo)
      break;
    // Somebody else wants the effect: this task lets go of it without a call.
    out.what = because("still_wanted") ? e::undone : because("nothing_to_undo") ? e::undo_failed : e::postponed;
    out.until = now + undo_retry_ns;
    break;
  }
  return out;
}

} // namespace soc::response
