// Windows in event time: when they fire, what late, repeated and restored events change.
#include "correlation/core/window_engine.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <random>
#include <set>

using namespace soc;
using namespace soc::correlation;

namespace {

constexpr unix_ns second = ns_per_s;
constexpr unix_ns start_time = 1'700'000'000 * second;

window_rule rule_of(window_kind kind, std::vector<std::pair<bound, double>> bounds, unix_ns span = 60 * second,
                    std::uint16_t positions = 1) {
  window_rule out;
  out.id = "w";
  out.kind = kind;
  out.bounds = std::move(bounds);
  out.timespan = span;
  out.positions = positions;
  return out;
}

observation at(double seconds, std::string group = "g", std::uint16_t position = 0) {
  static std::uint64_t number = 0;
  observation o;
  o.time = start_time + static_cast<unix_ns>(seconds * static_cast<double>(second));
  o.group = std::move(group);
  o.position = position;
  o.event = {1, ++number};
  return o;
}

struct window_bench {
  window_engine engine;
  std::vector<firing> fired;
  explicit window_bench(window_rule rule, window_limits limits = {}) : engine({std::move(rule)}, limits) {}
  window_bench& see(observation o) {
    engine.observe(o, fired);
    return *this;
  }
  window_bench& valued(double seconds, std::uint64_t value, double number = 0) {
    auto o = at(seconds);
    o.value = value;
    o.number = number;
    return see(o);
  }
};

} // namespace

BOOST_AUTO_TEST_SUITE(windows)

BOOST_AUTO_TEST_CASE(a_count_fires_when_enough_events_fall_into_the_timespan) {
  window_bench b(rule_of(window_kind::event_count, {{bound::gte, 3}}));
  b.see(at(0)).see(at(30)).see(at(61));
  BOOST_TEST(b.fired.empty());
  b.see(at(62));
  BOOST_REQUIRE(b.fired.size() == 1u);
  BOOST_TEST(b.fired[0].events == 3u);
  BOOST_TEST(b.fired[0].first == start_time + 30 * second);
  BOOST_TEST(b.fired[0].last == start_time + 62 * second);
  BOOST_TEST(b.fired[0].recent.size() == 3u);
}

BOOST_AUTO_TEST_CASE(groups_are_counted_apart) {
  window_bench b(rule_of(window_kind::event_count, {{bound::gt, 1}}));
  b.see(at(0, "a")).see(at(1, "b")).see(at(2, "a"));
  BOOST_REQUIRE(b.fired.size() == 1u);
  BOOST_TEST(b.fired[0].group == "a");
}

BOOST_AUTO_TEST_CASE(a_group_starts_anew_after_it_fired) {
  window_bench b(rule_of(window_kind::event_count, {{bound::gte, 2}}));
  for (int i = 0; i < 5; ++i)
    b.see(at(i));
  BOOST_TEST(b.fired.size() == 2u);
}

BOOST_AUTO_TEST_CASE(the_same_event_again_changes_nothing) {
  window_bench b(rule_of(window_kind::event_count, {{bound::gte, 2}}));
  const auto once = at(0);
  b.see(once).see(once).see(once);
  BOOST_TEST(b.fired.empty());
  BOOST_TEST(b.engine.counters().repeated == 2u);
}

BOOST_AUTO_TEST_CASE(a_late_event_counts_where_it_belongs) {
  window_bench b(rule_of(window_kind::event_count, {{bound::gte, 3}}, 10 * second));
  b.see(at(0)).see(at(5)).see(at(100)).see(at(7));
  BOOST_REQUIRE(b.fired.size() == 1u);
  BOOST_TEST(b.fired[0].last == start_time + 7 * second);
}

BOOST_AUTO_TEST_CASE(an_event_beyond_the_tolerance_is_dropped_and_counted) {
  window_bench b(rule_of(window_kind::event_count, {{bound::gte, 1}}));
  b.see(at(1000)).see(at(1000 - 301));
  BOOST_TEST(b.fired.size() == 1u);
  BOOST_TEST(b.engine.counters().late == 1u);
}

BOOST_AUTO_TEST_CASE(distinct_values_are_counted_once) {
  window_bench b(rule_of(window_kind::value_count, {{bound::gte, 3}}));
  b.valued(0, 1).valued(1, 1).valued(2, 2).valued(3, 2);
  BOOST_TEST(b.fired.empty());
  b.valued(4, 3);
  BOOST_REQUIRE(b.fired.size() == 1u);
  BOOST_TEST(b.fired[0].measure == 3);
}

BOOST_AUTO_TEST_CASE(temporal_needs_every_rule_in_any_order) {
  window_bench b(rule_of(window_kind::temporal, {}, 60 * second, 3));
  b.see(at(0, "g", 2)).see(at(1, "g", 0)).see(at(2, "g", 0));
  BOOST_TEST(b.fired.empty());
  b.see(at(3, "g", 1));
  BOOST_TEST(b.fired.size() == 1u);
}

BOOST_AUTO_TEST_CASE(temporal_ordered_needs_the_order) {
  window_bench wrong(rule_of(window_kind::temporal_ordered, {}, 60 * second, 2));
  wrong.see(at(0, "g", 1)).see(at(1, "g", 0));
  BOOST_TEST(wrong.fired.empty());
  wrong.see(at(2, "g", 1));
  BOOST_TEST(wrong.fired.size() == 1u);
}

BOOST_AUTO_TEST_CASE(temporal_ordered_needs_the_timespan) {
  window_bench b(rule_of(window_kind::temporal_ordered, {}, 10 * second, 2));
  b.see(at(0, "g", 0)).see(at(11, "g", 1));
  BOOST_TEST(b.fired.empty());
  b.see(at(12, "g", 0)).see(at(20, "g", 1));
  BOOST_TEST(b.fired.size() == 1u);
}

BOOST_AUTO_TEST_CASE(sums_averages_and_percentiles_are_of_the_window) {
  window_bench sum(rule_of(window_kind::value_sum, {{bound::gt, 10}}));
  sum.valued(0, 0, 6).valued(1, 0, 4);
  BOOST_TEST(sum.fired.empty());
  sum.valued(2, 0, 1);
  BOOST_REQUIRE(sum.fired.size() == 1u);
  BOOST_TEST(sum.fired[0].measure == 11);

  window_bench average(rule_of(window_kind::value_avg, {{bound::gte, 5}}));
  average.valued(0, 0, 1).valued(1, 0, 3);
  BOOST_TEST(average.fired.empty());
  average.valued(2, 0, 11);
  BOOST_TEST(average.fired.size() == 1u);

  window_bench median(rule_of(window_kind::value_percentile, {{bound::gte, 5}}));
  median.valued(0, 0, 1).valued(1, 0, 9).valued(2, 0, 2);
  BOOST_TEST(median.fired.empty());
  median.valued(3, 0, 8).valued(4, 0, 7);
  BOOST_TEST(median.fired.size() == 1u);
}

BOOST_AUTO_TEST_CASE(an_upper_bound_is_judged_when_the_window_is_over) {
  window_bench b(rule_of(window_kind::event_count, {{bound::lt, 3}}, 10 * second));
  b.see(at(0, "few")).see(at(0, "many")).see(at(1, "many")).see(at(2, "many"));
  BOOST_TEST(b.fired.empty());
  b.engine.advance(start_time + 1000 * second, b.fired);
  BOOST_REQUIRE(b.fired.size() == 1u);
  BOOST_TEST(b.fired[0].group == "few");
  BOOST_TEST(b.fired[0].at_end);
}

BOOST_AUTO_TEST_CASE(a_firing_feeds_the_window_above) {
  auto inner = rule_of(window_kind::event_count, {{bound::gte, 2}});
  auto outer = rule_of(window_kind::temporal_ordered, {}, 600 * second, 2);
  outer.id = "outer";
  window_engine engine({inner, outer});
  std::vector<firing> fired;
  auto failed = at(0, "host-1/alice");
  failed.next = {{1, 0, "alice"}};
  engine.observe(failed, fired);
  auto again = at(1, "host-1/alice");
  again.next = failed.next;
  engine.observe(again, fired);
  auto success = at(2, "alice", 1);
  success.window = 1;
  engine.observe(success, fired);
  BOOST_REQUIRE(fired.size() == 2u);
  BOOST_TEST(fired[0].window == 0u);
  BOOST_TEST(fired[1].window == 1u);
}

BOOST_AUTO_TEST_CASE(a_window_ends_while_its_events_stay_away_and_older_events_are_not_late_for_that) {
  window_bench b(rule_of(window_kind::event_count, {{bound::lte, 2}}));
  b.see(at(0));
  b.engine.end_over(start_time + 90 * second, b.fired);
  BOOST_TEST(b.fired.empty(), "its time and the tolerance are not over");
  b.engine.end_over(start_time + 1000 * second, b.fired);
  BOOST_REQUIRE_EQUAL(b.fired.size(), 1U);
  BOOST_TEST(b.fired[0].at_end);
  b.see(at(200));
  BOOST_TEST(b.engine.counters().late == 0U);
}

BOOST_AUTO_TEST_CASE(a_firing_feeds_every_window_above_and_those_above_them) {
  const auto counted = [](const char* id) {
    auto out = rule_of(window_kind::event_count, {{bound::gte, 1}}, 600 * second);
    out.id = id;
    return out;
  };
  window_engine engine({counted("a"), counted("b"), counted("c"), counted("d")});
  std::vector<firing> fired;
  auto seen = at(0);
  seen.next = {{1, 0, "g", {{3, 0, "g", {}}}}, {2, 0, "g", {}}};
  engine.observe(seen, fired);
  std::set<std::uint32_t> windows;
  for (const auto& f : fired)
    windows.insert(f.window);
  BOOST_TEST((windows == std::set<std::uint32_t>{0, 1, 2, 3}));
}

BOOST_AUTO_TEST_CASE(a_window_that_was_fed_and_is_there_no_more_is_left_out_of_a_restored_state) {
  auto inner = rule_of(window_kind::event_count, {{bound::gte, 3}});
  auto outer = rule_of(window_kind::event_count, {{bound::gte, 1}}, 600 * second);
  outer.id = "outer";
  window_engine before({inner, outer});
  std::vector<firing> fired;
  auto seen = at(0);
  seen.next = {{1, 0, "g", {}}};
  before.observe(seen, fired);
  window_engine without({inner});
  BOOST_REQUIRE(without.restore(before.snapshot()));
  window_engine again({inner, outer});
  BOOST_REQUIRE(again.restore(without.snapshot()));
  again.observe(at(1), fired);
  again.observe(at(2), fired);
  BOOST_REQUIRE_EQUAL(fired.size(), 1U);
  BOOST_TEST(fired[0].window == 0U);
}

BOOST_AUTO_TEST_CASE(idle_groups_expire_and_the_number_of_groups_is_bounded) {
  window_limits limits;
  limits.max_groups = 100;
  window_bench b(rule_of(window_kind::event_count, {{bound::gte, 2}}, 10 * second), limits);
  for (int i = 0; i < 500; ++i)
    b.see(at(i * 0.01, "g" + std::to_string(i)));
  BOOST_TEST(b.engine.groups() <= 100u);
  BOOST_TEST(b.engine.counters().evicted_groups >= 400u);
  b.engine.advance(start_time + 10000 * second, b.fired);
  BOOST_TEST(b.engine.groups() == 0u);
}

BOOST_AUTO_TEST_CASE(a_damaged_snapshot_is_refused_and_changes_nothing) {
  window_bench b(rule_of(window_kind::event_count, {{bound::gte, 2}}));
  b.see(at(0));
  auto bytes = b.engine.snapshot();
  bytes[bytes.size() / 2] ^= 1;
  BOOST_TEST(!b.engine.restore(bytes));
  BOOST_TEST(!b.engine.restore("short"));
  b.see(at(1));
  BOOST_TEST(b.fired.size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

std::vector<observation> random_stream(std::uint64_t seed, std::size_t count) {
  std::mt19937_64 random(seed);
  const auto pick = [&](std::uint64_t of) { return random() % of; };
  std::vector<observation> out;
  for (std::size_t i = 0; i < count; ++i) {
    auto o = at(static_cast<double>(i) + static_cast<double>(pick(20)), "g" + std::to_string(pick(5)),
                static_cast<std::uint16_t>(pick(3)));
    o.window = static_cast<std::uint32_t>(pick(5));
    o.value = pick(4);
    o.number = static_cast<double>(pick(9));
    out.push_back(o);
  }
  return out;
}

std::vector<window_rule> all_kinds() {
  std::vector<window_rule> out{rule_of(window_kind::event_count, {{bound::gte, 4}}, 20 * second),
                               rule_of(window_kind::value_count, {{bound::gte, 3}}, 30 * second),
                               rule_of(window_kind::temporal_ordered, {}, 40 * second, 3),
                               rule_of(window_kind::value_sum, {{bound::gt, 15}}, 25 * second),
                               rule_of(window_kind::event_count, {{bound::lte, 2}}, 20 * second)};
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i].id = "w" + std::to_string(i);
  return out;
}

std::string text_of(const std::vector<firing>& fired) {
  std::string out;
  for (const auto& f : fired)
    out += std::to_string(f.window) + f.group + std::to_string(f.first) + "-" + std::to_string(f.last) + "=" +
           std::to_string(f.measure) + ";";
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(window_laws)

BOOST_AUTO_TEST_CASE(a_snapshot_at_any_prefix_and_the_rest_give_what_the_whole_gives) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto stream = random_stream(seed, 120);
    window_engine whole(all_kinds());
    std::vector<firing> expected;
    for (const auto& o : stream)
      whole.observe(o, expected);
    for (std::size_t cut = 0; cut <= stream.size(); cut += 7) {
      window_engine first(all_kinds()), second_half(all_kinds());
      std::vector<firing> fired;
      for (std::size_t i = 0; i < cut; ++i)
        first.observe(stream[i], fired);
      const bool restored = static_cast<bool>(second_half.restore(first.snapshot()));
      BOOST_REQUIRE(restored);
      for (std::size_t i = cut; i < stream.size(); ++i)
        second_half.observe(stream[i], fired);
      BOOST_REQUIRE_EQUAL(text_of(fired), text_of(expected));
      BOOST_REQUIRE(second_half.snapshot() == whole.snapshot());
    }
  }
}

BOOST_AUTO_TEST_CASE(whether_a_count_fires_does_not_depend_on_the_order_within_the_tolerance) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<observation> stream;
    for (int i = 0; i < 12; ++i)
      stream.push_back(at(static_cast<double>(random() % 100), "g" + std::to_string(random() % 3)));
    std::set<std::string> groups[2];
    for (auto& seen : groups) {
      window_bench b(rule_of(window_kind::event_count, {{bound::gte, 3}}, 15 * second));
      for (const auto& o : stream)
        b.see(o);
      for (const auto& f : b.fired)
        seen.insert(f.group);
      std::shuffle(stream.begin(), stream.end(), random);
    }
    BOOST_REQUIRE(groups[0] == groups[1]);
  }
}

BOOST_AUTO_TEST_SUITE_END()
