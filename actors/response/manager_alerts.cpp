#include "response/manager_work.hpp"
#include "runtime/error.hpp"

#include <utility>

namespace soc::response {

namespace {

/// An answer or an error; `return` of it ends a handler.
template <class What>
void answer(caf::typed_response_promise<alert_answered>& promise, What what) {
  promise.deliver(std::move(what));
}

constexpr std::size_t max_early_alerts = 10'000;
constexpr std::size_t max_waiting_alerts = 100'000;

} // namespace

/// Answers when the runs that rules want for the alert are in their journals: whoever brought it keeps it until then.
void manager_work::take_alert(const model::alert_ptr& alert, alert_promise promise) {
  const auto content = shared_->content->get();
  if (!alert || !has_alert_rules(content->config))
    return answer(promise, alert_answered{});
  if (!at().recovered && at().early_alerts.size() < max_early_alerts) { // which runs there are is known soon
    at().early_alerts.emplace_back(alert, promise);
    return;
  }
  if (!at().recovered || at().alerts_of_run.size() >= max_waiting_alerts || !shared_->owns(alert->tenant, {}))
    return answer(promise, to_error(ec::unavailable, "the response can't take alerts of this tenant now"));
  std::vector<std::string> problems;
  const auto has_begun = [this](const std::string& id) {
    const auto run = at().runs.find(id);
    return run != at().runs.end() && run->second.view.status != "starting";
  };
  auto open = std::make_shared<open_alert>(open_alert{promise});
  for (const auto& wanted : wanted_runs_of_alert(content->config, *alert, self_->now(), has_begun, problems)) {
    if (!at().runs.contains(wanted.id))
      start_run(wanted);
    if (!at().runs.contains(wanted.id))
      continue; // its playbook has gone
    at().alerts_of_run.emplace(wanted.id, open);
    ++open->left;
    ++open->runs;
  }
  at().counters["rule_problems"] += problems.size();
  ++at().counters["alerts_looked_at"];
  if (open->left == 0)
    open->promise.deliver(alert_answered{});
}

void manager_work::settle_alerts(const std::string& run_id) {
  const auto [first, last] = at().alerts_of_run.equal_range(run_id);
  for (auto it = first; it != last; ++it)
    if (--it->second->left == 0)
      it->second->promise.deliver(alert_answered{it->second->runs});
  at().alerts_of_run.erase(first, last);
}

/// Its actor didn't start: what wanted the run shall want it again.
void manager_work::forget_unstarted(const std::string& run_id) {
  const auto run = at().runs.find(run_id);
  if (run == at().runs.end() || run->second.view.status != "starting")
    return;
  at().runs.erase(run);
  ++at().counters["runs_not_started"];
  const auto [first, last] = at().alerts_of_run.equal_range(run_id);
  for (auto it = first; it != last; ++it)
    if (std::exchange(it->second->left, 0) != 0)
      it->second->promise.deliver(to_error(ec::unavailable, "a run for it did not start"));
  at().alerts_of_run.erase(first, last);
}

} // namespace soc::response
