// MTTD, MTTA and MTTR over time.
#include "incident/core/times.hpp"

#include <boost/test/unit_test.hpp>

using namespace soc;
using namespace soc::incident;

namespace {

constexpr unix_ns day = 86'400 * ns_per_s;

summary incident_at(unix_ns first, double detect, double acknowledge, double respond) {
  summary s;
  s.first_event = first;
  s.times = {detect, acknowledge, respond};
  return s;
}

} // namespace

BOOST_AUTO_TEST_CASE(times_are_told_by_day_with_mean_median_and_worst) {
  const auto periods = times_by_period({incident_at(3 * day + 5, 10, 100, -1), incident_at(3 * day, 20, -1, -1),
                                        incident_at(3 * day + 7, 90, 300, 600), incident_at(5 * day, 1, 2, 3)},
                                       day, 100 * day);
  BOOST_REQUIRE_EQUAL(periods.size(), 2u);
  const auto& first = periods[0];
  BOOST_TEST(first.from == 3 * day);
  BOOST_TEST(first.opened == 3u);
  BOOST_TEST(first.resolved == 1u);
  BOOST_TEST(first.detect.mean == 40);
  BOOST_TEST(first.detect.median == 20);
  BOOST_TEST(first.detect.worst == 90);
  BOOST_TEST(first.acknowledge.incidents == 2u);
  BOOST_TEST(first.acknowledge.median == 200);
  BOOST_TEST(periods[1].respond.mean == 3);
}

BOOST_AUTO_TEST_CASE(what_nobody_has_yet_is_no_time) {
  const auto periods = times_by_period({incident_at(day, 5, -1, -1)}, day, 100 * day);
  BOOST_REQUIRE_EQUAL(periods.size(), 1u);
  BOOST_TEST(periods[0].acknowledge.incidents == 0u);
  BOOST_TEST(periods[0].acknowledge.mean == -1);
}

BOOST_AUTO_TEST_CASE(a_merged_incident_does_not_count_twice) {
  auto merged = incident_at(day, 5, 6, 7);
  merged.merged_into = "other";
  BOOST_TEST(times_by_period({merged}, day, 100 * day).empty());
}

BOOST_AUTO_TEST_CASE(deadlines_count_once_they_are_decided) {
  const auto kept = [](unix_ns by, unix_ns met) {
    auto s = incident_at(day, 5, -1, -1);
    s.sla.acknowledge = {by, met, false};
    return s;
  };
  const auto periods = times_by_period(
      {kept(2 * day, day), kept(2 * day, 3 * day), kept(2 * day, 0), kept(9 * day, 0), kept(0, day)}, day, 4 * day);
  BOOST_REQUIRE_EQUAL(periods.size(), 1u);
  BOOST_TEST(periods[0].confirmed_in_time.decided == 3u); // kept, too late, and not at all
  BOOST_TEST(periods[0].confirmed_in_time.kept == 1u);
  BOOST_TEST(periods[0].resolved_in_time.decided == 0u);
}
