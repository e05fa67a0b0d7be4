// Times as logs write them: each shape gives its instant, and no number or text leaves the range of nanoseconds.
#include "ingest/core/time_text.hpp"

#include <boost/test/unit_test.hpp>

using namespace soc;
using ingest::parse_time_text;

namespace {

constexpr ingest::time_context utc{};
constexpr unix_ns at_noon = 1'767'268'800 * ns_per_s; // 2026-01-01T12:00:00Z

unix_ns read(std::string_view text) {
  return parse_time_text(text, utc).value_or(-1);
}

} // namespace

BOOST_AUTO_TEST_SUITE(time_text)

BOOST_AUTO_TEST_CASE(one_instant_is_read_from_every_shape) {
  for (const auto* text :
       {"2026-01-01T12:00:00Z", "2026-01-01 12:00:00", "2026/01/01 20:00:00 +0800", "01/Jan/2026:13:00:00 +0100",
        "1 Jan 2026 12:00:00 UTC", "Jan  1 12:00:00 2026", "Thu, 01 Jan 2026 12:00:00 GMT", "1/1/2026 12:00:00 PM",
        "20260101120000", "1767268800", "1767268800.0", "1767268800000", "1767268800000000", "1767268800000000000"})
    BOOST_TEST(read(text) == at_noon, text << " gave " << read(text));
}

BOOST_AUTO_TEST_CASE(a_fraction_counts_to_the_nanosecond) {
  BOOST_TEST(read("1767268800.000000001") == at_noon + 1);
  BOOST_TEST(read("2026-01-01T12:00:00.25Z") == at_noon + ns_per_s / 4);
}

BOOST_AUTO_TEST_CASE(a_number_past_the_last_nanosecond_is_no_time) {
  BOOST_TEST(read("9223372036.9") == 0);
  BOOST_TEST(read("21109935851.08") == 0);
  BOOST_TEST(read("99999999999999999999.5") == 0);
  BOOST_TEST(ingest::time_from_number(9223372036.9) == 0);
  BOOST_TEST(ingest::time_from_number(std::int64_t{9'223'372'037}, ingest::time_unit::s) == 0);
}

BOOST_AUTO_TEST_CASE(a_day_that_is_none_is_no_time) {
  for (const auto* text : {"2026-13-01 12:00:00", "2026-01-32 12:00:00", "2026-01-01 25:00:00", "0001-01-01 00:00:00"})
    BOOST_TEST(!parse_time_text(text, utc).has_value(), text);
}

BOOST_AUTO_TEST_CASE(a_folder_of_the_zone_files_is_no_zone) {
  ingest::zone_book zones;
  BOOST_TEST(zones.find("US") == nullptr);
  BOOST_TEST(zones.find("America") == nullptr);
  BOOST_TEST(zones.find("America/Chicago") != nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
