#include "fixture.hpp"
#include "response/codec.hpp"

namespace {

using namespace soc;
using namespace soc::response;
using namespace soc::response::test;

call_outcome told(call_outcome::kind what) {
  return {what, nullptr, "as told"};
}

/// As test_content, with a second firewall, one of another tenant, and what the playbook does.
content_ptr two_firewalls(const std::string& mode, const std::string& steps) {
  auto out = std::make_shared<content>(*test_content(mode));
  diagnostics found;
  out->instances = load_resources("res.yaml",
                                  "instances: [{name: edge, component: fw}, {name: core, component: fw}, "
                                  "{name: theirs, component: fw, tenant: other}]",
                                  out->components, found);
  BOOST_REQUIRE_EQUAL(found.errors(), 0U);
  out->playbooks["p"] = {"{name: p, inputs: {ip: {type: ip}, duration: {type: duration}}, steps: [" + steps + "]}"};
  return out;
}
const char* const block_both = "{id: block, action: block_ip, target: '${inputs.ip}', for: '${inputs.duration}', "
                               "compensate: true}";

void hear_of_tenant(response_site& site, const std::string& tenant, const std::string& ip, const std::string& id) {
  auto view = std::make_shared<incident_view>();
  view->id = id;
  view->tenant = tenant;
  view->scenario = "web_intrusion";
  view->status = "new";
  view->entities.push_back({model::entity_type::ip, model::entity_role::source, ip, ip, ""});
  caf::anon_send(site.shared->manager, incident_changed{view});
  site.run();
}

operator_command stop_of(const std::string& tenant, bool stop) {
  operator_command out;
  out.kind = stop ? command_kind::emergency_stop : command_kind::emergency_release;
  out.tenant = tenant;
  out.user = "alice";
  out.reason = "enough";
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(response_suite)

BOOST_AUTO_TEST_CASE(an_incident_leads_to_a_verified_block_and_its_incident_hears_of_it) {
  response_world w;
  response_site site(&w, w.clock, test_content("auto"));
  site.hear("203.0.113.9");
  BOOST_TEST(site.status() == "verified");
  BOOST_TEST(w.blocked.contains("203.0.113.9"));
  BOOST_REQUIRE(!w.told.empty());
  BOOST_TEST(w.told.back().status == "verified");
  BOOST_TEST(w.told.back().incident_id == "i1");
  const auto runs = site.ask<run_views>(list_runs{});
  BOOST_REQUIRE(runs.all.size() == 1u);
  BOOST_TEST(runs.all[0].status == "completed");
}

BOOST_AUTO_TEST_CASE(the_same_incident_again_does_nothing_new_and_a_new_address_is_blocked_too) {
  response_world w;
  response_site site(&w, w.clock, test_content("auto"));
  site.hear("203.0.113.9");
  site.hear("203.0.113.9");
  BOOST_TEST(w.calls.size() == 1u);
  site.hear("203.0.113.10");
  BOOST_TEST(w.calls.size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_protected_address_is_refused_with_a_reason_and_an_audit_entry) {
  response_world w;
  response_site site(&w, w.clock, test_content("auto"));
  site.hear("198.51.100.7");
  BOOST_TEST(site.status() == "refused");
  BOOST_TEST(w.calls.empty());
  BOOST_TEST(site.ask<task_views>(list_tasks{}).all[0].detail.find("protected") != std::string::npos);
  BOOST_TEST(std::any_of(w.audit.begin(), w.audit.end(),
                         [](const auto& e) { return e.find("refused") != std::string::npos; }));
}

BOOST_AUTO_TEST_CASE(mode_approve_waits_for_a_person_and_lapses_without_one) {
  response_world w;
  response_site site(&w, w.clock, test_content("approve"));
  site.hear("203.0.113.9");
  BOOST_TEST(site.status() == "waiting_approval");
  BOOST_TEST(w.calls.empty());
  BOOST_TEST(site.command(command_kind::approve).obeyed);
  BOOST_TEST(site.status() == "verified");
  site.hear("203.0.113.10");
  site.pass(std::chrono::hours(1));
  BOOST_TEST(w.calls.size() == 1u);
}

BOOST_AUTO_TEST_CASE(mode_manual_only_recommends_until_a_person_begins_it) {
  response_world w;
  response_site site(&w, w.clock, test_content("manual"));
  site.hear("203.0.113.9");
  BOOST_TEST(site.status() == "none");
  BOOST_TEST(site.ask<run_views>(list_runs{}).all.at(0).status == "recommended");
  BOOST_TEST(site.command(command_kind::approve).obeyed);
  BOOST_TEST(site.status() == "verified");
}

BOOST_AUTO_TEST_CASE(the_veto_time_can_be_used_or_passes) {
  response_world w;
  response_site site(&w, w.clock, test_content("auto_with_veto"));
  site.hear("203.0.113.9");
  site.hear("203.0.113.10", "i2");
  BOOST_TEST(site.command(command_kind::reject, "i2").obeyed);
  site.pass(std::chrono::seconds(60));
  BOOST_TEST(w.blocked.contains("203.0.113.9"));
  BOOST_TEST(!w.blocked.contains("203.0.113.10"));
}

BOOST_AUTO_TEST_CASE(a_block_ends_with_its_time_and_undo_ends_it_at_once) {
  response_world w;
  response_site site(&w, w.clock, test_content("auto"));
  site.hear("203.0.113.9");
  site.hear("203.0.113.10", "i2");
  BOOST_TEST(site.command(command_kind::undo, "i2").obeyed);
  BOOST_TEST(!w.blocked.contains("203.0.113.10"));
  BOOST_TEST(w.blocked.contains("203.0.113.9"));
  for (int i = 0; i < 3; ++i)
    site.pass(std::chrono::hours(1));
  BOOST_TEST(!w.blocked.contains("203.0.113.9"));
}

BOOST_AUTO_TEST_CASE(the_emergency_stop_halts_all_and_is_lifted_again) {
  response_world w;
  response_site site(&w, w.clock, test_content("auto"));
  BOOST_TEST(site.command(command_kind::emergency_stop, "").obeyed);
  site.hear("203.0.113.9");
  BOOST_TEST(site.status() == "refused");
  BOOST_TEST(site.command(command_kind::emergency_release, "").obeyed);
  site.hear("203.0.113.10");
  BOOST_TEST(w.blocked.contains("203.0.113.10"));
}

BOOST_AUTO_TEST_CASE(an_emergency_stop_holds_for_every_tenant_also_after_a_restart) {
  response_world w;
  {
    response_site site(&w, w.clock, two_firewalls("auto", block_both));
    const auto answer = site.command(command_kind::emergency_stop, "");
    BOOST_TEST(answer.text.find("every tenant") != std::string::npos);
    hear_of_tenant(site, "other", "203.0.113.1", "i1");
    BOOST_TEST(w.calls.empty());
  }
  response_site again(&w, w.clock, two_firewalls("auto", block_both));
  hear_of_tenant(again, "other", "203.0.113.2", "i2");
  BOOST_TEST(w.calls.empty());
  BOOST_TEST(again.command(command_kind::emergency_release, "").obeyed);
  hear_of_tenant(again, "other", "203.0.113.3", "i3");
  BOOST_TEST(w.blocked.contains("203.0.113.3"));
}

BOOST_AUTO_TEST_CASE(one_tenant_can_be_stopped_alone) {
  response_world w;
  response_site site(&w, w.clock, two_firewalls("auto", block_both));
  const auto answer = site.ask<command_answer>(stop_of("other", true));
  BOOST_TEST(answer.text.find("tenant other is stopped") != std::string::npos);
  hear_of_tenant(site, "other", "203.0.113.1", "i1");
  BOOST_TEST(w.calls.empty());
  site.hear("203.0.113.2", "i2");
  BOOST_TEST(w.blocked.contains("203.0.113.2"));
  BOOST_TEST(site.ask<command_answer>(stop_of("other", false)).obeyed);
  hear_of_tenant(site, "other", "203.0.113.3", "i3");
  BOOST_TEST(w.blocked.contains("203.0.113.3"));
}

BOOST_AUTO_TEST_CASE(a_node_the_command_did_not_reach_finds_the_stop_in_the_journal) {
  response_world w;
  response_site site(&w, w.clock, two_firewalls("auto", block_both));
  hear_of_tenant(site, "other", "203.0.113.1", "i1");
  BOOST_TEST(w.calls.size() == 1u);
  gate_event stopped;
  stopped.what = gate_event::kind::stopped;
  stopped.who = "alice";
  auto& journal = w.journal["soc.default.journal.gate.effects"];
  journal.push_back({"soc.default.journal.gate.effects", ++w.sequence, encode(std::vector{stopped})});
  site.pass(std::chrono::seconds(10));
  hear_of_tenant(site, "other", "203.0.113.2", "i2");
  BOOST_TEST(w.calls.size() == 1u);
}

BOOST_AUTO_TEST_CASE(no_retry_is_made_while_all_is_stopped) {
  response_world w;
  response_site site(&w, w.clock, test_content("auto"));
  w.answers = {told(call_outcome::kind::transient)};
  site.hear("203.0.113.9");
  BOOST_TEST(site.command(command_kind::emergency_stop, "").obeyed);
  site.pass(std::chrono::seconds(2));
  BOOST_TEST(site.status() == "pending");
  BOOST_TEST(w.calls.size() == 1u);
  BOOST_TEST(site.command(command_kind::emergency_release, "").obeyed);
  site.pass(std::chrono::seconds(61));
  BOOST_TEST(site.status() == "verified");
  BOOST_TEST(w.calls.size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_command_that_is_refused_while_a_task_is_busy_holds_nothing_up) {
  response_world w;
  response_site site(&w, w.clock, test_content("approve"));
  site.hear("203.0.113.9");
  caf::scoped_actor self{site.system, true};
  operator_command order;
  order.id = "i1";
  order.user = "alice";
  auto approved = self->request(site.shared->manager, caf::infinite, order);
  order.kind = command_kind::reject; // comes while the approval is being written down: too late
  auto rejected = self->request(site.shared->manager, caf::infinite, order);
  site.run();
  const auto failed = [](const caf::error& e) { BOOST_FAIL(describe(e)); };
  approved.receive([](const command_answer& a) { BOOST_TEST(a.obeyed, a.text); }, failed);
  rejected.receive([](const command_answer& a) { BOOST_TEST(!a.obeyed, a.text); }, failed);
  BOOST_TEST(site.status() == "verified");
  for (int i = 0; i < 3; ++i)
    site.pass(std::chrono::hours(1));
  BOOST_TEST(site.status() == "expired");
  BOOST_TEST(w.blocked.empty());
}

BOOST_AUTO_TEST_CASE(a_target_two_incidents_want_blocked_is_free_when_the_time_of_both_is_up) {
  response_world w;
  response_site site(&w, w.clock, test_content("auto"));
  site.hear("203.0.113.9", "i1");
  site.hear("203.0.113.9", "i2");
  BOOST_TEST(site.status(0) == "verified");
  BOOST_TEST(site.status(1) == "verified");
  for (int i = 0; i < 3; ++i)
    site.pass(std::chrono::hours(1));
  BOOST_TEST(w.blocked.empty());
  BOOST_TEST(site.status(0) == "expired");
  BOOST_TEST(site.status(1) == "expired");
}

BOOST_AUTO_TEST_CASE(after_a_crash_the_tasks_that_no_journal_has_are_made_all_the_same) {
  response_world w;
  {
    response_site site(&w, w.clock, two_firewalls("approve", block_both));
    site.hear("203.0.113.9");
    const auto tasks = site.ask<task_views>(list_tasks{});
    BOOST_REQUIRE_EQUAL(tasks.all.size(), 2u);
    w.journal.erase("soc.default.task." + tasks.all[0].id); // killed before it had written anything
  }
  response_site again(&w, w.clock, two_firewalls("approve", block_both));
  BOOST_TEST(again.ask<task_views>(list_tasks{}).total == 2u);
  BOOST_TEST(again.command(command_kind::approve).obeyed);
  BOOST_TEST(w.calls.size() == 2u);
  BOOST_TEST(again.ask<run_views>(list_runs{}).all.at(0).status == "completed");
}

BOOST_AUTO_TEST_CASE(what_a_step_did_before_it_failed_elsewhere_is_taken_back) {
  response_world w;
  response_site site(&w, w.clock, two_firewalls("auto", block_both));
  w.answers = {told(call_outcome::kind::succeeded), told(call_outcome::kind::failed)};
  site.hear("203.0.113.9");
  BOOST_TEST(w.calls.size() == 3u);
  BOOST_TEST(w.blocked.empty());
  BOOST_TEST(site.ask<run_views>(list_runs{}).all.at(0).status == "failed");
}

BOOST_AUTO_TEST_CASE(what_has_not_begun_when_its_run_fails_is_cancelled_and_holds_no_undoing_up) {
  response_world w;
  const std::string both_ways =
      "{id: split, parallel: [a, b]}, "
      "{id: a, action: block_ip, target: '${inputs.ip}', on: {instance: edge}, compensate: true, "
      "next: end}, {id: b, action: block_ip, target: '${inputs.ip}', on: {instance: core}}";
  response_site site(&w, w.clock, two_firewalls("approve", both_ways));
  site.hear("203.0.113.9");
  const auto tasks = site.ask<task_views>(list_tasks{});
  BOOST_REQUIRE_EQUAL(tasks.all.size(), 2u);
  const auto& refused = tasks.all[0].step == "b" ? tasks.all[0] : tasks.all[1];
  BOOST_TEST(site.command(command_kind::reject, refused.id).obeyed);
  BOOST_TEST(site.ask<run_views>(list_runs{}).all.at(0).status == "failed");
  for (const auto& task : site.ask<task_views>(list_tasks{}).all)
    BOOST_TEST(task.status == (task.step == "b" ? "refused" : "cancelled"));
  BOOST_TEST(w.calls.empty());
}

BOOST_AUTO_TEST_CASE(a_busy_target_is_asked_again_with_the_same_key) {
  response_world w;
  response_site site(&w, w.clock, test_content("auto"));
  w.answers = {told(call_outcome::kind::transient)};
  site.hear("203.0.113.9");
  BOOST_TEST(site.status() == "pending");
  site.pass(std::chrono::seconds(2));
  BOOST_TEST(site.status() == "verified");
  BOOST_REQUIRE(w.calls.size() == 2u);
  BOOST_TEST(w.calls[0] == w.calls[1]);
}

BOOST_AUTO_TEST_CASE(after_a_crash_in_the_middle_of_a_call_the_target_is_read_back) {
  response_world w;
  w.silent = true; // the call is made; the node dies before the answer
  {
    response_site site(&w, w.clock, test_content("auto"));
    site.hear("203.0.113.9");
    BOOST_TEST(site.status() == "running");
  }
  w.silent = false;
  response_site again(&w, w.clock, test_content("auto"));
  BOOST_TEST(again.status() == "verified");
  BOOST_TEST(w.calls.size() == 1u);
  BOOST_TEST(again.ask<run_views>(list_runs{}).all.at(0).status == "completed");
}

BOOST_AUTO_TEST_CASE(what_can_neither_be_read_back_nor_repeated_waits_for_a_person) {
  response_world w;
  w.silent = true;
  const auto what = test_content("auto", false, "none");
  {
    response_site site(&w, w.clock, what);
    site.hear("203.0.113.9");
  }
  w.silent = false;
  response_site again(&w, w.clock, what);
  BOOST_TEST(again.status() == "unknown");
  BOOST_TEST(w.calls.size() == 1u);
  BOOST_TEST(again.command(command_kind::resolve, "i1").obeyed == false);
  const auto id = again.ask<task_views>(list_tasks{}).all[0].id;
  BOOST_TEST(again.command(command_kind::resolve, id, "done").obeyed);
  BOOST_TEST(again.status() == "done");
  BOOST_TEST(again.ask<run_views>(list_runs{}).all.at(0).status == "completed");
}

BOOST_AUTO_TEST_CASE(limits_hold_across_a_restart) {
  response_world w;
  const auto what = test_content("auto", true, "key", "limits: [{id: two, actions: [block_ip], most: 2, per: 1h}]\n");
  {
    response_site site(&w, w.clock, what);
    site.hear("203.0.113.1", "i1");
    site.hear("203.0.113.2", "i2");
  }
  response_site again(&w, w.clock, what);
  again.hear("203.0.113.3", "i3");
  BOOST_TEST(w.blocked.size() == 2u);
  BOOST_TEST(w.calls.size() == 2u);
}

BOOST_AUTO_TEST_CASE(only_of_what_a_node_knows_nothing_may_another_be_asked) {
  response_world w;
  response_site site(&w, w.clock, test_content("auto"));
  site.hear("203.0.113.9", "i1234");
  BOOST_TEST(site.command(command_kind::undo, "i1234").obeyed);
  const auto over = site.command(command_kind::undo, "i1234");
  BOOST_TEST(!over.obeyed);
  BOOST_TEST(!over.not_found);
  const auto unknown = site.command(command_kind::undo, "i9999");
  BOOST_TEST(!unknown.obeyed);
  BOOST_TEST(unknown.not_found);
  BOOST_TEST(unknown.text == "no task, run or incident begins with 'i9999'");
}

BOOST_AUTO_TEST_CASE(a_beginning_that_several_incidents_share_undoes_nothing) {
  response_world w;
  response_site site(&w, w.clock, test_content("auto"));
  site.hear("203.0.113.9", "incident-1");
  site.hear("203.0.113.10", "incident-2");
  BOOST_REQUIRE_EQUAL(w.blocked.size(), 2u);
  const auto answer = site.command(command_kind::undo, "inci");
  BOOST_TEST(!answer.obeyed);
  BOOST_TEST(answer.text == "'inci' is the beginning of 0 tasks, 0 runs and 2 incidents");
  BOOST_TEST(w.blocked.size() == 2u);
  BOOST_TEST(site.command(command_kind::undo, "incident-2").obeyed);
  BOOST_TEST(w.blocked.contains("203.0.113.9"));
  BOOST_TEST(!w.blocked.contains("203.0.113.10"));
}

BOOST_AUTO_TEST_CASE(three_characters_are_too_few_for_an_incident) {
  response_world w;
  response_site site(&w, w.clock, test_content("auto"));
  site.hear("203.0.113.9", "incident-1");
  const auto answer = site.command(command_kind::undo, "inc");
  BOOST_TEST(!answer.obeyed);
  BOOST_TEST(answer.text.find("at least 4 characters") != std::string::npos);
  BOOST_TEST(w.blocked.contains("203.0.113.9"));
}

namespace {

const char* const alert_rule = "---\nrules: [{id: on-alert, trigger: alert, when: {alert.rule: web-shell}, for_each: "
                               "{type: ip}, mode: auto, playbook: p, "
                               "inputs: {ip: '${entity.ip}', duration: 2h}}]\n";

alert_raised raised(response_world& w, const std::string& ip) {
  auto alert = std::make_shared<model::alert>();
  alert->id = "a-" + ip;
  alert->rule_id = "web-shell";
  alert->detected_at = w.clock->now();
  alert->entities.push_back({model::entity_type::ip, model::entity_role::source, ip, ip});
  return {alert};
}

} // namespace

BOOST_AUTO_TEST_CASE(an_alert_begins_the_runs_of_its_rules_once_and_is_answered_when_they_are_kept) {
  response_world w;
  {
    response_site site(&w, w.clock, test_content("recommend", true, "key", alert_rule));
    BOOST_TEST(site.ask<alert_answered>(raised(w, "203.0.113.31")).runs == 1u);
    BOOST_TEST(w.blocked.contains("203.0.113.31"));
    BOOST_TEST(site.ask<alert_answered>(raised(w, "203.0.113.31")).runs == 0u);
    BOOST_TEST(site.ask<alert_answered>(raised(w, "198.51.100.7")).runs == 1u); // protected: refused by the gate
    BOOST_TEST(w.calls.size() == 1u);
  }
  response_site after(&w, w.clock, test_content("recommend", true, "key", alert_rule));
  BOOST_TEST(after.ask<alert_answered>(raised(w, "203.0.113.31")).runs == 0u);
  BOOST_TEST(w.calls.size() == 1u);
}

BOOST_AUTO_TEST_CASE(an_alert_no_rule_looks_at_is_answered_at_once) {
  response_world w;
  response_site site(&w, w.clock, test_content("auto"));
  BOOST_TEST(site.ask<alert_answered>(raised(w, "203.0.113.31")).runs == 0u);
  BOOST_TEST(w.calls.empty());
}

BOOST_AUTO_TEST_SUITE_END()
