#include "transport/outbox.hpp"

#include <boost/test/unit_test.hpp>

#include <rapidcheck.h>

using namespace soc::transport;
using namespace std::chrono_literals;

namespace {

const outbox::time_point t0{1h};

outgoing message(const std::string& id, std::size_t bytes = 10) {
  return {"s", std::string(bytes, 'p'), id};
}

} // namespace

BOOST_AUTO_TEST_SUITE(outbox_of_unacknowledged_messages)

BOOST_AUTO_TEST_CASE(a_new_message_is_due_at_once_and_again_after_the_first_wait) {
  outbox box({});
  const auto token = box.add(message("a"), t0);
  BOOST_TEST(box.take_due(t0) == std::vector{token});
  BOOST_TEST(box.take_due(t0 + 399ms).empty());
  BOOST_TEST(box.take_due(t0 + 400ms) == std::vector{token});
  BOOST_TEST(box.resent() == 1U);
}

BOOST_AUTO_TEST_CASE(waits_double_up_to_the_longest) {
  outbox box({.first_resend = 400ms, .max_resend = 1000ms});
  box.add(message("a"), t0);
  auto now = t0;
  for (const auto wait : {0ms, 400ms, 800ms, 1000ms, 1000ms}) {
    BOOST_TEST(box.take_due(now + wait - 1ms).empty());
    now += wait;
    BOOST_TEST(box.take_due(now).size() == 1U);
  }
}

BOOST_AUTO_TEST_CASE(an_acknowledged_message_never_comes_again) {
  outbox box({});
  const auto token = box.add(message("a"), t0);
  (void)box.take_due(t0);
  BOOST_TEST(box.remove(token).has_value());
  BOOST_TEST(!box.remove(token).has_value());
  BOOST_TEST(box.take_due(t0 + 1h).empty());
  BOOST_TEST(box.bytes() == 0U);
}

BOOST_AUTO_TEST_CASE(a_full_outbox_takes_no_more) {
  outbox box({.messages = 2, .bytes = 1000});
  box.add(message("a"), t0);
  BOOST_TEST(box.fits(10));
  box.add(message("b"), t0);
  BOOST_TEST(!box.fits(10));
}

BOOST_AUTO_TEST_CASE(bytes_are_bounded_but_one_message_always_fits) {
  outbox box({.messages = 100, .bytes = 100});
  BOOST_TEST(box.fits(5000));
  box.add(message("a", 90), t0);
  BOOST_TEST(!box.fits(10));
}

BOOST_AUTO_TEST_CASE(after_a_reconnect_everything_is_due_oldest_first_in_bursts) {
  outbox box({.burst_bytes = 100});
  std::vector<std::uint64_t> tokens;
  for (int i = 0; i < 5; ++i)
    tokens.push_back(box.add(message("m" + std::to_string(i), 40), t0));
  while (!box.take_due(t0).empty()) {
  }
  box.make_all_due(t0 + 1ms);
  std::vector<std::uint64_t> again;
  for (auto burst = box.take_due(t0 + 1ms); !burst.empty(); burst = box.take_due(t0 + 1ms)) {
    BOOST_TEST(burst.size() <= 2U);
    again.insert(again.end(), burst.begin(), burst.end());
  }
  BOOST_TEST(again == tokens);
}

BOOST_AUTO_TEST_CASE(nothing_is_lost_and_nothing_stays_whatever_the_order_of_acknowledgements) {
  BOOST_TEST(rc::check("each token leaves exactly once", [](const std::vector<std::uint8_t>& steps) {
    outbox box({});
    std::vector<std::uint64_t> waiting;
    std::size_t bytes = 0;
    auto now = t0;
    for (const auto step : steps) {
      now += std::chrono::milliseconds(step);
      if (step % 3 != 0 || waiting.empty()) {
        waiting.push_back(box.add(message(std::to_string(step), step), now));
        bytes += box.find(waiting.back())->bytes();
      } else {
        const auto at = waiting.begin() + static_cast<long>(step % waiting.size());
        bytes -= box.remove(*at)->bytes();
        waiting.erase(at);
      }
      (void)box.take_due(now);
      RC_ASSERT(box.size() == waiting.size());
      RC_ASSERT(box.bytes() == bytes);
    }
    RC_ASSERT(box.take_due(now + 1h) == waiting);
  }));
}

BOOST_AUTO_TEST_SUITE_END()
