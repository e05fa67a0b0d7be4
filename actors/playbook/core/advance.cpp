#include "playbook/core/advance.hpp"

#include "base/json_template.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::playbook {

using nlohmann::json;

namespace {

constexpr std::size_t max_items = 10'000;
constexpr std::size_t max_frames = 20'000;
constexpr unix_ns max_retry_wait_ns = 600 * ns_per_s;

std::vector<std::string> edges_of(const step& s) {
  std::vector<std::string> out = s.to;
  for (const auto& c : s.choices)
    out.push_back(c.next);
  if (!s.next.empty())
    out.push_back(s.next);
  if (!s.error_step.empty())
    out.push_back(s.error_step);
  return out;
}

std::size_t arrivals_expected(const block& b, const std::string& id) {
  std::size_t out = id == b.steps.front().id ? 1 : 0;
  for (const auto& s : b.steps)
    for (const auto& to : edges_of(s))
      out += to == id ? 1 : 0;
  return out;
}

bool is_over(step_status s) {
  return s == step_status::done || s == step_status::skipped || s == step_status::failed || s == step_status::halted;
}

bool worth_another_try(const retry_policy& retry, const std::string& error) {
  return retry.on.empty() || std::any_of(retry.on.begin(), retry.on.end(),
                                         [&](const auto& word) { return error.find(word) != std::string::npos; });
}

} // namespace

const step* advancer::find(const std::string& path, std::string& scope) const {
  const auto cut = path.rfind('/');
  scope = cut == std::string::npos ? std::string{} : path.substr(0, cut + 1);
  const auto at = state_.frames.find(scope);
  return at == state_.frames.end() ? nullptr : at->second.body->find(path.substr(scope.size()));
}

void advancer::begin(const run_event& event, definition_cache& cache) {
  state_.begun = true;
  state_.begun_at = now_;
  state_.origin = event.origin.value_or(run_origin{});
  for (const auto& text : event.texts)
    if (auto d = cache.get(text)) {
      if (state_.playbook.empty()) {
        state_.playbook = d->name;
        state_.version = d->version;
      }
      state_.playbooks.emplace(d->name, std::move(d));
    }
  frame root;
  root.outer = "-";
  root.variables = {{"inputs", event.value}};
  const auto main = state_.playbooks.find(state_.playbook);
  if (main == state_.playbooks.end())
    return end_run(run_status::failed, "the playbook can't be read");
  root.owner = main->second;
  root.body = &root.owner->body;
  state_.frames.emplace("", std::move(root));
  if (!state_.origin.recommended)
    return start();
  state_.status = run_status::recommended;
  if (state_.origin.approve_within_s > 0)
    state_.decide_by = now_ + state_.origin.approve_within_s * ns_per_s;
}

void advancer::start() {
  state_.status = run_status::running;
  open_frame("", std::move(state_.frames.at("")));
}

/// Makes room for opening a scope again (its opener is tried once more). A finished action keeps its number, so that it
/// is found done when asked for again; any other gets a new one.
void advancer::forget(const std::string& scope) {
  for (auto at = state_.steps.lower_bound(scope); at != state_.steps.end() && at->first.starts_with(scope); ++at) {
    auto& a = at->second;
    const bool found_again = a.status == step_status::done && a.request && a.attempts > 0;
    const auto attempts = found_again ? a.attempts - 1 : a.attempts;
    a = {};
    a.attempts = attempts;
  }
}

void advancer::open_frame(const std::string& scope, frame opened) {
  const block& body = *opened.body;
  if (!scope.empty())
    forget(scope);
  state_.frames[scope] = std::move(opened);
  for (const auto& s : body.steps) // nothing leads there
    if (arrivals_expected(body, s.id) == 0)
      skip(scope, s);
  arrive(scope, body.steps.front().id, true);
  close_if_over(scope);
}

void advancer::arrive(const std::string& scope, const std::string& id, bool live) {
  if (id == "end")
    return;
  const auto& body = *state_.frames.at(scope).body;
  const auto* s = body.find(id);
  if (s == nullptr || state_.ended)
    return;
  auto& a = state_.steps[scope + id];
  (live ? a.live : a.dead) += 1;
  if (a.status != step_status::idle)
    return;
  const auto expected = arrivals_expected(body, id);
  const bool all_here = a.live + a.dead >= expected;
  if (s->kind != step_kind::join) {
    if (a.live > 0)
      activate(scope, *s);
    else if (all_here)
      skip(scope, *s);
    return;
  }
  if (s->need > 0 ? a.live >= s->need : all_here && a.live > 0)
    activate(scope, *s);
  else if (all_here && a.live == 0)
    skip(scope, *s);
  else if (all_here)
    fail(scope, *s, fmt::format("only {} of {} ways arrived", a.live, s->need));
}

void advancer::activate(const std::string& scope, const step& s) {
  auto& a = state_.steps[scope + s.id];
  a.status = step_status::active;
  a.attempts += 1;
  a.since = now_;
  a.due = s.timeout_s > 0 ? now_ + s.timeout_s * ns_per_s : 0;
  a.again_at = 0;
  switch (s.kind) {
  case step_kind::action:
    return begin_action(scope, s, a);
  case step_kind::condition:
  case step_kind::branch:
    return choose(scope, s);
  case step_kind::parallel:
    a.status = step_status::done;
    return leave(scope, s, s.to);
  case step_kind::join:
    return finish(scope, s, json{{"arrived", a.live}});
  case step_kind::for_each:
    return begin_for_each(scope, s, a);
  case step_kind::wait:
    return begin_wait(scope, s, a);
  case step_kind::approval:
    return; // waits
  case step_kind::sub_playbook:
    return begin_sub_playbook(scope, s, a);
  case step_kind::transform:
    if (!s.program.empty())
      return begin_transform(scope, s, a);
    [[fallthrough]];
  case step_kind::set_output:
  case step_kind::end:
    return set_values(scope, s);
  }
}

void advancer::begin_action(const std::string& scope, const step& s, activation& a) {
  const auto names = scope_of(scope);
  auto request =
      expand(json{{"with", s.parameters}, {"on", s.where}, {"target", s.target}, {"for", s.duration}}, names);
  if (!request)
    return fail(scope, s, request.error().what);
  const auto& given = (*request)["for"];
  const auto stands = given.is_null() ? std::optional<std::int64_t>(0) : duration_s(given);
  if (!stands)
    return fail(scope, s, fmt::format("'{}' is no duration", json_to_text(given)));
  a.request = action_request{s.action, (*request)["with"], (*request)["on"], (*request)["target"], *stands};
}

void advancer::begin_transform(const std::string& scope, const step& s, activation& a) {
  auto names = scope_of(scope);
  auto input = s.parameters.is_null() ? result<json>(std::move(names)) : expand(s.parameters, names);
  if (!input)
    return fail(scope, s, input.error().what);
  a.compute = compute_request{s.program, std::move(input).take()};
}

void advancer::begin_for_each(const std::string& scope, const step& s, activation& a) {
  auto items = expand(s.items, scope_of(scope));
  if (!items)
    return fail(scope, s, items.error().what);
  if (!items->is_array())
    return fail(scope, s, fmt::format("for_each needs a list, not {}", items->type_name()));
  if (items->size() > max_items || state_.frames.size() + items->size() > max_frames)
    return fail(scope, s, fmt::format("{} items; the limit is {}", items->size(), max_items));
  a.items.assign(items->begin(), items->end());
  a.begun = a.finished = 0;
  a.output = json{{"results", json::array()}};
  for (std::size_t i = 0; i < a.items.size(); ++i)
    a.output["results"].push_back(nullptr);
  if (a.items.empty())
    return finish(scope, s, a.output);
  begin_items(scope + s.id, s);
}

void advancer::begin_items(const std::string& path, const step& s) {
  // An item that ends at once comes back here before the next has begun: it is counted, and the loop below goes on.
  // Otherwise thousands of them would be as many calls deep.
  if (!beginning_items_.insert(path).second)
    return;
  begin_items_one_by_one(path, s);
  beginning_items_.erase(path);
}

void advancer::begin_items_one_by_one(const std::string& path, const step& s) {
  std::string scope;
  find(path, scope);
  // Bodies that end at once may finish the step from within: look again each time.
  while (!state_.ended) {
    auto& a = state_.steps.at(path);
    if (a.status != step_status::active || a.begun >= a.items.size() || a.begun - a.finished >= s.max_parallel)
      return;
    const auto index = a.begun++;
    frame item;
    item.owner = state_.frames.at(scope).owner;
    item.body = s.body.get();
    item.parent = path;
    item.outer = scope;
    item.variables = {{s.as, a.items[index]}, {"index", index}};
    open_frame(fmt::format("{}[{}]/", path, index), std::move(item));
  }
}

void advancer::begin_wait(const std::string& scope, const step& s, activation& a) {
  if (s.duration.is_null())
    return; // only for a signal
  auto given = expand(s.duration, scope_of(scope));
  const auto seconds = given ? duration_s(*given) : std::nullopt;
  if (!seconds)
    return fail(scope, s, given ? fmt::format("'{}' is no duration", json_to_text(*given)) : given.error().what);
  a.due = now_ + *seconds * ns_per_s;
}

void advancer::begin_sub_playbook(const std::string& scope, const step& s, activation&) {
  const auto at = state_.playbooks.find(s.playbook);
  if (at == state_.playbooks.end())
    return fail(scope, s, fmt::format("there is no playbook '{}'", s.playbook));
  if (std::count(scope.begin(), scope.end(), '/') > 16 || state_.frames.size() >= max_frames)
    return fail(scope, s, "playbooks are nested too deeply");
  auto given = expand(s.parameters, scope_of(scope));
  if (!given)
    return fail(scope, s, given.error().what);
  auto inputs = checked_inputs(*at->second, *given);
  if (!inputs)
    return fail(scope, s, inputs.error().what);
  frame sub;
  sub.owner = at->second;
  sub.body = &at->second->body;
  sub.parent = scope + s.id;
  sub.outer = "-";
  sub.variables = {{"inputs", std::move(inputs).take()}};
  open_frame(scope + s.id + "/", std::move(sub));
}

void advancer::choose(const std::string& scope, const step& s) {
  const auto names = scope_of(scope);
  std::vector<std::string> live;
  std::string otherwise = s.next;
  for (const auto& c : s.choices) {
    if (!c.when)
      otherwise = c.next;
    else if (c.when->matches(names) && (s.kind == step_kind::branch || live.empty()))
      live.push_back(c.next);
  }
  if (live.empty() && !otherwise.empty())
    live.push_back(otherwise);
  auto& a = state_.steps[scope + s.id];
  a.status = step_status::done;
  a.output = json{{"chosen", live}};
  leave(scope, s, live);
}

void advancer::set_values(const std::string& scope, const step& s) {
  auto values = expand(s.parameters, scope_of(scope));
  if (!values)
    return fail(scope, s, values.error().what);
  if (s.failed_end) {
    state_.steps[scope + s.id].status = step_status::failed;
    return end_run(run_status::failed, json_to_text(*values));
  }
  auto& output = state_.frames.at(scope).output;
  if (s.kind == step_kind::set_output)
    output.update(*values);
  else if (s.kind == step_kind::end && values->is_object())
    output.update(*values);
  else if (s.kind == step_kind::end && !values->is_null())
    output["result"] = *values;
  finish(scope, s, std::move(values).take());
}

void advancer::finish(const std::string& scope, const step& s, json output) {
  auto& a = state_.steps[scope + s.id];
  a.status = step_status::done;
  a.output = std::move(output);
  a.due = 0;
  a.compute.reset();
  note_effect(scope + s.id, a);
  leave(scope, s, {s.next});
}

/// Whatever was asked for may have done something, also when it failed at one of several instances, or when the run did
/// not wait for its answer. Undoing what did nothing is harmless.
void advancer::note_effect(const std::string& path, const activation& a) {
  if (a.request && std::find(state_.effects.begin(), state_.effects.end(), path) == state_.effects.end())
    state_.effects.push_back(path);
}

void advancer::fail(const std::string& scope, const step& s, std::string error) {
  const auto path = scope + s.id;
  auto& a = state_.steps[path];
  a.error = error;
  a.due = 0;
  note_effect(path, a);
  if (a.attempts < s.retry.attempts && worth_another_try(s.retry, error)) {
    unix_ns wait = s.retry.backoff_ms * ns_per_ms;
    for (std::uint32_t i = 1; i < a.attempts && wait < max_retry_wait_ns; ++i)
      wait *= 2;
    a.status = step_status::backing_off;
    a.again_at = now_ + std::min(wait, max_retry_wait_ns);
    return halt(path);
  }
  a.status = step_status::failed;
  halt(path);
  if (s.error == on_error::fail) {
    const auto parent = state_.frames.at(scope).parent;
    if (parent.empty())
      return end_run(run_status::failed, fmt::format("step '{}': {}", path, error));
    std::string outer;
    const auto* opener = find(parent, outer);
    return fail(outer, *opener, fmt::format("step '{}': {}", path, error));
  }
  leave(scope, s, {s.error == on_error::go_on ? s.next : s.error_step});
}

void advancer::leave(const std::string& scope, const step& s, const std::vector<std::string>& live) {
  auto left = live;
  for (const auto& to : edges_of(s)) {
    const auto at = std::find(left.begin(), left.end(), to);
    const bool leads = at != left.end();
    if (leads)
      left.erase(at);
    arrive(scope, to, leads);
    if (state_.ended)
      return;
  }
  close_if_over(scope);
}

void advancer::skip(const std::string& scope, const step& s) {
  state_.steps[scope + s.id].status = step_status::skipped;
  for (const auto& to : edges_of(s))
    arrive(scope, to, false);
}

void advancer::close_if_over(const std::string& scope) {
  const auto at = state_.frames.find(scope);
  if (at == state_.frames.end() || at->second.closed || state_.ended)
    return;
  for (const auto& s : at->second.body->steps) {
    const auto a = state_.steps.find(scope + s.id);
    if (a == state_.steps.end() || !is_over(a->second.status))
      return;
  }
  at->second.closed = true;
  close_frame(scope);
}

void advancer::close_frame(const std::string& scope) {
  const auto& closed = state_.frames.at(scope);
  const auto output = closed.output;
  if (closed.parent.empty()) {
    state_.output = output;
    return end_run(run_status::completed, {});
  }
  const auto parent = closed.parent;
  std::string outer;
  const auto* opener = find(parent, outer);
  auto& a = state_.steps.at(parent);
  if (a.status != step_status::active)
    return;
  if (opener->kind == step_kind::sub_playbook)
    return finish(outer, *opener, output);
  const auto open = scope.rfind('[');
  const auto index = std::stoul(scope.substr(open + 1));
  a.output["results"][index] = output;
  if (++a.finished == a.items.size())
    return finish(outer, *opener, a.output);
  begin_items(parent, *opener);
}

void advancer::halt(const std::string& under) {
  for (auto& [path, a] : state_.steps) {
    const bool inside = under.empty() || (path.size() > under.size() && path.starts_with(under) &&
                                          (path[under.size()] == '/' || path[under.size()] == '['));
    if (!inside || (a.status != step_status::active && a.status != step_status::backing_off))
      continue;
    a.status = step_status::halted;
    note_effect(path, a);
  }
}

void advancer::end_run(run_status status, std::string reason) {
  state_.ended = true;
  state_.reason = std::move(reason);
  halt("");
  const auto& main = state_.playbooks.find(state_.playbook);
  if (status != run_status::failed || main == state_.playbooks.end()) {
    state_.status = status;
    return;
  }
  for (const auto& path : state_.effects) {
    std::string scope;
    const auto* s = find(path, scope);
    if (s != nullptr && (s->compensate || main->second->undo_on_failure))
      state_.to_compensate.push_back(path);
  }
  state_.status = state_.to_compensate.empty() ? run_status::failed : run_status::compensating;
}

void advancer::compensated(const std::string& path, bool ok, const std::string& detail) {
  std::erase(state_.to_compensate, path);
  std::erase(state_.effects, path);
  if (!ok)
    state_.reason += fmt::format("; '{}' could not be undone: {}", path, detail);
  if (state_.to_compensate.empty())
    state_.status = run_status::failed;
}

void advancer::answer(const std::string& path, bool ok, const json& output, const std::string& error) {
  std::string scope;
  const auto* s = find(path, scope);
  if (s == nullptr)
    return;
  if (ok)
    finish(scope, *s, output);
  else {
    state_.steps.at(path).output = output;
    fail(scope, *s, error);
  }
}

void advancer::tick() {
  if (state_.status == run_status::recommended && state_.decide_by != 0 && state_.decide_by <= now_)
    return cancel("nobody began it in time");
  // Timers fire in the order of their times, whatever the order of paths: it must not matter how late the tick came.
  while (state_.status == run_status::running) {
    std::string first;
    unix_ns earliest = 0;
    for (const auto& [path, a] : state_.steps) {
      const auto at = a.status == step_status::backing_off ? a.again_at : a.status == step_status::active ? a.due : 0;
      if (at != 0 && at <= now_ && (earliest == 0 || at < earliest)) {
        earliest = at;
        first = path;
      }
    }
    if (earliest == 0)
      return;
    fire_due(first);
  }
}

void advancer::fire_due(const std::string& path) {
  std::string scope;
  const auto* s = find(path, scope);
  auto& a = state_.steps.at(path);
  if (a.status == step_status::backing_off)
    return activate(scope, *s);
  a.due = 0;
  if (s->kind == step_kind::wait && s->signal.empty())
    return finish(scope, *s, json::object());
  fail(scope, *s, s->kind == step_kind::approval ? "nobody approved in time" : "timed out");
}

void advancer::approve(const std::string& path, const std::string& user) {
  std::string scope;
  const auto* s = find(path, scope);
  auto& a = state_.steps.at(path);
  a.approved_by.insert(user);
  if (a.approved_by.size() >= s->people)
    finish(scope, *s, json{{"approved_by", a.approved_by}});
}

void advancer::reject(const std::string& path, const std::string& why) {
  if (state_.status == run_status::recommended)
    return cancel(why);
  std::string scope;
  const auto* s = find(path, scope);
  fail(scope, *s, why);
}

void advancer::signal(const std::string& name, const json& payload) {
  std::vector<std::string> waiting;
  for (const auto& [path, a] : state_.steps)
    if (a.status == step_status::active)
      waiting.push_back(path);
  for (const auto& path : waiting) {
    std::string scope;
    const auto* s = find(path, scope);
    if (s != nullptr && s->kind == step_kind::wait && s->signal == name &&
        state_.steps.at(path).status == step_status::active)
      finish(scope, *s, json{{"signal", name}, {"payload", payload}});
  }
}

void advancer::cancel(const std::string& why) {
  state_.to_compensate.clear();
  end_run(run_status::cancelled, why);
}

void advancer::retry() {
  state_.ended = false;
  state_.status = run_status::running;
  state_.reason.clear();
  state_.to_compensate.clear();
  std::vector<std::string> again;
  for (auto& [path, a] : state_.steps) {
    std::string scope;
    const auto* s = find(path, scope);
    if (s == nullptr || (a.status != step_status::failed && a.status != step_status::halted) ||
        (a.status == step_status::failed && s->error != on_error::fail))
      continue;
    // What opened inner scopes goes on with them; what asked or waited does so anew.
    a.status = step_status::active;
    if (s->kind != step_kind::for_each && s->kind != step_kind::sub_playbook)
      again.push_back(path);
  }
  for (const auto& path : again) {
    std::string scope;
    const auto* s = find(path, scope);
    activate(scope, *s);
  }
}

json advancer::scope_of(const std::string& scope) const {
  json out = json::object();
  json steps = json::object();
  std::string at = scope;
  while (at != "-") {
    const auto& f = state_.frames.at(at);
    for (const auto& item : f.variables.items())
      if (!out.contains(item.key()))
        out[item.key()] = item.value();
    for (const auto& s : f.body->steps) {
      const auto a = state_.steps.find(at + s.id);
      if (a == state_.steps.end() || a->second.status == step_status::idle || steps.contains(s.id))
        continue;
      steps[s.id] = json{{"status", to_string(a->second.status)}, {"output", a->second.output}};
      if (!a->second.error.empty())
        steps[s.id]["error"] = a->second.error;
    }
    at = f.outer;
  }
  out["steps"] = std::move(steps);
  out["run"] = json{{"id", state_.origin.run_id},
                    {"incident_id", state_.origin.incident_id},
                    {"mode", state_.origin.mode},
                    {"rule", state_.origin.rule},
                    {"reason", state_.origin.reason}};
  return out;
}

} // namespace soc::playbook
