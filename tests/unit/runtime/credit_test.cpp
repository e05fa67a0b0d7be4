// The laws of a source's credit.
#include "runtime/credit.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <rapidcheck.h>
#include <rapidcheck/boost_test.h>
#include <set>

using namespace soc;
using namespace std::chrono_literals;

namespace {

model::raw_batch_ptr batch_of(std::size_t bytes) {
  auto batch = std::make_shared<model::raw_batch>();
  batch->bytes.assign(bytes, 'x');
  return batch;
}

credit_limits small_limits() {
  credit_limits limits;
  limits.batches = 4;
  limits.bytes = 1'000;
  limits.retry = {200ms, 30'000ms, 0};
  return limits;
}

constexpr unix_ns start = 1'000 * ns_per_s;

} // namespace

BOOST_AUTO_TEST_SUITE(credit)

BOOST_AUTO_TEST_CASE(a_batch_larger_than_the_credit_goes_alone) {
  credit_ledger ledger(small_limits());
  BOOST_TEST(ledger.allows(5'000));
  const auto ticket = ledger.issue(batch_of(5'000), 0, 1, start);
  BOOST_TEST(!ledger.allows(1));
  ledger.done(ticket.number);
  BOOST_TEST(ledger.allows(5'000));
}

BOOST_AUTO_TEST_CASE(a_failed_batch_is_due_after_its_back_off_with_the_same_ticket) {
  credit_ledger ledger(small_limits());
  const auto sent = ledger.issue(batch_of(10), 0, 1, start);
  BOOST_TEST(ledger.failed(sent.number, start, 0ms, 0.5));
  BOOST_TEST(ledger.due(start + 199 * ns_per_ms).empty());
  const auto again = ledger.due(start + 200 * ns_per_ms);
  BOOST_REQUIRE(again.size() == 1u);
  BOOST_TEST(again[0].number == sent.number);
  BOOST_TEST(again[0].attempt == 2u);
  BOOST_TEST((again[0].batch == sent.batch));
  BOOST_TEST(ledger.due(start + 201 * ns_per_ms).empty());
}

BOOST_AUTO_TEST_CASE(the_receivers_wish_to_wait_outweighs_a_shorter_back_off) {
  credit_ledger ledger(small_limits());
  const auto sent = ledger.issue(batch_of(10), 0, 1, start);
  ledger.failed(sent.number, start, 5'000ms, 0.5);
  BOOST_TEST(*ledger.next_due() == start + 5 * ns_per_s);
}

BOOST_AUTO_TEST_CASE(a_ticket_without_an_answer_is_sent_again_and_counted) {
  credit_ledger ledger(small_limits());
  ledger.issue(batch_of(10), 0, 1, start);
  BOOST_TEST(ledger.due(start + 59 * ns_per_s).empty());
  BOOST_TEST(ledger.due(start + 60 * ns_per_s).size() == 1u);
  BOOST_TEST(ledger.overdue() == 1u);
}

BOOST_AUTO_TEST_CASE(a_late_answer_to_the_first_sending_settles_the_second) {
  credit_ledger ledger(small_limits());
  const auto sent = ledger.issue(batch_of(10), 7, 42, start);
  ledger.failed(sent.number, start, 0ms, 0.5);
  const auto progress = ledger.done(sent.number);
  BOOST_REQUIRE(progress.has_value());
  BOOST_TEST(progress->position == 42u);
  BOOST_TEST(ledger.due(start + 3'600 * ns_per_s).empty());
  BOOST_TEST(!ledger.done(sent.number).has_value());
}

/// Any order of answers, failures and repeats over three streams.
RC_BOOST_PROP(credit_is_bounded_and_checkpoints_pass_only_what_is_done, ()) {
  credit_ledger ledger(small_limits());
  unix_ns now = start;
  std::map<std::uint64_t, std::vector<std::uint64_t>> issued; // stream → positions, in order
  std::map<std::uint64_t, std::pair<std::uint64_t, std::uint64_t>> of_ticket;
  std::set<std::pair<std::uint64_t, std::uint64_t>> acknowledged;
  std::set<std::uint64_t> open;
  std::map<std::uint64_t, std::uint64_t> reached;
  const auto steps = *rc::gen::inRange(1, 120);
  for (int step = 0; step < steps; ++step) {
    const auto size = static_cast<std::size_t>(*rc::gen::inRange(1, 600));
    const auto choice = *rc::gen::inRange(0, 4);
    if (choice < 2 && ledger.allows(size)) {
      const auto stream = static_cast<std::uint64_t>(*rc::gen::inRange(0, 3));
      const auto position = issued[stream].size() + 1;
      const auto ticket = ledger.issue(batch_of(size), stream, position, now);
      issued[stream].push_back(position);
      of_ticket[ticket.number] = {stream, position};
      open.insert(ticket.number);
    } else if (!of_ticket.empty()) {
      const auto ticket = static_cast<std::uint64_t>(*rc::gen::inRange<int>(1, static_cast<int>(of_ticket.size()) + 1));
      if (choice == 3) {
        RC_ASSERT(ledger.failed(ticket, now, 0ms, 0.5) == open.contains(ticket));
      } else {
        const auto progress = ledger.done(ticket);
        RC_ASSERT(!progress || open.contains(ticket));
        open.erase(ticket);
        acknowledged.insert(of_ticket[ticket]);
        if (progress) {
          RC_ASSERT(progress->position > reached[progress->stream]);
          reached[progress->stream] = progress->position;
        }
      }
    }
    now += 50 * ns_per_ms;
    RC_ASSERT(ledger.batches_in_flight() == open.size());
    RC_ASSERT(ledger.bytes_in_flight() <= 1'000u || ledger.batches_in_flight() == 1u);
    RC_ASSERT(ledger.batches_in_flight() <= 4u);
    for (const auto& [stream, positions] : issued) {
      std::uint64_t unbroken = 0;
      while (unbroken < positions.size() && acknowledged.contains({stream, unbroken + 1}))
        ++unbroken;
      RC_ASSERT(reached[stream] == unbroken);
    }
  }
  // Whatever failed comes again until it is done: nothing is lost.
  for (int round = 0; round < 50 && !open.empty(); ++round) {
    now += 3'600 * ns_per_s;
    for (const auto& ticket : ledger.due(now)) {
      ledger.done(ticket.number);
      open.erase(ticket.number);
    }
  }
  RC_ASSERT(open.empty());
  RC_ASSERT(ledger.bytes_in_flight() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
