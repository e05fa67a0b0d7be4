// Runs that sleep while they wait, and requests that are judged and stored together.
#include "fixture.hpp"
#include "response/codec.hpp"

namespace {

using namespace soc;
using namespace soc::response;
using namespace soc::response::test;

/// As test_content, but the playbook asks a person first.
content_ptr asking_content() {
  auto out = std::make_shared<content>(*test_content("auto"));
  out->playbooks["p"] = {"{name: p, inputs: {ip: {type: ip}, duration: {type: duration}}, steps: ["
                         "{id: ask, approval: {people: 1}, timeout: 1h, on_error: lapsed},"
                         "{id: block, action: block_ip, target: '${inputs.ip}', for: '${inputs.duration}', next: end},"
                         "{id: lapsed, end: {failed: 'nobody came'}}]}"};
  return out;
}

std::size_t actors_of(response_site& site, const supervisor_ref& supervisor) {
  caf::scoped_actor self{site.system, true};
  auto request = self->request(supervisor.actor(), caf::infinite, which_children{});
  site.run();
  std::size_t out = 0;
  request.receive([&](const children& found) { out = found.all.size(); },
                  [](const caf::error& e) { BOOST_FAIL(describe(e)); });
  return out;
}

std::size_t run_actors(response_site& site) {
  return actors_of(site, site.shared->runs);
}
std::size_t task_actors(response_site& site) {
  return actors_of(site, site.shared->tasks);
}

run_view only_run(response_site& site) {
  const auto runs = site.ask<run_views>(list_runs{});
  BOOST_REQUIRE_EQUAL(runs.all.size(), 1u);
  return runs.all[0];
}

std::vector<journal_entry>& gate_journal(world& w) {
  return w.journal["soc.default.journal.gate.effects"];
}

std::size_t grants_in(const journal_entry& entry) {
  const auto events = decode_gate_events(entry.payload);
  BOOST_REQUIRE(events);
  return static_cast<std::size_t>(
      std::count_if(events->begin(), events->end(), [](const auto& e) { return e.what == gate_event::kind::granted; }));
}

incident_changed incident_with(int addresses) {
  auto view = std::make_shared<incident_view>();
  view->id = "i1";
  view->scenario = "web_intrusion";
  view->status = "new";
  for (int i = 1; i <= addresses; ++i) {
    const auto ip = "203.0.113." + std::to_string(i);
    view->entities.push_back({model::entity_type::ip, model::entity_role::source, ip, ip, ""});
  }
  return {view};
}

} // namespace

BOOST_AUTO_TEST_SUITE(sleep_and_batch_suite)

BOOST_AUTO_TEST_CASE(a_run_that_waits_for_a_person_has_no_actor_and_goes_on_when_one_comes) {
  response_world w;
  response_site site(&w, w.clock, asking_content());
  site.hear("203.0.113.9");
  BOOST_TEST(run_actors(site) == 1u);
  site.pass(std::chrono::seconds(2));
  BOOST_TEST(run_actors(site) == 0u);
  BOOST_TEST(only_run(site).status == "waiting");
  BOOST_TEST(only_run(site).waiting_steps == std::vector<std::string>{"ask"});
  BOOST_TEST(site.command(command_kind::approve, only_run(site).id).obeyed);
  BOOST_TEST(only_run(site).status == "completed");
  BOOST_TEST(w.blocked.contains("203.0.113.9"));
}

BOOST_AUTO_TEST_CASE(a_run_that_sleeps_wakes_when_its_time_is_up) {
  response_world w;
  response_site site(&w, w.clock, asking_content());
  site.hear("203.0.113.9");
  site.pass(std::chrono::seconds(2));
  site.pass(std::chrono::seconds(3599));
  site.pass(std::chrono::seconds(1));
  BOOST_TEST(only_run(site).status == "failed");
  BOOST_TEST(only_run(site).reason == "nobody came");
  BOOST_TEST(w.calls.empty());
}

BOOST_AUTO_TEST_CASE(a_run_that_sleeps_can_be_paused_and_cancelled_with_its_whole_incident) {
  response_world w;
  response_site site(&w, w.clock, asking_content());
  site.hear("203.0.113.9");
  site.pass(std::chrono::seconds(2));
  BOOST_TEST(site.command(command_kind::pause).obeyed);
  BOOST_TEST(only_run(site).status == "paused");
  site.pass(std::chrono::seconds(2));
  BOOST_TEST(run_actors(site) == 0u);
  BOOST_TEST(site.command(command_kind::resume).obeyed);
  BOOST_TEST(only_run(site).status == "waiting");
  site.pass(std::chrono::seconds(2));
  BOOST_TEST(site.command(command_kind::cancel).obeyed);
  BOOST_TEST(only_run(site).status == "cancelled");
}

BOOST_AUTO_TEST_CASE(after_a_restart_a_run_that_waits_needs_no_actor_and_loses_nothing) {
  response_world w;
  {
    response_site site(&w, w.clock, asking_content());
    site.hear("203.0.113.9");
    site.pass(std::chrono::seconds(2));
  }
  response_site again(&w, w.clock, asking_content());
  BOOST_TEST(run_actors(again) == 0u);
  BOOST_TEST(only_run(again).status == "waiting");
  again.hear("203.0.113.9"); // the same incident begins no second run
  BOOST_TEST(again.command(command_kind::approve, only_run(again).id).obeyed);
  BOOST_TEST(only_run(again).status == "completed");
  BOOST_TEST(w.calls.size() == 1u);
}

BOOST_AUTO_TEST_CASE(after_a_restart_the_time_of_a_run_that_sleeps_still_comes) {
  response_world w;
  {
    response_site site(&w, w.clock, asking_content());
    site.hear("203.0.113.9");
  }
  response_site again(&w, w.clock, asking_content());
  again.pass(std::chrono::seconds(3600));
  again.pass(std::chrono::seconds(1));
  BOOST_TEST(only_run(again).status == "failed");
}

BOOST_AUTO_TEST_CASE(a_task_that_waits_for_approval_sleeps_and_so_does_its_run_also_over_a_restart) {
  response_world w;
  {
    response_site site(&w, w.clock, test_content("approve"));
    site.hear("203.0.113.9");
    site.pass(std::chrono::seconds(2));
    site.pass(std::chrono::seconds(2));
    BOOST_TEST(task_actors(site) == 0u);
    BOOST_TEST(run_actors(site) == 0u);
    BOOST_TEST(site.status() == "waiting_approval");
  }
  response_site again(&w, w.clock, test_content("approve"));
  again.pass(std::chrono::seconds(2));
  BOOST_TEST(task_actors(again) == 0u);
  BOOST_TEST(run_actors(again) == 0u);
  BOOST_TEST(again.command(command_kind::approve).obeyed);
  BOOST_TEST(again.status() == "verified");
  BOOST_TEST(only_run(again).status == "completed");
  BOOST_TEST(w.calls.size() == 1u);
}

BOOST_AUTO_TEST_CASE(an_effect_that_stands_has_no_actor_and_ends_with_its_time) {
  response_world w;
  response_site site(&w, w.clock, test_content("auto"));
  site.hear("203.0.113.9");
  site.pass(std::chrono::seconds(2));
  BOOST_TEST(task_actors(site) == 0u);
  BOOST_TEST(w.blocked.contains("203.0.113.9"));
  site.pass(std::chrono::seconds(7200));
  site.pass(std::chrono::seconds(1));
  BOOST_TEST(!w.blocked.contains("203.0.113.9"));
  BOOST_TEST(site.status() == "expired");
}

BOOST_AUTO_TEST_CASE(what_is_asked_of_the_gate_at_once_is_stored_in_few_entries_and_all_of_it_counts) {
  response_world w;
  const auto what = test_content("auto", true, "key", "limits: [{id: many, actions: [block_ip], most: 30, per: 1h}]\n");
  response_site site(&w, w.clock, what);
  caf::anon_send(site.shared->manager, incident_with(40));
  site.run();
  BOOST_TEST(w.blocked.size() == 30u);
  std::size_t granted = 0;
  for (const auto& entry : gate_journal(w))
    granted += grants_in(entry);
  BOOST_TEST(granted == 30u);
  BOOST_TEST(gate_journal(w).size() < granted);
}

BOOST_AUTO_TEST_CASE(when_another_node_has_granted_meanwhile_all_that_was_judged_is_judged_anew) {
  response_world w;
  const auto what = test_content("auto", true, "key", "limits: [{id: two, actions: [block_ip], most: 2, per: 1h}]\n");
  response_site site(&w, w.clock, what);
  site.hear("203.0.113.1", "i1");
  auto theirs = decode_gate_events(gate_journal(w).front().payload)->front();
  theirs.granted.id = "another node's";
  theirs.granted.target = "203.0.113.77";
  gate_journal(w).push_back({"soc.default.journal.gate.effects", ++w.sequence, encode(std::vector{theirs})});
  site.hear("203.0.113.2", "i2");
  BOOST_TEST(w.blocked.size() == 1u);
  BOOST_TEST(site.ask<task_views>(list_tasks{}).total == 2u);
  BOOST_TEST(gate_journal(w).size() == 2u);
}

BOOST_AUTO_TEST_CASE(an_entry_the_gate_cannot_read_lets_nothing_through) {
  response_world w;
  response_site site(&w, w.clock, test_content("auto"));
  site.hear("203.0.113.1", "i1");
  BOOST_TEST(w.blocked.size() == 1u);
  gate_journal(w).push_back({"soc.default.journal.gate.effects", ++w.sequence, "of a newer version"});
  site.hear("203.0.113.2", "i2");
  site.pass(std::chrono::seconds(60));
  BOOST_TEST(w.blocked.size() == 1u);
  gate_journal(w).pop_back(); // mended
  site.pass(std::chrono::seconds(120));
  BOOST_TEST(w.blocked.size() == 2u);
}

BOOST_AUTO_TEST_CASE(an_effect_that_is_over_leaves_the_gates_books_even_if_the_node_stopped_before_it_said_so) {
  response_world w;
  {
    response_site site(&w, w.clock, test_content("auto"));
    site.hear("203.0.113.9");
    site.command(command_kind::undo); // what the gate hears of it waits a little for company
    BOOST_TEST(site.status() == "undone");
  }
  response_site again(&w, w.clock, test_content("auto"));
  again.pass(std::chrono::seconds(1));
  const auto last = decode_gate_events(gate_journal(w).back().payload);
  BOOST_REQUIRE(last);
  BOOST_TEST((last->back().what == gate_event::kind::released));
}

BOOST_AUTO_TEST_SUITE_END()
