// Incidents that become one and come apart, and alerts that move between them.
#include "fixture.hpp"

using namespace incident_actor_test;

BOOST_FIXTURE_TEST_SUITE(incident_merging, fixture)

BOOST_AUTO_TEST_CASE(merged_incidents_take_later_alerts_together_and_come_apart_again) {
  const auto m = manager();
  join(m, id_a, make.make(0, "reverse shell", "web-1", severity::high));
  join(m, id_b, make.make(1, "ransom note", "db-1", severity::critical));
  BOOST_TEST(
      (ask<command_done>(m, merge_incidents{"default", id_b, id_a, "{}", "eve"}, [](auto&) {}).code == ec::none));
  BOOST_TEST(look(m, id_a)->alerts == 2U);
  BOOST_TEST(look(m, id_b)->merged_into == id_a);
  join(m, id_b, make.make(2, "more", "db-1", severity::high));
  BOOST_TEST(look(m, id_a)->alerts == 3U);
  BOOST_TEST((ask<command_done>(m, unmerge_incidents{"default", id_b, id_a, "eve"}, [](auto&) {}).code == ec::none));
  BOOST_TEST(look(m, id_a)->alerts == 2U);
  BOOST_TEST(look(m, id_b)->merged_into.empty());
  BOOST_TEST(look(m, id_b)->alerts == 1U);
}

BOOST_AUTO_TEST_CASE(merges_one_after_the_other_bring_all_along_and_may_come_again) {
  const auto m = manager();
  const std::string id_c(32, 'c');
  const auto merge = [&](const std::string& from, const std::string& into) {
    const auto why = ask<command_done>(m, merge_incidents{"default", from, into, "{}", "graph"}, [](auto&) {});
    return why.code == ec::none;
  };
  join(m, id_a, make.make(0, "reverse shell", "web-1", severity::high));
  join(m, id_b, make.make(1, "ransom note", "db-1", severity::critical));
  join(m, id_c, make.make(2, "miner", "db-2", severity::high));
  BOOST_TEST(merge(id_a, id_b));
  BOOST_TEST(merge(id_b, id_c));
  BOOST_TEST(merge(id_a, id_b), "a replay after a crash");
  BOOST_TEST(look(m, id_c)->alerts == 3U);
  const std::string id_d(32, 'd');
  join(m, id_d, make.make(3, "more", "db-3", severity::high));
  BOOST_TEST(merge(id_d, id_a), "into what that has become");
  BOOST_TEST(look(m, id_c)->alerts == 4U);
  BOOST_TEST(look(m, id_d)->merged_into == id_c);
}

BOOST_AUTO_TEST_CASE(what_joins_while_a_merge_is_under_way_is_in_the_other_too) {
  const auto m = manager();
  join(m, id_a, make.make(0, "reverse shell", "web-1", severity::high));
  join(m, id_b, make.make(1, "ransom note", "db-1", severity::critical));
  const auto send = [&](auto message) { self->send(caf::actor_cast<caf::actor>(m), std::move(message)); };
  send(join_alert{id_b, make.make(2, "ransom note", "db-2", severity::critical), "{}"});
  send(join_alert{id_b, make.make(3, "ransom note", "db-3", severity::critical), "{}"});
  send(merge_incidents{"default", id_b, id_a, "{}", "graph"});
  send(join_alert{id_b, make.make(4, "ransom note", "db-4", severity::critical), "{}"});
  send(join_alert{id_b, make.make(5, "ransom note", "db-5", severity::critical), "{}"});
  sched.run();
  BOOST_TEST(look(m, id_a)->alerts == 6U);
  BOOST_TEST(look(m, id_b)->merged_into == id_a);
}

BOOST_AUTO_TEST_CASE(an_incident_merges_while_its_first_alert_is_on_its_way_to_the_journal) {
  const auto m = manager();
  join(m, id_a, make.make(0, "reverse shell", "web-1", severity::high));
  self->send(m, join_alert{id_b, make.make(1, "ransom note", "db-1", severity::critical), "{}"});
  bool merged = false;
  auto response = self->request(m, caf::infinite, merge_incidents{"default", id_b, id_a, "{}", "graph"});
  sched.run();
  response.receive([&](const command_done&) { merged = true; }, [](const caf::error&) {});
  BOOST_TEST(merged);
  BOOST_TEST(look(m, id_a)->alerts == 2U);
}

BOOST_AUTO_TEST_CASE(alerts_do_not_move_to_where_they_are) {
  const auto m = manager();
  const auto a = make.make(0, "reverse shell", "web-1", severity::high);
  join(m, id_a, a);
  const auto why = ask<command_done>(m, move_alerts{"default", id_a, id_a, {a->id}, "eve"}, [](auto&) {});
  BOOST_TEST((why.code == ec::invalid_input));
  BOOST_TEST(look(m, id_a)->alerts == 1U);
}

BOOST_AUTO_TEST_CASE(an_alert_that_was_moved_away_is_moved_back) {
  const auto m = manager();
  const auto a = make.make(0, "reverse shell", "web-1", severity::high);
  const auto b = make.make(1, "backup failed", "db-1", severity::low);
  join(m, id_a, a);
  join(m, id_a, b);
  std::string other;
  ask<command_done>(m, move_alerts{"default", id_a, {}, {b->id}, "eve"},
                    [&](const command_done& d) { other = d.incident->id; });
  ask<command_done>(m, move_alerts{"default", other, id_a, {b->id}, "eve"}, [](auto&) {});
  BOOST_TEST(look(m, id_a)->alerts == 2U);
}

BOOST_AUTO_TEST_CASE(moved_alerts_go_to_a_new_incident_and_leave_the_old_one) {
  const auto m = manager();
  const auto a = make.make(0, "reverse shell", "web-1", severity::high);
  const auto b = make.make(1, "backup failed", "db-1", severity::low);
  join(m, id_a, a);
  join(m, id_a, b);
  view_ptr to;
  BOOST_TEST((ask<command_done>(m, move_alerts{"default", id_a, {}, {b->id}, "eve"}, [&](const command_done& d) {
                to = d.incident;
              }).code == ec::none));
  BOOST_REQUIRE(to);
  BOOST_TEST(to->alerts == 1U);
  BOOST_TEST(look(m, id_a)->alerts == 1U);
}

BOOST_AUTO_TEST_CASE(alerts_that_are_only_counted_can_be_moved_too) {
  const auto m = manager();
  std::string last;
  for (int i = 0; i < 100; ++i) {
    const auto a = make.make(i, "web server 400", "web-1", severity::low);
    last = a->id;
    join(m, id_a, a);
  }
  BOOST_TEST((ask<command_done>(m, move_alerts{"default", id_a, id_b, {last}, "eve"}, [](auto&) {}).code == ec::none));
  BOOST_TEST(look(m, id_a)->alerts == 99U);
  BOOST_REQUIRE(look(m, id_b));
  BOOST_TEST(look(m, id_b)->timeline.at(0).title == "web server 400");
}

BOOST_AUTO_TEST_SUITE_END()
