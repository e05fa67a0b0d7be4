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
