// When a supervisor restarts and when it gives up.
#include "runtime/restart_policy.hpp"

#include <boost/test/unit_test.hpp>

#include <rapidcheck.h>
#include <rapidcheck/boost_test.h>

using namespace soc;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(restart_policy)

BOOST_AUTO_TEST_CASE(back_off_doubles_up_to_its_maximum) {
  const backoff_spec spec{100ms, 30'000ms, 0};
  BOOST_TEST(backoff_delay(spec, 1, 0.9).count() == 100);
  BOOST_TEST(backoff_delay(spec, 2, 0.9).count() == 200);
  BOOST_TEST(backoff_delay(spec, 9, 0.9).count() == 25'600);
  BOOST_TEST(backoff_delay(spec, 10, 0.9).count() == 30'000);
  BOOST_TEST(backoff_delay(spec, 4'000'000'000u, 0.9).count() == 30'000);
}

RC_BOOST_PROP(jitter_stays_within_its_part_of_the_delay, ()) {
  const double jitter = *rc::gen::inRange(0, 100) / 100.0;
  const double random = *rc::gen::inRange(0, 1000) / 1000.0;
  const auto failures = *rc::gen::inRange<std::uint32_t>(1, 40);
  const backoff_spec spec{100ms, 30'000ms, jitter}, plain{100ms, 30'000ms, 0};
  const auto delay = static_cast<double>(backoff_delay(spec, failures, random).count());
  const auto middle = static_cast<double>(backoff_delay(plain, failures, random).count());
  RC_ASSERT(delay >= middle * (1 - jitter) - 1);
  RC_ASSERT(delay <= middle * (1 + jitter) + 1);
}

BOOST_AUTO_TEST_CASE(the_sixth_failure_within_ten_seconds_is_one_too_many) {
  failure_history history({5, 10'000ms});
  const failure_history::time_point start{};
  for (int i = 0; i < 5; ++i)
    BOOST_TEST(!history.exceeds(start + i * 1s));
  BOOST_TEST(history.exceeds(start + 5s));
}

BOOST_AUTO_TEST_CASE(failures_older_than_the_window_do_not_count) {
  failure_history history({5, 10'000ms});
  const failure_history::time_point start{};
  for (int i = 0; i < 100; ++i)
    BOOST_TEST(!history.exceeds(start + i * 2'001ms));
}

BOOST_AUTO_TEST_CASE(forgiven_failures_do_not_count) {
  failure_history history({5, 10'000ms});
  const failure_history::time_point start{};
  for (int i = 0; i < 5; ++i)
    history.exceeds(start);
  history.forgive(3);
  BOOST_TEST(!history.exceeds(start));
}

BOOST_AUTO_TEST_SUITE_END()
