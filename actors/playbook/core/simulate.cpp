#include "playbook/core/simulate.hpp"

#include "base/json_template.hpp"
#include "base/yaml_json.hpp"
#include "base/yaml_text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::playbook {

using nlohmann::json;

namespace {

constexpr unix_ns simulated_start = 1'700'000'000 * ns_per_s;
constexpr int max_moves = 100'000;

std::string bare_id(const std::string& path) {
  return path.substr(path.rfind('/') == std::string::npos ? 0 : path.rfind('/') + 1);
}

scripted_answer answer_from(const json& node) {
  scripted_answer out;
  out.ok = node.value("ok", true);
  if (node.contains("output"))
    out.output = node["output"];
  out.error = node.value("error", out.ok ? "" : "failed");
  return out;
}

/// Moves one run on, answering as the case says.
class simulation {
public:
  simulation(const std::vector<std::string>& texts, const playbook_case& given, const simulation_hooks& hooks)
      : given_(given), hooks_(hooks) {
    run_event begun;
    begun.what = run_event_kind::begun;
    begun.texts = texts;
    begun.value = given.inputs;
    begun.origin = run_origin{.run_id = "case", .incident_id = "case", .mode = "observe"};
    hear(std::move(begun));
  }

  simulated_run run() {
    for (int moves = 0; moves < max_moves && !is_final(out_.state.status) && move(); ++moves) {
    }
    return std::move(out_);
  }

private:
  void hear(run_event event) {
    event.at = now_;
    const auto events = decide(out_.state, std::move(event));
    if (!events)
      return;
    for (const auto& e : *events)
      apply(out_.state, e, cache_);
  }

  bool move() {
    const auto open = outstanding_of(out_.state);
    if (!open.undo.empty())
      return undo(open.undo.front());
    if (!open.compute.empty())
      return compute(open.compute.front());
    if (!open.invoke.empty())
      return answer(open.invoke.front());
    if (!open.wait_for_people.empty())
      return decide_approval(open.wait_for_people.front());
    if (open.next_due == 0)
      return false; // waits for a signal that no case gives
    now_ = std::max(now_, open.next_due);
    run_event tick;
    tick.what = run_event_kind::ticked;
    hear(std::move(tick));
    return true;
  }

  bool undo(const std::string& path) {
    if (worked_.contains(path)) // else it has left nothing
      out_.undone.push_back(path);
    run_event done;
    done.what = run_event_kind::compensated;
    done.path = path;
    done.ok = true;
    hear(std::move(done));
    return true;
  }

  bool answer(const outstanding::invocation& wish) {
    const auto& r = *wish.request;
    out_.actions.push_back({wish.path, r.action, r.parameters, r.where, r.target, r.duration_s});
    const auto by_hook = hooks_.answer ? hooks_.answer(out_.actions.back()) : std::nullopt;
    const auto scripted = by_hook ? *by_hook : answer_for(wish.path);
    if (scripted.ok)
      worked_.insert(wish.path);
    run_event answered;
    answered.what = run_event_kind::answered;
    answered.path = wish.path;
    answered.attempt = wish.attempt;
    answered.ok = scripted.ok;
    answered.value = scripted.output;
    answered.text = scripted.error;
    hear(std::move(answered));
    return true;
  }

  bool compute(const outstanding::computation& wish) {
    auto value = expand_computed(json{{"jq", wish.request->program}}, wish.request->input, hooks_.jq);
    run_event answered;
    answered.what = run_event_kind::answered;
    answered.path = wish.path;
    answered.attempt = wish.attempt;
    answered.ok = static_cast<bool>(value);
    answered.value = value ? std::move(value).take() : json();
    answered.text = answered.ok ? "" : value.error().what;
    hear(std::move(answered));
    return true;
  }

  bool decide_approval(const std::string& path) {
    run_event said;
    said.what = given_.rejected.contains(bare_id(path)) ? run_event_kind::rejected : run_event_kind::approved;
    said.path = path;
    said.user = fmt::format("person-{}", ++people_);
    said.text = "as the case says";
    hear(std::move(said));
    return true;
  }

  scripted_answer answer_for(const std::string& path) {
    auto at = given_.answers.find(path);
    if (at == given_.answers.end())
      at = given_.answers.find(bare_id(path));
    if (at == given_.answers.end() || at->second.empty())
      return {};
    const auto used = used_[path]++;
    return at->second[std::min(used, at->second.size() - 1)];
  }

  const playbook_case& given_;
  const simulation_hooks& hooks_;
  definition_cache cache_;
  simulated_run out_;
  unix_ns now_ = simulated_start;
  std::map<std::string, std::size_t> used_;
  std::set<std::string> worked_; ///< actions that succeeded
  int people_ = 0;
};

/// What is expected must be there; more may be.
bool contains(const json& whole, const json& expected) {
  if (expected.is_object()) {
    if (!whole.is_object())
      return false;
    for (const auto& item : expected.items())
      if (!whole.contains(item.key()) || !contains(whole[item.key()], item.value()))
        return false;
    return true;
  }
  return whole == expected || json_to_text(whole) == json_to_text(expected);
}

json action_json(const asked_action& a) {
  return {{"step", a.step}, {"action", a.action}, {"with", a.parameters},
          {"on", a.where},  {"target", a.target}, {"duration_s", a.duration_s}};
}

} // namespace

std::optional<playbook_case> load_case(const std::string& file, const std::string& text, diagnostics& found) {
  const auto before = found.errors();
  const auto yaml = parse_yaml(file, text, "PLB040", found);
  if (yaml.documents.size() != 1)
    return std::nullopt;
  playbook_case out;
  out.file = file;
  yaml_map_reader r(file, yaml.documents[0], "case", "PLB041", found);
  out.title = r.required_text("title");
  if (auto inputs = yaml_to_json(r.get("inputs")); inputs.is_object())
    out.inputs = std::move(inputs);
  const auto answers = yaml_to_json(r.get("answers"));
  if (answers.is_object())
    for (const auto& item : answers.items()) {
      const auto list = item.value().is_array() ? item.value() : json::array({item.value()});
      for (const auto& one : list)
        if (one.is_object())
          out.answers[item.key()].push_back(answer_from(one));
    }
  for (const auto& step : r.texts("reject"))
    out.rejected.insert(step);
  out.expect = yaml_to_json(r.get("expect"));
  if (!out.expect.is_object())
    found.error("PLB042", r.place(), "the case expects nothing", "add `expect:` with status, actions or output");
  r.reject_unknown();
  return found.errors() == before ? std::optional(std::move(out)) : std::nullopt;
}

simulated_run simulate(const std::vector<std::string>& texts, const playbook_case& given,
                       const simulation_hooks& hooks) {
  return simulation(texts, given, hooks).run();
}

std::vector<std::string> differences(const playbook_case& given, const simulated_run& run) {
  std::vector<std::string> out;
  const auto& expect = given.expect;
  const auto status = std::string(to_string(run.state.status));
  if (expect.contains("status") && expect["status"] != status)
    out.push_back(fmt::format("status is {} ({}), not {}", status, run.state.reason, json_to_text(expect["status"])));
  if (expect.contains("reason") && run.state.reason.find(json_to_text(expect["reason"])) == std::string::npos)
    out.push_back(fmt::format("the reason '{}' lacks '{}'", run.state.reason, json_to_text(expect["reason"])));
  if (expect.contains("output") && !contains(run.state.output, expect["output"]))
    out.push_back(fmt::format("output is {}, not {}", run.state.output.dump(), expect["output"].dump()));
  if (expect.contains("undone") && json(run.undone) != expect["undone"])
    out.push_back(fmt::format("undone are {}, not {}", json(run.undone).dump(), expect["undone"].dump()));
  if (!expect.contains("actions"))
    return out;
  const auto& actions = expect["actions"];
  if (actions.size() != run.actions.size())
    out.push_back(fmt::format("{} actions were asked for, not {}", run.actions.size(), actions.size()));
  for (std::size_t i = 0; i < std::min(actions.size(), run.actions.size()); ++i)
    if (!contains(action_json(run.actions[i]), actions[i]))
      out.push_back(
          fmt::format("action {} is {}, not {}", i + 1, action_json(run.actions[i]).dump(), actions[i].dump()));
  return out;
}

json to_json(const simulated_run& run) {
  json actions = json::array(), steps = json::object();
  for (const auto& a : run.actions)
    actions.push_back(action_json(a));
  for (const auto& [path, a] : run.state.steps)
    steps[path] = to_string(a.status);
  return {{"status", to_string(run.state.status)}, {"reason", run.state.reason}, {"output", run.state.output},
          {"actions", std::move(actions)},         {"steps", std::move(steps)},  {"undone", run.undone}};
}

} // namespace soc::playbook
