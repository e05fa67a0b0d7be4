// What becomes of messages when an actor fails, and what is known of them.
#include "fixture.hpp"

using namespace soc;
using namespace soc::test;
using namespace std::chrono_literals;

namespace {

supervisor_spec keep_alive(std::vector<child_spec> children) {
  supervisor_spec spec;
  spec.backoff.jitter = 0;
  spec.children = std::move(children);
  return spec;
}

/// Where dead letters go; answers when it is told to.
struct sink_memory {
  std::vector<dead_letter> letters;
  bool works = true;
};
using sink_ptr = std::shared_ptr<sink_memory>;

caf::behavior letter_sink(caf::event_based_actor*, sink_ptr memory) {
  return {[memory](const dead_letter& letter) -> caf::result<stored> {
    if (!memory->works)
      return to_error(ec::io_error, "disk full");
    memory->letters.push_back(letter);
    return stored{};
  }};
}

/// A source that writes down what became of its tickets.
caf::behavior ticket_source(caf::event_based_actor*, journal_ptr log) {
  return {
      [log](const batch_done& m) { log->add("done" + std::to_string(m.ticket)); },
      [log](const batch_failed& m) { log->add("failed" + std::to_string(m.ticket)); },
  };
}

/// Chokes on batches that begin with '!'.
caf::behavior choking_normalizer(observed_actor*, journal_ptr log) {
  return {[log](const ingest_batch& m) {
    if (m.batch->bytes.starts_with("!"))
      throw std::runtime_error("choked");
    log->add("ate" + std::to_string(m.ticket));
  }};
}

ingest_batch batch(std::string bytes, std::uint64_t ticket, const caf::actor& source) {
  auto raw = std::make_shared<model::raw_batch>();
  raw->bytes = std::move(bytes);
  return {raw, ticket, source_ref(source)};
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(messages, tree_fixture)

BOOST_AUTO_TEST_CASE(what_waits_when_an_actor_fails_is_handled_by_its_next_incarnation_in_order) {
  start(keep_alive({talk("a")}));
  const auto a = find("node/a");
  caf::anon_send(a, say{"1"});
  caf::anon_send(a, boom{"x"});
  caf::anon_send(a, say{"2"});
  caf::anon_send(a, say{"3"});
  run();
  caf::anon_send(a, say{"4"});
  run();
  BOOST_TEST(log->joined() == "+a 1 -a");
  BOOST_TEST(read("node/a").queue_messages == 3u);
  pass(100ms);
  BOOST_TEST(log->joined() == "+a 1 -a +a 2 3 4");
  BOOST_TEST(read("node/a").queue_messages == 0u);
  BOOST_TEST(read("node/a").dropped == 0u);
}

BOOST_AUTO_TEST_CASE(a_request_is_answered_by_the_next_incarnation) {
  start(keep_alive({talk("a")}));
  send("node/a", boom{"x"});
  auto pending = self->request(find("node/a"), caf::infinite, heard_request{});
  run();
  pass(100ms);
  std::size_t heard = 99;
  pending.receive([&](std::size_t n) { heard = n; }, [&](caf::error&) {});
  BOOST_TEST(heard == 0u);
}

BOOST_AUTO_TEST_CASE(poison_becomes_a_dead_letter_and_the_rest_goes_on) {
  auto memory = std::make_shared<sink_memory>();
  start(keep_alive({talk("a")}), dead_letter_ref(system.spawn(letter_sink, memory)));
  const auto a = find("node/a");
  caf::anon_send(a, say{"1"});
  caf::anon_send(a, say{"poison"});
  caf::anon_send(a, say{"2"});
  run();
  pass(100ms);
  pass(200ms);
  pass(100ms);
  BOOST_TEST(log->joined() == "+a 1 -a +a -a +a -a +a 2");
  BOOST_TEST(read("node/a").dead_letters == 1u);
  BOOST_TEST(read("node/a").last_failure == "cannot digest it");
  BOOST_REQUIRE(memory->letters.size() == 1u);
  BOOST_TEST(memory->letters[0].origin == "node/a");
  BOOST_TEST(memory->letters[0].reason == "test::say crashed node/a 3 times: cannot digest it");
}

BOOST_AUTO_TEST_CASE(a_stream_of_poison_never_brings_the_supervisor_down) {
  auto memory = std::make_shared<sink_memory>();
  start(keep_alive({talk("a")}), dead_letter_ref(system.spawn(letter_sink, memory)));
  for (int i = 0; i < 10; ++i)
    caf::anon_send(find("node/a"), say{"poison"});
  caf::anon_send(find("node/a"), say{"fine"});
  run();
  for (int i = 0; i < 100; ++i)
    pass(100ms);
  BOOST_TEST(memory->letters.size() == 10u);
  BOOST_TEST(log->lines.back() == "fine");
}

BOOST_AUTO_TEST_CASE(the_sender_of_a_poisonous_request_is_told) {
  auto child = talk("a");
  child.crashes_per_message = 1;
  start(keep_alive({child}));
  auto answer = ask<std::size_t>(find("node/a"), say{"poison"});
  BOOST_REQUIRE(!answer);
  BOOST_TEST((answer.error().code == ec::refused));
}

BOOST_AUTO_TEST_CASE(a_poisonous_batch_is_done_for_its_source_once_its_bytes_are_kept) {
  auto memory = std::make_shared<sink_memory>();
  const auto source = system.spawn(ticket_source, log);
  start(keep_alive({{.name = "n", .start = start_with(choking_normalizer, log), .crashes_per_message = 2}}),
        dead_letter_ref(system.spawn(letter_sink, memory)));
  caf::anon_send(find("node/n"), batch("!junk", 7, source));
  caf::anon_send(find("node/n"), batch("fine", 8, source));
  run();
  BOOST_TEST(log->joined() == "");
  pass(100ms);
  BOOST_TEST(log->joined() == "done7");
  BOOST_TEST(memory->letters.at(0).bytes == "!junk");
  pass(100ms);
  BOOST_TEST(log->joined() == "done7 ate8");
}

BOOST_AUTO_TEST_CASE(a_poisonous_batch_goes_back_to_its_source_when_it_can_not_be_kept) {
  auto memory = std::make_shared<sink_memory>();
  memory->works = false;
  const auto source = system.spawn(ticket_source, log);
  start(keep_alive({{.name = "n", .start = start_with(choking_normalizer, log), .crashes_per_message = 1}}),
        dead_letter_ref(system.spawn(letter_sink, memory)));
  send("node/n", batch("!junk", 7, source));
  BOOST_TEST(log->joined() == "failed7");
}

BOOST_AUTO_TEST_CASE(beyond_its_hold_a_restarting_actor_gives_back) {
  const auto source = system.spawn(ticket_source, log);
  child_spec child{.name = "n", .start = start_with(choking_normalizer, log), .hold = {.messages = 2, .bytes = 1'000}};
  start(keep_alive({child}));
  caf::anon_send_exit(find("node/n"), caf::exit_reason::kill);
  run();
  caf::anon_send(find("node/n"), batch(std::string(900, 'x'), 1, source));
  caf::anon_send(find("node/n"), batch(std::string(900, 'x'), 2, source));
  run();
  BOOST_TEST(log->joined() == "failed2");
  BOOST_TEST(read("node/n").queue_bytes == 900u);
  BOOST_TEST(read("node/n").dropped == 1u);
  pass(100ms);
  BOOST_TEST(log->joined() == "failed2 ate1");
}

BOOST_AUTO_TEST_CASE(a_stopped_actor_gives_back_what_it_held_and_what_comes) {
  const auto source = system.spawn(ticket_source, log);
  start(keep_alive({{.name = "n", .start = start_with(choking_normalizer, log)}}));
  const auto n = find("node/n");
  BOOST_REQUIRE(ask<child_stopped>(root, stop_child{"n", true}));
  caf::anon_send(n, batch("a", 1, source));
  run();
  BOOST_TEST(log->joined() == "failed1");
}

BOOST_AUTO_TEST_CASE(an_end_of_the_tree_gives_back_what_is_held) {
  const auto source = system.spawn(ticket_source, log);
  start(keep_alive({{.name = "n", .start = start_with(choking_normalizer, log)}}));
  caf::anon_send_exit(find("node/n"), caf::exit_reason::kill);
  run();
  send("node/n", batch("a", 1, source));
  caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
  run();
  BOOST_TEST(log->joined() == "failed1");
}

BOOST_AUTO_TEST_CASE(a_queue_is_known_in_messages_and_bytes) {
  const auto source = system.spawn(ticket_source, log);
  start(keep_alive({{.name = "n", .start = start_with(choking_normalizer, log)}}));
  caf::anon_send(find("node/n"), batch(std::string(1'000, 'x'), 1, source));
  caf::anon_send(find("node/n"), batch(std::string(500, 'x'), 2, source));
  BOOST_TEST(read("node/n").queue_messages == 2u);
  BOOST_TEST(read("node/n").queue_bytes == 1'500u);
  run();
  BOOST_TEST(read("node/n").queue_messages == 0u);
  BOOST_TEST(read("node/n").queue_bytes == 0u);
  BOOST_TEST(read("node/n").handled == 2u);
}

BOOST_AUTO_TEST_CASE(unknown_messages_are_counted_and_requesters_told) {
  start(keep_alive({talk("a")}));
  auto answer = ask<std::size_t>(find("node/a"), drained{});
  BOOST_REQUIRE(!answer);
  BOOST_TEST(read("node/a").unexpected == 1u);
  BOOST_TEST((read("node/a").state == actor_state::running));
}

BOOST_AUTO_TEST_CASE(an_error_in_answer_to_a_plain_message_brings_nobody_down) {
  start(keep_alive({talk("a")}));
  caf::anon_send(find("node/a"), to_error(ec::io_error, "disk full"));
  run();
  BOOST_TEST(log->joined() == "+a");
  BOOST_TEST(read("node/a").unexpected == 1u);
}

BOOST_AUTO_TEST_CASE(a_trace_shows_messages_as_they_pass_without_their_content) {
  start(keep_alive({talk("a")}));
  const auto probe = registry->find("node/a")->probe;
  probe->set_tracing(true);
  send("node/a", say{"secret"});
  send("node/a", say{"poison"});
  std::uint64_t last = 0;
  const auto seen = probe->traced_since(0, last);
  BOOST_REQUIRE(seen.size() == 2u);
  BOOST_TEST(seen[0].type == "test::say");
  BOOST_TEST(seen[0].outcome == "handled");
  BOOST_TEST(seen[1].outcome == "failed");
  BOOST_TEST(seen[0].at == clock.now());
}

namespace {

/// Counts its own ticks; fails on the third.
caf::behavior ticker(observed_actor* self, journal_ptr log) {
  self->delayed_send(self, 1s, say{"tick"});
  return {[self, log, count = 0](const say&) mutable {
    log->add("t");
    if (++count == 3)
      throw std::runtime_error("third tick");
    self->delayed_send(self, 1s, say{"tick"});
  }};
}

} // namespace

BOOST_AUTO_TEST_CASE(a_timer_of_a_dead_incarnation_does_not_reach_the_next) {
  start(keep_alive({{.name = "t", .start = start_with(ticker, log)}}));
  for (int i = 0; i < 3; ++i)
    pass(1s);
  BOOST_TEST(log->lines.size() == 3u);
  BOOST_TEST(read("node/t").last_failure == "third tick");
  pass(100ms);
  BOOST_TEST(log->lines.size() == 3u);
  pass(1s);
  BOOST_TEST(log->lines.size() == 4u);
  BOOST_TEST(read("node/t").dead_letters == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
