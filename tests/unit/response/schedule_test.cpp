#include "response/core/schedule.hpp"

#include <boost/test/unit_test.hpp>

#include <rapidcheck.h>

using namespace soc;
using namespace soc::response;

namespace {

unix_ns at(const char* text) {
  return parse_rfc3339(text).value_or(-1);
}

std::string due(const run_schedule& s, const char* now) {
  const auto found = latest_due(s, at(now));
  return found ? format_rfc3339(*found) : "never";
}

response_config loaded(const std::string& text, diagnostics& found) {
  response_config out;
  load_response_file("s.yaml", text, out, found);
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(schedules)

BOOST_AUTO_TEST_CASE(every_counts_from_the_same_beginning_on_all_nodes) {
  run_schedule s;
  s.every_s = 6 * 3600;
  BOOST_TEST(due(s, "2026-11-24T05:59:59Z") == format_rfc3339(at("2026-11-24T00:00:00Z")));
  BOOST_TEST(due(s, "2026-11-24T06:00:00Z") == format_rfc3339(at("2026-11-24T06:00:00Z")));
}

BOOST_AUTO_TEST_CASE(times_of_day_are_told_by_the_clock_of_the_place) {
  run_schedule s;
  s.at_min = {3 * 60, 15 * 60 + 30};
  s.offset_min = 8 * 60;
  BOOST_TEST(due(s, "2026-11-24T07:29:59Z") == format_rfc3339(at("2026-11-23T19:00:00Z")));
  BOOST_TEST(due(s, "2026-11-24T07:30:00Z") == format_rfc3339(at("2026-11-24T07:30:00Z")));
}

BOOST_AUTO_TEST_CASE(only_the_named_days_count) {
  run_schedule s;
  s.at_min = {180};
  s.days = {1}; // Monday; 2026-11-24 is a Tuesday
  BOOST_TEST(due(s, "2026-11-24T12:00:00Z") == format_rfc3339(at("2026-11-23T03:00:00Z")));
  BOOST_TEST(due(s, "2026-11-23T02:00:00Z") == format_rfc3339(at("2026-11-16T03:00:00Z")));
}

BOOST_AUTO_TEST_CASE(the_latest_time_is_never_in_the_future_and_never_goes_back) {
  BOOST_TEST(rc::check([] {
    run_schedule s;
    if (*rc::gen::arbitrary<bool>())
      s.every_s = *rc::gen::inRange<std::int64_t>(10, 200'000);
    else
      s.at_min = {*rc::gen::inRange(0, 24 * 60), *rc::gen::inRange(0, 24 * 60)};
    s.offset_min = *rc::gen::inRange(-840, 841);
    const auto now = *rc::gen::inRange<std::int64_t>(0, 4'000'000'000) * ns_per_s;
    const auto later = now + *rc::gen::inRange<std::int64_t>(0, 1'000'000) * ns_per_s;
    const auto first = latest_due(s, now), second = latest_due(s, later);
    RC_ASSERT(first && second);
    RC_ASSERT(*first <= now);
    RC_ASSERT(*first <= *second);
    RC_ASSERT(latest_due(s, *first) == first);
  }));
}

BOOST_AUTO_TEST_CASE(a_due_run_is_wanted_once_and_one_that_is_too_late_not_at_all) {
  diagnostics found;
  const auto config =
      loaded("schedules: [{id: hunt, title: Hunt, every: 24h, playbook: p, mode: auto, inputs: {n: 1}}]", found);
  BOOST_REQUIRE_EQUAL(found.errors(), 0U);
  const auto nothing_known = [](const std::string&) { return false; };
  const auto runs = due_runs(config.schedules, at("2026-11-24T00:10:00Z"), nothing_known);
  BOOST_REQUIRE_EQUAL(runs.size(), 1U);
  BOOST_TEST(runs[0].asked_by == "schedule:hunt");
  BOOST_TEST(runs[0].inputs.dump() == R"({"n":1})");
  BOOST_TEST(due_runs(config.schedules, at("2026-11-24T00:50:00Z"), nothing_known).at(0).id == runs[0].id);
  BOOST_TEST(due_runs(config.schedules, at("2026-11-25T00:10:00Z"), nothing_known).at(0).id != runs[0].id);
  const auto known = [&](const std::string& id) { return id == runs[0].id; };
  BOOST_TEST(due_runs(config.schedules, at("2026-11-24T00:20:00Z"), known).empty());
  BOOST_TEST(due_runs(config.schedules, at("2026-11-24T02:00:00Z"), nothing_known).empty());
}

BOOST_AUTO_TEST_CASE(what_is_wrong_in_a_schedule_is_named_and_the_schedule_left_out) {
  const auto code = [](const std::string& text) {
    diagnostics found;
    const auto config = loaded("schedules: [" + text + "]", found);
    BOOST_TEST(config.schedules.empty());
    return found.all().empty() ? std::string() : found.all()[0].code;
  };
  BOOST_TEST(code("{id: a, playbook: p}") == "RSP016");
  BOOST_TEST(code("{id: a, playbook: p, every: 6h, at: '03:00'}") == "RSP016");
  BOOST_TEST(code("{id: a, playbook: p, every: 1s}") == "RSP016");
  BOOST_TEST(code("{id: a, playbook: p, every: 6h, days: mon}") == "RSP016");
  BOOST_TEST(code("{id: a, playbook: p, at: '25:00'}") == "RSP012");
  BOOST_TEST(code("{id: a, playbook: p, at: '03:00', days: moonday}") == "RSP012");
}

BOOST_AUTO_TEST_SUITE_END()
