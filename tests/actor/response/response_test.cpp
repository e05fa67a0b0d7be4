#include "fixture.hpp"

namespace {

using namespace soc;
using namespace soc::response;
using namespace soc::response::test;

struct response_world : world {
  std::shared_ptr<manual_clock> clock = std::make_shared<manual_clock>(1'764'000'000 * ns_per_s);
};

call_outcome told(call_outcome::kind what) {
  return {what, nullptr, "as told"};
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

begin_run by_hand(std::vector<std::string> inputs, const std::string& playbook = "p") {
  begin_run out;
  out.playbook = playbook;
  out.inputs = std::move(inputs);
  out.user = "alice";
  return out;
}

BOOST_AUTO_TEST_CASE(a_person_begins_a_playbook_and_its_effect_is_theirs) {
  response_world w;
  response_site site(&w, w.clock, test_content("auto"));
  const auto answer = site.ask<command_answer>(by_hand({"ip=203.0.113.9", "duration=1h"}));
  BOOST_REQUIRE_MESSAGE(answer.obeyed, answer.text);
  BOOST_TEST(w.blocked.contains("203.0.113.9"));
  const auto tasks = site.ask<task_views>(list_tasks{});
  BOOST_REQUIRE_EQUAL(tasks.all.size(), 1u);
  BOOST_TEST(tasks.all[0].run_id == answer.run);
  BOOST_TEST(tasks.all[0].asked_by == "user:alice");
  BOOST_TEST(w.told.empty()); // there is no incident that would want to hear
  BOOST_TEST(site.ask<command_answer>(by_hand({"ip=203.0.113.9", "duration=1h"})).run != answer.run);
}

BOOST_AUTO_TEST_CASE(who_asks_while_the_journals_are_still_read_is_answered_after_that) {
  response_world w;
  response_site site(&w, w.clock, test_content("auto"));
  caf::scoped_actor self{site.system, true};
  caf::anon_send_exit(site.shared->manager, caf::exit_reason::kill); // its successor has read nothing yet
  auto answer = self->request(site.shared->manager, caf::infinite, by_hand({"ip=203.0.113.9", "duration=1h"}));
  for (int i = 0; i < 20 && w.calls.empty(); ++i)
    site.pass(std::chrono::seconds(1)); // the back-off before the restart
  answer.receive([](const command_answer& a) { BOOST_TEST(a.obeyed, a.text); },
                 [](const caf::error& e) { BOOST_FAIL(describe(e)); });
  BOOST_TEST(w.blocked.contains("203.0.113.9"));
}

BOOST_AUTO_TEST_CASE(a_run_by_hand_passes_the_gate_like_any_other) {
  response_world w;
  response_site site(&w, w.clock, test_content("auto"));
  BOOST_TEST(site.ask<command_answer>(by_hand({"ip=198.51.100.7", "duration=1h"})).obeyed);
  BOOST_TEST(site.status() == "refused");
  BOOST_TEST(w.calls.empty());
}

BOOST_AUTO_TEST_CASE(what_a_person_gives_wrongly_is_told_at_once_and_nothing_begins) {
  response_world w;
  response_site site(&w, w.clock, test_content("auto"));
  const auto why = [&](begin_run ask) {
    const auto answer = site.ask<command_answer>(std::move(ask));
    BOOST_TEST(!answer.obeyed);
    return answer.text;
  };
  BOOST_TEST(why(by_hand({}, "q")) == "no playbook 'q'; did you mean 'p'?");
  BOOST_TEST(why(by_hand({"ipp=1"})) == "playbook 'p' has no input 'ipp'; did you mean 'ip'?");
  BOOST_TEST(why(by_hand({"ip=203.0.113.9"})) == "playbook 'p' needs input 'duration'");
  BOOST_TEST(why(by_hand({"ip=nowhere", "duration=1h"})) == "input 'ip' of playbook 'p' must be ip");
  auto nobody = by_hand({});
  nobody.user.clear();
  BOOST_TEST(why(nobody).find("name of who") != std::string::npos);
  auto elsewhere = by_hand({});
  elsewhere.incident_id = "i7";
  BOOST_TEST(why(elsewhere) == "no open incident 'i7'");
  BOOST_TEST(w.calls.empty());
}

BOOST_AUTO_TEST_CASE(a_run_for_an_incident_belongs_to_it) {
  response_world w;
  response_site site(&w, w.clock, test_content("recommend"));
  site.hear("203.0.113.9", "i1234");
  auto ask = by_hand({"ip=203.0.113.10", "duration=1h"});
  ask.incident_id = "i12";
  BOOST_TEST(site.ask<command_answer>(ask).obeyed);
  BOOST_REQUIRE(!w.told.empty());
  BOOST_TEST(w.told.back().incident_id == "i1234");
}

BOOST_AUTO_TEST_CASE(a_run_is_begun_once_more_with_its_inputs) {
  response_world w;
  response_site site(&w, w.clock, test_content("auto"));
  site.hear("203.0.113.9");
  BOOST_TEST(site.command(command_kind::undo).obeyed);
  site.run();
  BOOST_REQUIRE(!w.blocked.contains("203.0.113.9"));
  begin_run ask;
  ask.again = site.ask<run_views>(list_runs{}).all.at(0).id.substr(0, 8);
  ask.user = "alice";
  const auto answer = site.ask<command_answer>(ask);
  BOOST_TEST(answer.obeyed, answer.text);
  BOOST_TEST(w.blocked.contains("203.0.113.9"));
  ask.again = "nothing";
  BOOST_TEST(site.ask<command_answer>(ask).text == "no run nothing");
}

BOOST_AUTO_TEST_CASE(a_schedule_begins_its_run_once_for_each_time_also_over_a_restart) {
  response_world w;
  const auto content = [] {
    return test_content(
        "auto", true, "key",
        "schedules: [{id: s, every: 1h, playbook: p, mode: auto, inputs: {ip: 203.0.113.77, duration: 10m}}]\n");
  };
  {
    response_site site(&w, w.clock, content());
    BOOST_TEST(w.calls.size() == 1u);
    // Journals are read again whenever a node comes or goes; the clock must not be wound up each time.
    const auto ticks = [&] {
      auto& clock = site.scheduler().clock();
      const auto end = clock.schedule().upper_bound(clock.now() + std::chrono::seconds(1));
      return std::distance(clock.schedule().begin(), end);
    };
    const auto before = ticks();
    for (int i = 0; i < 3; ++i)
      caf::anon_send(site.shared->manager, recover_responses{});
    site.run();
    BOOST_TEST(ticks() == before);
    for (int i = 0; i < 5; ++i)
      site.pass(std::chrono::seconds(1));
    BOOST_TEST(w.calls.size() == 1u);
    BOOST_TEST(site.ask<run_views>(list_runs{}).all.at(0).rule == "s");
  }
  response_site after(&w, w.clock, content());
  BOOST_TEST(w.calls.size() == 1u);
  after.pass(std::chrono::seconds(3600));
  BOOST_TEST(std::count_if(w.calls.begin(), w.calls.end(), [](const auto& c) { return c.starts_with("block_ip"); }) ==
             2);
}

BOOST_AUTO_TEST_CASE(the_audit_is_a_chain) {
  response_world w;
  response_site site(&w, w.clock, test_content("auto"));
  site.hear("203.0.113.9");
  site.command(command_kind::undo);
  BOOST_REQUIRE(w.audit.size() > 2u);
  std::string previous;
  for (const auto& line : w.audit) {
    const auto entry = nlohmann::json::parse(line);
    BOOST_TEST(entry["previous"].get<std::string>() == previous);
    previous = entry["hash"].get<std::string>();
  }
  BOOST_TEST(w.audit.back().find("alice") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
