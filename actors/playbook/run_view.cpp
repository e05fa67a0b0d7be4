#include "playbook/run_view.hpp"

#include "playbook/run_codec.hpp"

namespace soc::playbook {

namespace {

/// To sleep and wake costs a reading of the journal: not worth it for less.
constexpr unix_ns shortest_sleep_ns = 60 * ns_per_s;

} // namespace

response::run_changed change_of(const std::string& id, const run_state& run, const outstanding& open) {
  response::run_changed change;
  auto& view = change.view;
  view.id = id;
  view.incident_id = run.origin.incident_id;
  view.tenant = run.origin.tenant;
  view.rule = run.origin.rule;
  view.playbook = run.playbook;
  view.version = run.version;
  view.mode = run.origin.mode;
  view.status = to_string(run.status);
  view.reason = run.reason.empty() ? run.origin.reason : run.reason;
  view.entity = run.origin.entity;
  view.waiting_steps = open.wait_for_people;
  for (const auto& wish : open.invoke)
    view.waiting_steps.push_back(wish.step);
  if (!open.wait_for_people.empty())
    view.status = "waiting";
  view.started_at = run.begun_at;
  view.changed_at = run.changed_at;
  change.final = is_final(run.status);
  return change;
}

bool may_sleep(const run_state& run, const outstanding& open, unix_ns now, bool for_tasks) {
  const bool waits = (for_tasks || open.invoke.empty()) && open.compute.empty() && open.undo.empty();
  return run.begun && !is_final(run.status) && run.status != run_status::compensating && waits &&
         (open.next_due == 0 || open.next_due > now + shortest_sleep_ns);
}

response::run_changed as_read(const std::string& id, const std::vector<journal_entry>& entries,
                              definition_cache& definitions, unix_ns now) {
  run_state run;
  for (const auto& entry : entries)
    if (const auto event = decode_run_event(entry.payload))
      apply(run, *event, definitions);
  const auto open = outstanding_of(run);
  auto change = change_of(id, run, open);
  change.asleep = may_sleep(run, open, now);
  change.wake_at = change.asleep ? open.next_due : 0;
  return change;
}

} // namespace soc::playbook
