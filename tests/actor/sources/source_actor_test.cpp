#include "actor/sources/fixture.hpp"

using namespace soc;
using namespace soc::sources;
using namespace soc::sources::testing;
using boost::test_tools::per_element;
using texts = std::vector<std::string>;

BOOST_FIXTURE_TEST_SUITE(source_actors, source_fixture)

BOOST_AUTO_TEST_CASE(batches_are_dealt_out_to_the_lanes_in_turn) {
  script->records = {"a", "b", "c"};
  start();
  BOOST_TEST(first->texts() == (texts{"a", "c"}), per_element());
  BOOST_TEST(second->texts() == texts{"b"}, per_element());
}

BOOST_AUTO_TEST_CASE(no_more_is_in_flight_than_the_credit_allows) {
  script->records = {"a", "b", "c", "d"};
  start(2);
  BOOST_TEST(first->all.size() + second->all.size() == 2U);
  answer(batch_done{first->all[0].ticket});
  BOOST_TEST(first->texts() == (texts{"a", "c"}), per_element());
}

BOOST_AUTO_TEST_CASE(a_wake_from_the_driver_is_read_at_once) {
  start();
  script->records = {"a"};
  script->wake();
  script->wake();
  scheduler.run();
  BOOST_TEST(first->texts() == texts{"a"}, per_element());
}

BOOST_AUTO_TEST_CASE(a_checkpoint_is_stored_only_after_its_batch_is_durable) {
  script->records = {"a"};
  start();
  pass(std::chrono::seconds{2});
  BOOST_TEST(kept->all.empty());
  answer(batch_done{first->all[0].ticket});
  pass(std::chrono::seconds{2});
  BOOST_TEST(kept->all["place"] == "a");
}

BOOST_AUTO_TEST_CASE(a_failed_batch_is_sent_again_and_keeps_its_credit) {
  script->records = {"a", "b"};
  start(1);
  answer(batch_failed{first->all[0].ticket, "NATS is away", std::chrono::milliseconds{500}});
  BOOST_TEST(status().batches_in_flight == 1U);
  pass(std::chrono::seconds{5});
  BOOST_TEST(second->texts() == texts{"a"}, per_element());
  BOOST_TEST(status().resent_batches == 1U);
  answer(batch_done{second->all[0].ticket});
  BOOST_TEST(second->texts() == (texts{"a", "b"}), per_element());
}

BOOST_AUTO_TEST_CASE(a_batch_nobody_answers_is_sent_to_the_lane_that_may_have_it_already) {
  script->records = {"a"};
  start(1);
  pass(std::chrono::seconds{90});
  BOOST_TEST(first->texts() == (texts{"a", "a"}), per_element());
  BOOST_TEST(second->texts().empty());
}

BOOST_AUTO_TEST_CASE(a_checkpoint_the_store_refuses_is_stored_later) {
  script->records = {"a"};
  kept->broken = true;
  start();
  answer(batch_done{first->all[0].ticket});
  pass(std::chrono::seconds{2});
  BOOST_TEST(kept->all.empty());
  kept->broken = false;
  pass(std::chrono::seconds{2});
  pass(std::chrono::seconds{2});
  BOOST_TEST(kept->all["place"] == "a");
}

BOOST_AUTO_TEST_CASE(a_restarted_source_begins_with_the_stored_checkpoints) {
  kept->all["place"] = "far";
  start();
  BOOST_TEST_REQUIRE(script->started_with.size() == 1U);
  BOOST_TEST(script->started_with[0].second == "far");
}

BOOST_AUTO_TEST_CASE(draining_waits_for_what_is_in_flight_and_stores_its_place) {
  script->records = {"a"};
  start();
  bool drained_now = false;
  auto pending = self->request(source, caf::infinite, drain{});
  scheduler.run();
  BOOST_TEST(script->stopped);
  BOOST_TEST(kept->all.empty());
  answer(batch_done{first->all[0].ticket});
  pass(std::chrono::milliseconds{50});
  pass(std::chrono::milliseconds{50});
  BOOST_TEST(kept->all["place"] == "a");
  pending.receive([&](const drained&) { drained_now = true; }, [](caf::error&) {});
  BOOST_TEST(drained_now);
}

BOOST_AUTO_TEST_CASE(draining_ends_even_when_the_pipeline_does_not_answer) {
  script->records = {"a"};
  start();
  bool drained_now = false;
  auto pending = self->request(source, caf::infinite, drain{});
  scheduler.run();
  for (int i = 0; i < 300; ++i)
    pass(std::chrono::milliseconds{20});
  pending.receive([&](const drained&) { drained_now = true; }, [](caf::error&) {});
  BOOST_TEST(drained_now);
}

BOOST_AUTO_TEST_CASE(a_source_that_can_not_start_fails_with_its_reason) {
  script->fails_to_start = true;
  start();
  std::string why;
  self->monitor(source);
  scheduler.run();
  self->receive([&](const caf::down_msg& down) { why = describe(down.reason); });
  BOOST_TEST(why.find("the port is taken") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_was_seen_is_on_the_board) {
  script->records = {"abc"};
  start();
  pass(std::chrono::seconds{2});
  BOOST_TEST(board->counter("soc_source_records_total", {{"connector", "test"}, {"tenant", "default"}}).value() == 1U);
  BOOST_TEST(board->counter("soc_source_bytes_total", {{"connector", "test"}, {"tenant", "default"}}).value() == 3U);
}

BOOST_AUTO_TEST_SUITE_END()
