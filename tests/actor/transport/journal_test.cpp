#include "actor/transport/server_fixture.hpp"
#include "transport/subjects.hpp"

#include <mutex>

using namespace soc;
using namespace soc::transport;
using namespace soc::transport::testing;

namespace {

struct appended_by {
  std::atomic<int> done{0}, failed{0};
  std::mutex lock;
  std::string first_failure;

  void fail(const std::string& subject, const caf::error& error) {
    const std::lock_guard held(lock);
    if (first_failure.empty())
      first_failure = subject + ": " + describe(error);
    ++failed;
  }
};

/// Appends one entry after the other, as an aggregate does.
void append_next(caf::event_based_actor* self, const caf::actor& to, const std::string& subject, std::uint64_t last,
                 int left, const std::shared_ptr<appended_by>& told) {
  if (left == 0) {
    ++told->done;
    return;
  }
  self->request(to, 30s, journal_append{subject, last, std::to_string(left), subject + "-" + std::to_string(left)})
      .then([=](const journal_appended& at) { append_next(self, to, subject, at.sequence, left - 1, told); },
            [=](const caf::error& error) { told->fail(subject, error); });
}

} // namespace

BOOST_AUTO_TEST_SUITE(journal_over_nats, *boost::unit_test::precondition(needs_server))

BOOST_FIXTURE_TEST_CASE(appends_are_fenced_by_the_expected_sequence_and_read_back_in_order, server_fixture) {
  const auto one = spawn("journal", journal, link_, journal_options{});
  const auto subject = journal_subject("acme", "incident", "i1");
  const auto first = ask<journal_appended>(system_, one, journal_append{subject, 0, "a", "m1"});
  BOOST_REQUIRE(first);
  const auto second = ask<journal_appended>(system_, one, journal_append{subject, first->sequence, "b", "m2"});
  BOOST_REQUIRE(second);

  // Another node that believes it owns the aggregate.
  const auto other = spawn("journal-2", journal, open_link(), journal_options{});
  const auto stale = ask<journal_appended>(system_, other, journal_append{subject, first->sequence, "x", "m3"});
  BOOST_TEST(static_cast<int>(stale.error().code) == static_cast<int>(ec::conflict));
  const auto again = ask<journal_appended>(system_, other, journal_append{subject, second->sequence, "x", "m2"});
  BOOST_TEST(static_cast<int>(again.error().code) == static_cast<int>(ec::conflict));

  const auto entries = ask<journal_entries>(system_, other, journal_read{subject, 0});
  BOOST_REQUIRE(entries);
  BOOST_REQUIRE_EQUAL(entries->entries.size(), 2U);
  BOOST_TEST(entries->entries[0].payload == "a");
  BOOST_TEST(entries->entries[1].payload == "b");
  const auto tail = ask<journal_entries>(system_, other, journal_read{subject, first->sequence});
  BOOST_REQUIRE_EQUAL(tail->entries.size(), 1U);
  BOOST_TEST(tail->entries[0].sequence == second->sequence);
}

BOOST_FIXTURE_TEST_CASE(an_empty_subject_and_an_unknown_stream_are_answered, server_fixture) {
  const auto one = spawn("journal", journal, link_, journal_options{});
  BOOST_TEST(
      ask<journal_entries>(system_, one, journal_read{journal_subject("acme", "run", "none"), 0})->entries.empty());
  const auto nowhere = ask<journal_entries>(system_, one, journal_read{"elsewhere.x", 0});
  BOOST_TEST(static_cast<int>(nowhere.error().code) == static_cast<int>(ec::invalid_input));
}

BOOST_FIXTURE_TEST_CASE(many_aggregates_are_read_with_one_consumer, server_fixture) {
  const auto one = spawn("journal", journal, link_, journal_options{.read_batch = 100});
  constexpr int aggregates = 700;
  for (int i = 0; i < aggregates; ++i)
    caf::anon_send(one, journal_append{journal_subject("acme", "incident", "i" + std::to_string(i)), 0,
                                       "p" + std::to_string(i), "m" + std::to_string(i)});
  result<journal_entries> all = failure{};
  BOOST_TEST(eventually([&] {
    all = ask<journal_entries>(system_, one, journal_read{journal_filter("incident"), 0});
    return all && all->entries.size() == aggregates;
  }));
  for (std::size_t i = 1; i < all->entries.size(); ++i)
    BOOST_REQUIRE(all->entries[i - 1].sequence < all->entries[i].sequence);
}

BOOST_FIXTURE_TEST_CASE(a_crowd_of_aggregates_appends_over_both_lanes_and_each_in_its_order, server_fixture) {
  // A disk that has just taken a build may hold NATS up for seconds: only an answer that never comes is a failure here.
  const auto one = spawn("journal", journal, link_, journal_options{.append_timeout = 20s, .crowd = 6});
  constexpr int aggregates = 60, entries = 30; // the lanes change all the time: some run dry before others
  const auto told = std::make_shared<appended_by>();
  for (int i = 0; i < aggregates; ++i)
    system_.spawn([=](caf::event_based_actor* self) {
      append_next(self, one, journal_subject("acme", "run", "r" + std::to_string(i)), 0, i % 5 == 0 ? 1 : entries,
                  told);
    });
  BOOST_REQUIRE(eventually([&] { return told->done + told->failed == aggregates; }, 60s));
  BOOST_TEST(told->failed == 0, told->failed << " failed, first " << told->first_failure);
  for (int i = 1; i < aggregates; i += 7) {
    const auto subject = journal_subject("acme", "run", "r" + std::to_string(i));
    const auto all = ask<journal_entries>(system_, one, journal_read{subject, 0});
    BOOST_REQUIRE(all);
    const int count = i % 5 == 0 ? 1 : entries;
    BOOST_REQUIRE_EQUAL(all->entries.size(), static_cast<std::size_t>(count));
    for (int k = 0; k < count; ++k)
      BOOST_TEST(all->entries[static_cast<std::size_t>(k)].payload == std::to_string(count - k));
  }
}

BOOST_FIXTURE_TEST_CASE(an_append_while_nats_is_away_fails_with_a_known_outcome, server_fixture) {
  const auto one = spawn("journal", journal, link_, journal_options{});
  end(server_);
  BOOST_REQUIRE(eventually([&] { return !link_->connected(); }));
  const auto refused =
      ask<journal_appended>(system_, one, journal_append{journal_subject("a", "run", "r"), 0, "x", "m"});
  BOOST_TEST(static_cast<int>(refused.error().code) == static_cast<int>(ec::unavailable));
}

BOOST_FIXTURE_TEST_CASE(a_read_asked_for_before_nats_is_there_is_answered_soon_after_it_comes, server_fixture) {
  // Only "not now" is answered here: were it taken for an answer that never comes, the read would last for this long.
  const auto one = spawn("journal", journal, link_, journal_options{.read_stall = 30s, .read_timeout = 60s});
  end(server_);
  BOOST_REQUIRE(eventually([&] { return !link_->connected(); }));
  auto answer = std::async(std::launch::async, [&] {
    return ask<journal_entries>(system_, one, journal_read{journal_subject("acme", "run", "none"), 0}, 25s);
  });
  server_ = spawn("server", nats_server_child, site_);
  BOOST_TEST(bool(answer.get()));
}

BOOST_AUTO_TEST_SUITE_END()
