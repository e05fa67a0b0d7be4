#include "actor/transport/server_fixture.hpp"
#include "transport/alert_publisher.hpp"
#include "transport/subjects.hpp"
#include "wire/alert_wire.hpp"

#include <set>

using namespace soc;
using namespace soc::transport;
using namespace soc::transport::testing;

namespace {

model::alert_ptr small_alert(const std::string& id, const std::string& tenant = "acme") {
  auto a = std::make_shared<model::alert>();
  a->id = id;
  a->tenant = tenant;
  a->title = "a title";
  a->rule_id = "rule";
  return a;
}

/// Counts published messages acknowledged and refused.
struct publish_counts {
  std::atomic<int> stored{0}, refused{0};
};

/// Publishes `count` messages with at most `window` unanswered, as a source with credit does.
caf::behavior paced_publisher(caf::event_based_actor* self, caf::actor bus, int count, int window,
                              std::shared_ptr<publish_counts> counts) {
  auto next = std::make_shared<int>(0);
  auto publish = std::make_shared<std::function<void()>>();
  *publish = [=, weak = std::weak_ptr(publish)] {
    if (*next >= count)
      return;
    const auto number = std::to_string((*next)++);
    const auto go_on = weak.lock();
    self->request(bus, caf::infinite, bus_publish{audit_subject("acme"), "payload-" + number, "id-" + number})
        .then(
            [=](const bus_published&) {
              ++counts->stored;
              (*go_on)();
            },
            [=](const caf::error&) {
              ++counts->refused;
              (*go_on)();
            });
  };
  for (int i = 0; i < window; ++i)
    (*publish)();
  return {[publish](caf::unit_t) {}};
}

} // namespace

BOOST_AUTO_TEST_SUITE(publishing_over_nats, *boost::unit_test::precondition(needs_server))

BOOST_FIXTURE_TEST_CASE(a_server_killed_among_5000_publishes_loses_and_doubles_nothing, server_fixture) {
  const auto one = spawn("bus", bus, link_, bus_options{});
  auto counts = std::make_shared<publish_counts>();
  constexpr int total = 5000;
  const auto source = system_.spawn(paced_publisher, one, total, 256, counts);
  BOOST_REQUIRE(eventually([&] { return counts->stored > total / 4; }));
  kill_server();
  BOOST_TEST(eventually([&] { return counts->stored == total; }, 30s));
  BOOST_TEST(counts->refused == 0);
  BOOST_TEST(server_status().restarts == 1U);
  const auto all = messages_of("soc.*.audit");
  std::set<std::string> distinct;
  for (const auto& entry : all)
    distinct.insert(entry.payload);
  BOOST_TEST(distinct.size() == static_cast<std::size_t>(total));
  BOOST_TEST(all.size() == static_cast<std::size_t>(total));
  caf::anon_send_exit(source, caf::exit_reason::user_shutdown);
}

BOOST_FIXTURE_TEST_CASE(a_batch_is_done_when_both_forms_of_all_its_alerts_are_stored, server_fixture) {
  const auto publisher = spawn("publisher", alert_publisher, link_, alert_publisher_options{});
  const inbox_of<batch_done> answers(system_);
  const source_ref source(answers.actor());
  const inbox_of<nats_delivery> subscriber(system_);
  const auto subscription = link_->subscribe(lane::prompt, "soc.json.*.alert", subscriber.actor());
  caf::anon_send(publisher, publish_alerts{{small_alert("a1"), small_alert("a2"), small_alert("a1")}, 7, source});
  BOOST_REQUIRE(eventually([&] { return answers.size() == 1; }));
  BOOST_TEST(answers.all()[0].ticket == 7U);
  const auto alerts = messages_of(alert_subject("acme", alert_partition("acme", 8)));
  BOOST_REQUIRE_EQUAL(alerts.size(), 2U); // the same id is stored once
  BOOST_TEST(wire::decode_alert(alerts[0].payload)->id == "a1");
  BOOST_TEST(messages_of("soc.*.finding").size() == 2U);
  BOOST_REQUIRE(eventually([&] { return subscriber.size() == 2; }));
  BOOST_TEST(subscriber.all()[0].subject == "soc.json.acme.alert");
}

BOOST_FIXTURE_TEST_CASE(an_empty_batch_is_answered_at_once, server_fixture) {
  const auto publisher = spawn("publisher", alert_publisher, link_, alert_publisher_options{});
  const inbox_of<batch_done> answers(system_);
  caf::anon_send(publisher, publish_alerts{{}, 3, source_ref(answers.actor())});
  BOOST_TEST(eventually([&] { return answers.size() == 1; }));
}

BOOST_FIXTURE_TEST_CASE(an_alert_that_cannot_be_published_goes_to_the_dead_letters_and_stops_nothing, server_fixture) {
  std::atomic<int> letters{0};
  const auto keeper = system_.spawn([&letters]() -> caf::behavior {
    return {[&letters](const dead_letter&) {
      ++letters;
      return stored{};
    }};
  });
  letters_ = dead_letter_ref(keeper);
  const auto publisher = spawn("publisher", alert_publisher, link_, alert_publisher_options{});
  const inbox_of<batch_done> answers(system_);
  caf::anon_send(publisher,
                 publish_alerts{{small_alert("a1", "bad tenant"), small_alert("a2")}, 1, source_ref(answers.actor())});
  BOOST_TEST(eventually([&] { return answers.size() == 1; }));
  BOOST_TEST(letters == 1);
  BOOST_TEST(messages_of("soc.*.finding").size() == 1U);
  caf::anon_send_exit(keeper, caf::exit_reason::user_shutdown);
}

BOOST_FIXTURE_TEST_CASE(while_nats_is_away_sources_are_held_and_then_go_on, server_fixture) {
  alert_publisher_options options;
  options.limits.messages = 8;
  options.max_waiting_batches = 2;
  const auto publisher = spawn("publisher", alert_publisher, link_, options);
  end(server_);
  BOOST_REQUIRE(eventually([&] { return !link_->connected(); }));
  const inbox_of<batch_done> answers(system_);
  const inbox_of<batch_failed> given_back(system_);
  const auto send = [&](int number, const caf::actor& source) {
    caf::anon_send(publisher, publish_alerts{{small_alert("a" + std::to_string(number))},
                                             static_cast<std::uint64_t>(number),
                                             source_ref(source)});
  };
  for (int i = 0; i < 6; ++i) // four fill the outbox, two wait
    send(i, answers.actor());
  send(6, given_back.actor()); // over the bound
  BOOST_REQUIRE(eventually([&] { return given_back.size() == 1; }));
  BOOST_TEST(answers.size() == 0U);
  server_ = spawn("server", nats_server_child, site_);
  BOOST_TEST(eventually([&] { return answers.size() == 6; }));
  BOOST_TEST(messages_of("soc.*.finding").size() == 6U);
}

BOOST_AUTO_TEST_SUITE_END()
