// Runs that people and schedules begin.
#include "fixture.hpp"
#include "response/codec.hpp"

namespace {

using namespace soc;
using namespace soc::response;
using namespace soc::response::test;

begin_run by_hand(std::vector<std::string> inputs, const std::string& playbook = "p") {
  begin_run out;
  out.playbook = playbook;
  out.inputs = std::move(inputs);
  out.user = "alice";
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(runs_by_hand)

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
  elsewhere.incident_id = "i777";
  BOOST_TEST(site.ask<command_answer>(elsewhere).not_found);
  BOOST_TEST(why(elsewhere) == "no open incident 'i777'");
  BOOST_TEST(w.calls.empty());
}

BOOST_AUTO_TEST_CASE(a_run_for_an_incident_belongs_to_it) {
  response_world w;
  response_site site(&w, w.clock, test_content("recommend"));
  site.hear("203.0.113.9", "i1234");
  auto ask = by_hand({"ip=203.0.113.10", "duration=1h"});
  ask.incident_id = "i123";
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

BOOST_AUTO_TEST_SUITE_END()
