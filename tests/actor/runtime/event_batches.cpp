// Batches on their way to the event store: weighed, given back and settled as those of the pipeline are.
#include "fixture.hpp"
#include "runtime/lake_interfaces.hpp"

using namespace soc;
using namespace soc::test;
using namespace std::chrono_literals;

namespace {

/// Writes down what became of its tickets.
caf::behavior waiting_gate(caf::event_based_actor*, journal_ptr log) {
  return {
      [log](const batch_done& m) { log->add("done" + std::to_string(m.ticket)); },
      [log](const batch_failed& m) { log->add("failed" + std::to_string(m.ticket)); },
  };
}

/// Chokes on every batch.
caf::behavior choking_writer(observed_actor*) {
  return {[](const lake::store_events&) { throw std::runtime_error("choked"); }};
}

lake::store_events events_of(std::string bytes, std::uint64_t ticket, const caf::actor& source) {
  auto raw = std::make_shared<model::raw_batch>();
  raw->bytes = std::move(bytes);
  auto batch = std::make_shared<model::event_batch>();
  batch->raw = std::move(raw);
  return {std::move(batch), ticket, source_ref(source)};
}

supervisor_spec one_writer() {
  child_spec child{.name = "w", .start = start_with(choking_writer), .crashes_per_message = 1};
  supervisor_spec spec;
  spec.backoff.jitter = 0;
  spec.children.push_back(std::move(child));
  return spec;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(event_batches, tree_fixture)

BOOST_AUTO_TEST_CASE(a_stopped_writer_gives_back_the_events_it_is_sent) {
  const auto gate = system.spawn(waiting_gate, log);
  start(one_writer());
  const auto writer = find("node/w");
  BOOST_REQUIRE(ask<child_stopped>(root, stop_child{"w", true}));
  caf::anon_send(writer, events_of("a", 7, gate));
  run();
  BOOST_TEST(log->joined() == "failed7");
}

BOOST_AUTO_TEST_CASE(events_that_wait_to_be_stored_count_in_the_bytes_of_a_queue) {
  const auto gate = system.spawn(waiting_gate, log);
  start(one_writer());
  caf::anon_send(find("node/w"), events_of(std::string(1'000, 'x'), 1, gate));
  BOOST_TEST(read("node/w").queue_bytes == 1'000u);
}

BOOST_AUTO_TEST_CASE(events_that_bring_their_writer_down_are_settled) {
  const auto gate = system.spawn(waiting_gate, log);
  start(one_writer());
  send("node/w", events_of("a", 7, gate));
  pass(100ms);
  BOOST_TEST(log->joined() == "done7");
  BOOST_TEST(read("node/w").dead_letters == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
