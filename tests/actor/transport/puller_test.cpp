#include "actor/transport/server_fixture.hpp"
#include "transport/stream_puller.hpp"
#include "transport/subjects.hpp"

using namespace soc;
using namespace soc::transport;
using namespace soc::transport::testing;

namespace {

/// Publishes `count` messages and waits until they are stored.
void fill(server_fixture& f, const std::string& subject, int count, const std::string& salt = "") {
  const auto one = f.spawn("bus", bus, f.link_, bus_options{});
  for (int i = 0; i < count; ++i)
    caf::anon_send(one, bus_publish{subject, std::to_string(i), salt + std::to_string(i)});
  BOOST_REQUIRE(eventually(
      [&] { return ask<bus_status>(f.system_, one, bus_query{})->published == static_cast<std::uint64_t>(count); }));
}

void acknowledge(const pulled_message& m) {
  caf::anon_send(m.puller.actor(), pull_ack{m.message});
}

puller_options raw_puller(std::uint32_t credit) {
  puller_options out;
  out.stream = "RAW";
  out.durable = "raw-web";
  out.filter = raw_subject("acme", "web");
  out.credit = credit;
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(pulling_over_nats, *boost::unit_test::precondition(needs_server))

BOOST_FIXTURE_TEST_CASE(a_sink_never_has_more_than_its_credit, server_fixture) {
  fill(*this, raw_subject("acme", "web"), 100);
  const inbox_of<pulled_message> sink(system_);
  const auto puller = spawn("puller", stream_puller, link_, raw_puller(8), pull_sink_ref(sink.actor()));
  BOOST_REQUIRE(eventually([&] { return sink.size() == 8; }));
  std::size_t answered = 0;
  BOOST_TEST(eventually([&] {
    const auto all = sink.all();
    BOOST_REQUIRE(all.size() - answered <= 8);
    while (answered < all.size())
      acknowledge(all[answered++]);
    return all.size() == 100;
  }));
  for (std::size_t i = 0; i < 100; ++i)
    BOOST_TEST(sink.all()[i].payload == std::to_string(i));
  // Acknowledged messages of a work queue are gone.
  BOOST_TEST(eventually([&] { return stream_size("RAW") == 0; }));
}

BOOST_FIXTURE_TEST_CASE(what_is_not_acknowledged_comes_again_and_at_last_goes_to_the_dead_letters, server_fixture) {
  std::atomic<int> letters{0};
  const auto keeper = system_.spawn([&letters]() -> caf::behavior {
    return {[&letters](const dead_letter&) {
      ++letters;
      return stored{};
    }};
  });
  letters_ = dead_letter_ref(keeper);
  fill(*this, raw_subject("acme", "web"), 1);
  auto options = raw_puller(4);
  options.ack_wait = 150ms;
  options.lease = 100ms;
  options.max_deliveries = 2;
  options.tick = 20ms;
  const inbox_of<pulled_message> sink(system_);
  spawn("puller", stream_puller, link_, options, pull_sink_ref(sink.actor()));
  BOOST_TEST(eventually([&] { return letters == 1; }));
  BOOST_REQUIRE_EQUAL(sink.size(), 2U);
  BOOST_TEST(sink.all()[1].deliveries == 2U);
  BOOST_TEST(eventually([&] { return stream_size("RAW") == 0; }));
  caf::anon_send_exit(keeper, caf::exit_reason::user_shutdown);
}

BOOST_FIXTURE_TEST_CASE(a_message_the_sink_is_still_at_does_not_come_again, server_fixture) {
  fill(*this, raw_subject("acme", "web"), 1);
  auto options = raw_puller(4);
  options.lease = 200ms;
  options.tick = 20ms;
  const inbox_of<pulled_message> sink(system_);
  spawn("puller", stream_puller, link_, options, pull_sink_ref(sink.actor()));
  BOOST_REQUIRE(eventually([&] { return sink.size() == 1; }));
  BOOST_TEST(!eventually([&] { return sink.size() > 1; }, 1s));
  acknowledge(sink.all()[0]);
  BOOST_TEST(eventually([&] { return stream_size("RAW") == 0; }));
}

BOOST_FIXTURE_TEST_CASE(what_a_puller_had_that_was_killed_comes_again_after_its_lease, server_fixture) {
  fill(*this, raw_subject("acme", "web"), 1);
  auto options = raw_puller(4);
  options.lease = 300ms;
  const inbox_of<pulled_message> first(system_), second(system_);
  const auto killed = spawn("puller", stream_puller, link_, options, pull_sink_ref(first.actor()));
  BOOST_REQUIRE(eventually([&] { return first.size() == 1; }));
  caf::anon_send_exit(killed, caf::exit_reason::kill);
  spawn("puller-2", stream_puller, link_, options, pull_sink_ref(second.actor()));
  BOOST_TEST(eventually([&] { return second.size() == 1; }, 5s));
}

BOOST_FIXTURE_TEST_CASE(a_refused_message_comes_again_after_its_delay, server_fixture) {
  fill(*this, raw_subject("acme", "web"), 1);
  const inbox_of<pulled_message> sink(system_);
  spawn("puller", stream_puller, link_, raw_puller(4), pull_sink_ref(sink.actor()));
  BOOST_REQUIRE(eventually([&] { return sink.size() == 1; }));
  const auto first = sink.all()[0];
  caf::anon_send(first.puller.actor(), pull_nak{first.message, 50ms});
  BOOST_REQUIRE(eventually([&] { return sink.size() == 2; }));
  BOOST_TEST(sink.all()[1].sequence == first.sequence);
}

BOOST_FIXTURE_TEST_CASE(a_consumer_that_never_settled_anything_and_never_delivers_is_made_anew_once, server_fixture) {
  fill(*this, raw_subject("acme", "web"), 2);
  const inbox_of<pulled_message> stuck(system_), sink(system_);
  spawn("puller", stream_puller, link_, raw_puller(1), pull_sink_ref(stuck.actor()));
  BOOST_REQUIRE(eventually([&] { return stuck.size() == 1; }));
  auto options = raw_puller(1); // of the same consumer, which has nothing for it: as good as one that never delivers
  options.tick = 20ms;
  options.look_every = 100ms;
  const auto puller = spawn("puller-2", stream_puller, link_, options, pull_sink_ref(sink.actor()));
  BOOST_REQUIRE(eventually([&] { return sink.size() == 1; }));
  acknowledge(sink.all()[0]);
  BOOST_REQUIRE(eventually([&] { return sink.size() == 2; }));
  acknowledge(sink.all()[1]);
  BOOST_TEST(eventually([&] { return stream_size("RAW") == 0; }));
  BOOST_TEST(ask<puller_status>(system_, puller, puller_query{})->remade == 1U);
}

BOOST_FIXTURE_TEST_CASE(no_consumer_is_made_before_its_stream_is, server_fixture) {
  fill(*this, raw_subject("acme", "web"), 1);
  auto made = std::make_shared<std::promise<caf::actor>>();
  const auto keeper = system_.spawn([made](caf::event_based_actor* self) -> caf::behavior {
    auto held = std::make_shared<caf::typed_response_promise<streams_ready>>();
    return {[=](const await_streams&) {
              *held = self->make_response_promise<streams_ready>();
              made->set_value({});
              return *held;
            },
            [=](caf::ok_atom) { held->deliver(streams_ready{}); }};
  });
  auto options = raw_puller(4);
  options.streams = stream_keeper_ref(keeper);
  const inbox_of<pulled_message> sink(system_);
  const auto puller = spawn("puller", stream_puller, link_, options, pull_sink_ref(sink.actor()));
  made->get_future().wait();
  BOOST_TEST(
      !eventually([&] { return !ask<puller_status>(system_, puller, puller_query{})->consumer.empty(); }, 500ms));
  caf::anon_send(keeper, caf::ok_atom::value);
  BOOST_TEST(eventually([&] { return sink.size() == 1; }));
  caf::anon_send_exit(keeper, caf::exit_reason::user_shutdown);
}

BOOST_FIXTURE_TEST_CASE(a_puller_goes_on_when_nobody_answers_for_its_stream, server_fixture) {
  fill(*this, raw_subject("acme", "web"), 1);
  const auto silent = system_.spawn([](caf::event_based_actor* self) -> caf::behavior {
    return {[self](const await_streams&) { return self->make_response_promise<streams_ready>(); }};
  });
  auto options = raw_puller(4);
  options.streams = stream_keeper_ref(silent);
  options.stream_timeout = 300ms;
  const inbox_of<pulled_message> sink(system_);
  spawn("puller", stream_puller, link_, options, pull_sink_ref(sink.actor()));
  BOOST_TEST(eventually([&] { return sink.size() == 1; }));
  caf::anon_send_exit(silent, caf::exit_reason::user_shutdown);
}

BOOST_FIXTURE_TEST_CASE(a_puller_with_nothing_to_do_does_not_begin_anew, server_fixture) {
  const inbox_of<pulled_message> sink(system_);
  auto options = raw_puller(4);
  options.tick = 20ms;
  options.look_every = 50ms;
  const auto puller = spawn("puller", stream_puller, link_, options, pull_sink_ref(sink.actor()));
  BOOST_TEST(!eventually([&] { return ask<puller_status>(system_, puller, puller_query{})->reopened > 0; }, 1s));
  fill(*this, raw_subject("acme", "web"), 1);
  BOOST_TEST(eventually([&] { return sink.size() == 1; }));
}

BOOST_FIXTURE_TEST_CASE(pulling_goes_on_after_the_server_was_killed, server_fixture) {
  fill(*this, raw_subject("acme", "web"), 20);
  const inbox_of<pulled_message> sink(system_);
  spawn("puller", stream_puller, link_, raw_puller(16), pull_sink_ref(sink.actor()));
  BOOST_REQUIRE(eventually([&] { return sink.size() == 16; }));
  kill_server();
  for (const auto& m : sink.all())
    acknowledge(m);
  fill(*this, raw_subject("acme", "web"), 5, "later-");
  std::size_t answered = 0;
  BOOST_TEST(eventually(
      [&] {
        const auto all = sink.all();
        while (answered < all.size())
          acknowledge(all[answered++]);
        return stream_size("RAW") == 0;
      },
      40s));
  BOOST_TEST(sink.size() >= 25U);
}

BOOST_AUTO_TEST_SUITE_END()
