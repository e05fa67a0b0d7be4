// The store actor: groups, refusals, restarts, order.
#include "actor/runtime/fixture.hpp"
#include "runtime/metrics.hpp"
#include "store/store_actor.hpp"
#include "unit/store/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

using namespace soc;
using namespace soc::test;

namespace soc::test {

struct store_fixture : tree_fixture {
  temporary_directory dir;
  metrics_board board;
  std::shared_ptr<store::database> db = store::database::open(dir.path).take();
  caf::actor store;

  store_fixture() {
    store::store_options options;
    options.own_thread = false;
    options.metrics = &board;
    options.group_bytes = 1 << 20;
    supervisor_spec spec;
    spec.children.push_back(store::store_child(db, options));
    start(spec);
    store = find("node/store");
  }
  std::uint64_t commits() {
    const auto text = board.render();
    const auto at = text.find("soc_store_commit_seconds_count ");
    return std::stoull(text.substr(at + 31));
  }
};

} // namespace soc::test

BOOST_FIXTURE_TEST_SUITE(store_actor, store_fixture)

BOOST_AUTO_TEST_CASE(a_snapshot_comes_back_with_its_sequence) {
  BOOST_REQUIRE(ask<stored>(store, snapshot_put{"incident", "i1", 12, "bytes"}));
  auto got = ask<snapshot>(store, snapshot_get{"incident", "i1"});
  BOOST_REQUIRE(got);
  BOOST_TEST(got->sequence == 12u);
  BOOST_TEST(got->bytes == "bytes");
  BOOST_REQUIRE(ask<stored>(store, snapshot_delete{"incident", "i1"}));
  BOOST_TEST(ask<snapshot>(store, snapshot_get{"incident", "i1"})->bytes.empty());
}

BOOST_AUTO_TEST_CASE(what_waits_together_is_committed_together) {
  const auto before = commits();
  int answers = 0;
  auto asker = system.spawn([&](caf::event_based_actor* me) {
    for (int i = 0; i < 100; ++i)
      me->request(store, caf::infinite, checkpoint_put{"web", std::to_string(i), "x"}).then([&](const stored&) {
        ++answers;
      });
  });
  run();
  BOOST_TEST(answers == 100);
  BOOST_TEST(commits() - before <= 2u);
  BOOST_TEST(ask<checkpoints>(store, checkpoint_all{"web"})->all.size() == 100u);
}

BOOST_AUTO_TEST_CASE(one_refused_change_does_not_fail_its_group) {
  int fine = 0, refused = 0;
  auto asker = system.spawn([&](caf::event_based_actor* me) {
    for (int i = 0; i < 10; ++i)
      me->request(store, caf::infinite, checkpoint_put{"web", std::to_string(i), "x"}).then([&](const stored&) {
        ++fine;
      });
    me->request(store, caf::infinite, intent_result{"unknown", "x"})
        .then([&](const stored&) {}, [&](const caf::error& e) { refused += to_failure(e).code == ec::not_found; });
  });
  run();
  BOOST_TEST(fine == 10);
  BOOST_TEST(refused == 1);
}

BOOST_AUTO_TEST_CASE(a_read_sees_what_was_asked_before_it) {
  caf::anon_send(store, checkpoint_put{"web", "a", "1"});
  auto points = ask<checkpoints>(store, checkpoint_all{"web"});
  BOOST_REQUIRE(points);
  BOOST_TEST(points->all.size() == 1u);
}

BOOST_AUTO_TEST_CASE(quarantine_is_listed_read_for_replay_and_removed) {
  quarantine_put put;
  for (int i = 1; i <= 3; ++i)
    put.records.push_back({"web", "no mapping", "record " + std::to_string(i), i});
  BOOST_REQUIRE(ask<stored>(store, put));
  auto newest = ask<dead_letters>(store, quarantine_list{1});
  BOOST_REQUIRE(newest);
  BOOST_TEST(newest->total == 3u);
  BOOST_TEST(newest->all.at(0).letter.bytes == "record 3");
  auto oldest = ask<dead_letters>(store, quarantine_read{0, 2});
  BOOST_TEST(oldest->all.at(0).letter.bytes == "record 1");
  BOOST_REQUIRE(ask<stored>(store, quarantine_remove{{1, 2}}));
  BOOST_TEST(ask<dead_letters>(store, quarantine_list{10})->total == 1u);
}

BOOST_AUTO_TEST_CASE(who_removes_records_is_told_how_many_there_were) {
  BOOST_REQUIRE(ask<stored>(store, quarantine_put{{{"web", "no mapping", "one", 1}, {"web", "no mapping", "two", 2}}}));
  const auto gone = ask<stored>(store, quarantine_remove{{2, 7, 9}});
  BOOST_REQUIRE(gone);
  BOOST_TEST(gone->removed == 1u);
}

BOOST_AUTO_TEST_CASE(intents_survive_a_restart_of_the_actor) {
  BOOST_REQUIRE(ask<stored>(store, intent_put{"run/step/target", "block"}));
  BOOST_REQUIRE(ask<child_started>(root, restart_child{"store"}));
  auto pending = ask<intents>(store, intent_pending{});
  BOOST_REQUIRE(pending);
  BOOST_REQUIRE(pending->all.size() == 1u);
  BOOST_TEST(pending->all[0].second.bytes == "block");
}

BOOST_AUTO_TEST_CASE(what_was_asked_before_a_stop_is_on_disk_after_it) {
  for (int i = 0; i < 20; ++i)
    caf::anon_send(store, checkpoint_put{"web", std::to_string(i), "x"});
  BOOST_REQUIRE(ask<child_stopped>(root, stop_child{"store"}));
  std::size_t kept = 0;
  BOOST_REQUIRE(db->read([&](const store::reading& now) -> outcome {
    now.scan(store::table::checkpoints, {}, [&](std::string_view, std::string_view) { return ++kept > 0; });
    return done{};
  }));
  BOOST_TEST(kept == 20u);
}

BOOST_AUTO_TEST_SUITE_END()
