// How a supervisor restarts, gives up and stops, in virtual time.
#include "fixture.hpp"

using namespace soc;
using namespace soc::test;
using namespace std::chrono_literals;

namespace {

supervisor_spec supervise_all(std::vector<child_spec> children) {
  supervisor_spec spec;
  spec.backoff.jitter = 0;
  spec.children = std::move(children);
  return spec;
}

/// Why an actor ended, once it has.
struct ending {
  bool ended = false;
  caf::error reason;
};

std::shared_ptr<ending> watch(tree_fixture& tree, const caf::actor& whom) {
  auto seen = std::make_shared<ending>();
  whom->attach_functor([seen](const caf::error& reason) { *seen = {true, reason}; });
  tree.run();
  return seen;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(supervision, tree_fixture)

BOOST_AUTO_TEST_CASE(children_are_started_in_order) {
  start(supervise_all({talk("a"), talk("b"), talk("c")}));
  BOOST_TEST(log->joined() == "+a +b +c");
  BOOST_TEST((read("node/b").state == actor_state::running));
  BOOST_TEST(read("node/b").kind == "talker");
}

BOOST_AUTO_TEST_CASE(a_failed_child_is_restarted_after_its_back_off_and_its_what_is_kept) {
  start(supervise_all({talk("a"), talk("b")}));
  send("node/a", boom{"disk on fire"});
  BOOST_TEST(log->joined() == "+a +b -a");
  BOOST_TEST((read("node/a").state == actor_state::backing_off));
  BOOST_TEST(read("node/a").last_failure == "disk on fire");
  pass(99ms);
  BOOST_TEST(log->joined() == "+a +b -a");
  pass(1ms);
  BOOST_TEST(log->joined() == "+a +b -a +a");
  BOOST_TEST(read("node/a").restarts == 1u);
  BOOST_TEST(read("node/b").restarts == 0u);
}

BOOST_AUTO_TEST_CASE(back_off_grows_with_each_failure_in_a_row) {
  auto spec = supervise_all({talk("a")});
  spec.limits.intensity = 100;
  start(spec);
  for (const auto delay : {100ms, 200ms, 400ms, 800ms}) {
    send("node/a", boom{"x"});
    const auto restarts = read("node/a").restarts;
    pass(delay - 1ms);
    BOOST_TEST(read("node/a").restarts == restarts);
    pass(1ms);
    BOOST_TEST(read("node/a").restarts == restarts + 1);
  }
}

BOOST_AUTO_TEST_CASE(back_off_starts_anew_after_a_good_while) {
  start(supervise_all({talk("a")}));
  send("node/a", boom{"x"});
  pass(100ms);
  send("node/a", boom{"x"});
  pass(200ms);
  pass(31s);
  send("node/a", boom{"x"});
  pass(100ms);
  BOOST_TEST(read("node/a").restarts == 3u);
}

BOOST_AUTO_TEST_CASE(jitter_spreads_the_restarts_of_peers) {
  std::vector<child_spec> peers;
  for (int i = 0; i < 20; ++i)
    peers.push_back(talk("p" + std::to_string(i)));
  auto spec = supervise_all(peers);
  spec.limits.intensity = 100;
  spec.backoff.jitter = 0.2;
  start(spec);
  for (int i = 0; i < 20; ++i)
    send("node/p" + std::to_string(i), boom{"x"});
  const auto restarted = [&] {
    std::uint64_t count = 0;
    for (const auto& row : registry->snapshot())
      count += row.reading.restarts;
    return count;
  };
  pass(79ms);
  BOOST_TEST(restarted() == 0u);
  pass(21ms);
  BOOST_TEST(restarted() > 0u);
  BOOST_TEST(restarted() < 20u);
  pass(20ms);
  BOOST_TEST(restarted() == 20u);
}

BOOST_AUTO_TEST_CASE(rest_for_one_restarts_those_started_after_the_failed_one) {
  auto spec = supervise_all({talk("a"), talk("b"), talk("c"), talk("d")});
  spec.strategy = supervision_strategy::rest_for_one;
  start(spec);
  send("node/b", boom{"x"});
  BOOST_TEST(log->joined() == "+a +b +c +d -b -d -c");
  pass(100ms);
  BOOST_TEST(log->joined() == "+a +b +c +d -b -d -c +b +c +d");
}

BOOST_AUTO_TEST_CASE(rest_for_one_leaves_alone_what_was_stopped_by_hand) {
  auto spec = supervise_all({talk("a"), talk("b"), talk("c")});
  spec.strategy = supervision_strategy::rest_for_one;
  start(spec);
  BOOST_REQUIRE(ask<child_stopped>(root, stop_child{"b", true}));
  send("node/a", boom{"x"});
  pass(100ms);
  BOOST_TEST(log->joined() == "+a +b +c -b -a -c +a +c");
}

BOOST_AUTO_TEST_CASE(a_restart_by_hand_during_the_back_off_brings_back_the_later_ones_too) {
  auto spec = supervise_all({talk("a"), talk("b"), talk("c")});
  spec.strategy = supervision_strategy::rest_for_one;
  start(spec);
  send("node/b", boom{"x"});
  BOOST_REQUIRE(ask<child_started>(root, restart_child{"b"}));
  pass(10s);
  BOOST_TEST(log->joined() == "+a +b +c -b -c +b +c");
}

BOOST_AUTO_TEST_CASE(a_second_failure_while_its_group_backs_off_restarts_each_once) {
  auto spec = supervise_all({talk("a"), talk("b"), talk("c")});
  spec.strategy = supervision_strategy::rest_for_one;
  start(spec);
  send("node/b", boom{"x"});
  pass(50ms);
  send("node/a", boom{"x"});
  pass(10s);
  BOOST_TEST(log->joined() == "+a +b +c -b -c -a +a +b +c");
}

BOOST_AUTO_TEST_CASE(a_transient_child_is_restarted_when_it_fails_not_when_it_ends) {
  auto child = talk("a");
  child.restart = restart_when::transient;
  start(supervise_all({child}));
  send("node/a", boom{"x"});
  pass(100ms);
  send("node/a", say{"bye"});
  pass(60s);
  BOOST_TEST(log->joined() == "+a -a +a -a");
  BOOST_TEST((read("node/a").state == actor_state::stopped));
}

BOOST_AUTO_TEST_CASE(a_permanent_child_is_restarted_when_it_ends) {
  start(supervise_all({talk("a")}));
  send("node/a", say{"bye"});
  pass(100ms);
  BOOST_TEST(log->joined() == "+a -a +a");
}

BOOST_AUTO_TEST_CASE(a_temporary_child_is_forgotten_when_it_fails) {
  auto child = talk("a");
  child.restart = restart_when::temporary;
  start(supervise_all({child}));
  send("node/a", boom{"x"});
  pass(60s);
  BOOST_TEST(log->joined() == "+a -a");
  BOOST_TEST(!registry->find("node/a").has_value());
}

BOOST_AUTO_TEST_CASE(a_child_whose_start_throws_is_tried_again) {
  auto attempts = std::make_shared<int>(0);
  auto child = talk("a");
  child.start = [attempts, start = child.start](caf::actor_system& system, actor_context context) {
    if (++*attempts < 3)
      throw std::runtime_error("port 514 is taken");
    return start(system, std::move(context));
  };
  start(supervise_all({child, talk("b")}));
  BOOST_TEST(log->joined() == "+b");
  BOOST_TEST(read("node/a").last_failure == "port 514 is taken");
  pass(100ms);
  pass(200ms);
  BOOST_TEST(log->joined() == "+b +a");
}

BOOST_AUTO_TEST_CASE(too_many_failures_bring_the_supervisor_down_with_the_childs_what) {
  start(supervise_all({talk("a"), talk("b")}));
  const auto root_end = watch(*this, root);
  for (int i = 0; i < 6; ++i) {
    send("node/a", boom{"wheel came off"});
    pass(1'600ms);
    if (i < 5)
      BOOST_TEST(!root_end->ended);
  }
  BOOST_TEST(root_end->ended);
  BOOST_TEST(describe(root_end->reason).find("wheel came off") != std::string::npos);
  BOOST_TEST(describe(root_end->reason).find("node/a failed more than 5 times in 10 s") != std::string::npos);
  BOOST_TEST(log->lines.back() == "-b");
}

BOOST_AUTO_TEST_CASE(a_nested_supervisor_that_gave_up_is_restarted_and_handles_into_it_stay_good) {
  auto inner = supervise_all({talk("a"), talk("b")});
  inner.limits.intensity = 0;
  start(supervise_all({supervisor_child("inner", inner), talk("c")}));
  const auto handle = find("node/inner/a");
  send("node/inner/b", boom{"x"});
  BOOST_TEST((read("node/inner").state == actor_state::backing_off));
  caf::anon_send(handle, say{"hello"});
  run();
  pass(100ms);
  BOOST_TEST(log->joined() == "+c +a +b -b -a +a hello +b");
  BOOST_TEST(read("node/inner").restarts == 1u);
  BOOST_TEST(read("node/inner").last_failure.find("node/inner/b failed") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_tree_is_stopped_in_reverse_order) {
  auto inner = supervise_all({talk("b"), talk("c")});
  start(supervise_all({talk("a"), supervisor_child("inner", inner), talk("d")}));
  const auto root_end = watch(*this, root);
  caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
  run();
  BOOST_TEST(log->joined() == "+a +d +b +c -d -c -b -a");
  BOOST_TEST(root_end->ended);
  BOOST_TEST(registry->size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_child_that_wants_it_is_drained_before_it_ends) {
  auto child = talk("b");
  child.drains = true;
  start(supervise_all({talk("a"), child}));
  caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
  run();
  BOOST_TEST(log->joined() == "+a +b drain-b -b -a");
}

namespace {

caf::behavior stubborn(observed_actor* self, journal_ptr log) {
  self->set_exit_handler([](caf::exit_msg&) {});
  self->attach_functor([log] { log->add("-stubborn"); });
  return {[](const say&) {}};
}

} // namespace

BOOST_AUTO_TEST_CASE(a_child_that_does_not_end_is_killed_at_its_deadline) {
  child_spec child{.name = "stubborn", .start = start_with(stubborn, log), .shutdown_timeout = 2s};
  start(supervise_all({talk("a"), child}));
  const auto root_end = watch(*this, root);
  caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
  run();
  pass(1'999ms);
  BOOST_TEST(!root_end->ended);
  pass(1ms);
  BOOST_TEST(root_end->ended);
  BOOST_TEST(log->joined() == "+a -stubborn -a");
}

BOOST_AUTO_TEST_CASE(a_child_added_while_running_is_supervised_and_forgotten_when_it_ends) {
  start(supervise_all({talk("a")}));
  auto child = talk("incident-1");
  child.restart = restart_when::transient;
  auto started = ask<child_started>(root, start_child{child});
  BOOST_REQUIRE(started);
  BOOST_TEST((ask<child_started>(root, start_child{child}).error().code == ec::conflict));
  caf::anon_send(started->handle, boom{"x"});
  run();
  pass(100ms);
  caf::anon_send(started->handle, say{"hello"});
  run();
  BOOST_TEST(log->joined() == "+a +incident-1 -incident-1 +incident-1 hello");
  caf::anon_send(started->handle, say{"bye"});
  run();
  BOOST_TEST(!registry->find("node/incident-1").has_value());
  BOOST_TEST(ask<children>(root, which_children{})->all.size() == 1u);
  BOOST_REQUIRE(ask<child_started>(root, start_child{child}));
}

BOOST_AUTO_TEST_CASE(children_added_while_running_end_before_the_others) {
  start(supervise_all({talk("a"), talk("b")}));
  BOOST_REQUIRE(ask<child_started>(root, start_child{talk("x")}));
  caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
  run();
  BOOST_TEST(log->joined() == "+a +b +x -x -b -a");
}

BOOST_AUTO_TEST_CASE(a_child_can_be_stopped_and_started_again_by_hand) {
  start(supervise_all({talk("a")}));
  BOOST_REQUIRE(ask<child_stopped>(root, stop_child{"a", true}));
  BOOST_TEST((read("node/a").state == actor_state::stopped));
  auto refused = ask<std::size_t>(find("node/a"), heard_request{});
  BOOST_REQUIRE(!refused);
  BOOST_TEST((refused.error().code == ec::closed));
  pass(60s);
  BOOST_REQUIRE(ask<child_started>(root, restart_child{"a"}));
  BOOST_TEST(ask<std::size_t>(find("node/a"), heard_request{}).take() == 0u);
  BOOST_TEST(log->joined() == "+a -a +a");
  BOOST_TEST((ask<child_stopped>(root, stop_child{"nobody"}).error().code == ec::not_found));
}

BOOST_AUTO_TEST_CASE(a_restart_by_hand_does_not_wait_for_the_back_off) {
  start(supervise_all({talk("a")}));
  send("node/a", boom{"x"});
  BOOST_REQUIRE(ask<child_started>(root, restart_child{"a"}));
  BOOST_TEST(log->joined() == "+a -a +a");
  pass(60s);
  BOOST_TEST(log->joined() == "+a -a +a");
}

BOOST_AUTO_TEST_CASE(a_child_of_the_spec_that_is_stopped_is_forgotten_and_may_come_back_changed) {
  start(supervise_all({talk("a")}));
  const auto before = find("node/a");
  BOOST_REQUIRE(ask<child_stopped>(root, stop_child{"a"}));
  BOOST_TEST(!registry->find("node/a").has_value());
  BOOST_TEST((ask<child_started>(root, restart_child{"a"}).error().code == ec::not_found));
  BOOST_TEST((ask<std::size_t>(before, heard_request{}).error().code == ec::closed));
  BOOST_REQUIRE(
      ask<child_started>(root, start_child{{.name = "a", .start = start_with(talker, std::string("new-a"), log)}}));
  BOOST_TEST(log->joined() == "+a -a +new-a");
}

BOOST_AUTO_TEST_CASE(a_child_takes_the_place_of_a_stopped_one_of_its_name_not_of_a_running_one) {
  start(supervise_all({talk("a")}));
  const child_spec changed{.name = "a", .start = start_with(talker, std::string("new-a"), log)};
  BOOST_TEST((ask<child_started>(root, start_child{changed}).error().code == ec::conflict));
  BOOST_REQUIRE(ask<child_stopped>(root, stop_child{"a", true}));
  BOOST_REQUIRE(ask<child_started>(root, start_child{changed}));
  BOOST_TEST(log->joined() == "+a -a +new-a");
  BOOST_TEST(ask<children>(root, which_children{})->all.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_child_that_backs_off_keeps_its_place) {
  start(supervise_all({talk("a")}));
  send("node/a", boom{"x"});
  BOOST_TEST((ask<child_started>(root, start_child{talk("a")}).error().code == ec::conflict));
}

BOOST_AUTO_TEST_CASE(a_child_added_while_running_and_kept_is_started_again_by_a_restart) {
  start(supervise_all({}));
  BOOST_REQUIRE(ask<child_started>(root, start_child{talk("x")}));
  BOOST_REQUIRE(ask<child_stopped>(root, stop_child{"x", true}));
  BOOST_TEST((read("node/x").state == actor_state::stopped));
  BOOST_REQUIRE(ask<child_started>(root, restart_child{"x"}));
  BOOST_TEST(log->joined() == "+x -x +x");
}

BOOST_AUTO_TEST_CASE(orders_for_a_child_that_is_ending_already_start_it_once_and_forget_it_only_when_it_is_down) {
  start(supervise_all({talk("a")}));
  auto first = self->request(root, caf::infinite, restart_child{"a"});
  auto second = self->request(root, caf::infinite, restart_child{"a"});
  auto third = self->request(root, caf::infinite, stop_child{"a"});
  run();
  std::size_t started = 0;
  ec stopping = ec::none;
  first.receive([&](const child_started&) { ++started; }, [](caf::error&) {});
  second.receive([&](const child_started&) { ++started; }, [](caf::error&) {});
  third.receive([](const child_stopped&) {}, [&](caf::error& e) { stopping = to_failure(e).code; });
  BOOST_TEST(started == 2u);
  BOOST_TEST((stopping == ec::conflict));
  BOOST_TEST(log->joined() == "+a -a +a");
  BOOST_TEST((read("node/a").state == actor_state::running));
}

BOOST_AUTO_TEST_CASE(a_bad_order_is_refused) {
  start(supervise_all({}));
  BOOST_TEST((ask<child_started>(root, start_child{talk("a/b")}).error().code == ec::invalid_input));
  BOOST_TEST((ask<child_started>(root, start_child{{.name = "no start"}}).error().code == ec::invalid_input));
}

BOOST_AUTO_TEST_SUITE_END()
