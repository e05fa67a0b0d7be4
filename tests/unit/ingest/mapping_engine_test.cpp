#include "mapping_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace soc;
using test::json_mapping;
using test::mapping_lab;

BOOST_AUTO_TEST_SUITE(mapping_engine)

BOOST_AUTO_TEST_CASE(a_zone_nobody_knows_is_counted_and_the_connectors_zone_taken) {
  mapping_lab lab(json_mapping("      time: t\n"));
  lab.context->default_zone = "+08:00";
  const auto event = lab.read(R"({"t":"2025-06-01 12:00:00 CST"})");
  BOOST_TEST(event["time"] == 1748750400000); // 04:00:00Z
  BOOST_TEST(lab.drift() == "unknown time zone CST 1;");
}

BOOST_AUTO_TEST_CASE(a_mapping_says_what_an_abbreviation_means) {
  mapping_lab lab(json_mapping("      time: t\n", "zones: {CST: America/Chicago}\n"));
  BOOST_TEST(lab.problems() == "");
  BOOST_TEST(lab.read(R"({"t":"2025-06-01 12:00:00 CST"})")["time"] == 1748797200000); // 17:00:00Z, summer
  BOOST_TEST(lab.drift() == "");
}

BOOST_AUTO_TEST_CASE(a_zone_in_a_field_of_its_own_may_be_a_name_an_offset_or_unknown) {
  mapping_lab lab(json_mapping("      time: {from: t, time: {zone_from: z}}\n"));
  BOOST_TEST(lab.read(R"({"t":"2025-06-01 12:00:00","z":"Asia/Tokyo"})")["time"] == 1748746800000);
  BOOST_TEST(lab.read(R"({"t":"2025-06-01 12:00:00","z":"+0200"})")["time"] == 1748772000000);
  BOOST_TEST(lab.read(R"({"t":"2025-06-01 12:00:00","z":"JST"})")["time"] == 1748746800000);
  BOOST_TEST(lab.drift() == "");
  BOOST_TEST(lab.read(R"({"t":"2025-06-01 12:00:00","z":"IST"})")["time"] == 1748779200000);
  BOOST_TEST(lab.drift() == "unknown time zone IST 1;");
}

BOOST_AUTO_TEST_CASE(a_time_of_fourteen_digits_is_read_in_the_mappings_zone_and_must_be_one) {
  mapping_lab lab(json_mapping("      time: {from: t, time: {zone: \"+08:00\"}}\n"));
  BOOST_TEST(lab.read(R"({"t":"20250601120000"})")["time"] == 1748750400000); // 04:00:00Z
  BOOST_TEST(lab.drift().empty());
  BOOST_TEST(lab.read(R"({"t":"20251301120000"})")["time"] == test::january_2026 / ns_per_ms);
  BOOST_TEST(lab.drift() == "unreadable time time 1;");
}

BOOST_AUTO_TEST_CASE(a_time_in_no_known_form_is_counted_and_the_receipt_taken) {
  mapping_lab lab(json_mapping("      time: t\n"));
  BOOST_TEST(lab.read(R"({"t":"the day before yesterday"})")["time"] == test::january_2026 / ns_per_ms);
  BOOST_TEST(lab.drift() == "unreadable time time 1;");
}

BOOST_AUTO_TEST_CASE(weekdays_and_clock_shorthands_are_time_directives) {
  mapping_lab lab(
      json_mapping("      time: {from: t, time: {formats: [\"%a, %d %B %Y %T %z\", \"%A %d/%m/%y %H:%M\"]}}\n"));
  BOOST_TEST(lab.problems() == "");
  BOOST_TEST(lab.read(R"({"t":"Sun, 01 June 2025 12:00:00 GMT"})")["time"] == 1748779200000);
  BOOST_TEST(lab.read(R"({"t":"Sunday 01/06/25 12:00"})")["time"] == 1748779200000);
  BOOST_TEST(lab.read(R"({"t":"Someday 01/06/25 12:00"})")["time"] == test::january_2026 / ns_per_ms);
}

BOOST_AUTO_TEST_CASE(a_word_the_schema_does_not_list_is_told_as_unmapped_and_its_spelling_is_the_schemas) {
  mapping_lab lab(json_mapping("      http_request.http_method: m\n"));
  BOOST_TEST(lab.problems() == "");
  BOOST_TEST(lab.read(R"({"m":"get"})")["http_request"]["http_method"] == "GET");
  const auto made_up = lab.read(R"({"m":"BET"})");
  BOOST_TEST(!made_up.value("http_request", nlohmann::json::object()).contains("http_method"));
  BOOST_TEST(made_up["unmapped"]["http_request.http_method"] == "BET");
}

BOOST_AUTO_TEST_CASE(a_field_that_was_taken_apart_is_used) {
  mapping_lab lab(
      json_mapping("      message: in.a\n", "", "    decode:\n      - {json: {prefix: in.}, field: body}\n"));
  const auto event = lab.read(R"({"body":"{\"a\":\"x\",\"b\":1}"})");
  BOOST_TEST(event["message"] == "x");
  BOOST_TEST(event["unmapped"].dump() == R"({"in.b":1})");
}

BOOST_AUTO_TEST_CASE(a_field_that_could_not_be_taken_apart_is_kept_and_counted) {
  mapping_lab lab(json_mapping("      message: in.a\n", "",
                               "    decode:\n      - {json: {prefix: in.}, field: body, optional: true}\n"));
  BOOST_TEST(lab.read(R"({"body":"no JSON"})")["unmapped"].dump() == R"({"undecoded.body":"no JSON"})");
  BOOST_TEST(lab.drift() == "unknown field undecoded.body 1;");
}

BOOST_AUTO_TEST_CASE(an_empty_object_stays_one_and_counts_as_absent) {
  mapping_lab lab(json_mapping("      message: [o, m]\n"));
  const auto event = lab.read(R"({"o":{},"m":"x","p":{},"l":[]})");
  BOOST_TEST(event["message"] == "x");
  BOOST_TEST(event["unmapped"].dump() == R"({"l":[],"p":{}})");
}

BOOST_AUTO_TEST_CASE(null_takes_away_only_what_is_there_and_exists) {
  const std::string shared = "shared:\n  common:\n    fields: {message: m, http_request.http_method: v}\n";
  const auto of_type = [&](const std::string& fields) {
    return "vendor: acme\nproduct: box\nconfidence: assumed\nsource: test\ninputs: [{name: all, format: json}]\n" +
           shared + "types:\n  - name: any\n    class: http_activity\n    use: [common]\n    fields: {" + fields +
           "}\n";
  };
  BOOST_TEST(mapping_lab(of_type("message: null")).problems() == "");
  BOOST_TEST(mapping_lab(of_type("mesage: null")).problems() == "MAP023 ");
  BOOST_TEST(mapping_lab(of_type("status: null")).problems() == "MAP044 ");
}

BOOST_AUTO_TEST_CASE(scaled_numbers_are_rounded_not_cut) {
  mapping_lab lab(json_mapping("      duration: {from: d, scale: 1000}\n"));
  BOOST_TEST(lab.read(R"({"d":"0.044"})")["duration"] == 44);
  BOOST_TEST(lab.read(R"({"d":0.0157})")["duration"] == 16);
  BOOST_TEST(lab.read(R"({"d":1.001})")["duration"] == 1001);
}

BOOST_AUTO_TEST_CASE(a_sum_adds_what_is_there) {
  mapping_lab lab(json_mapping("      traffic.bytes: {sum: [a, b]}\n"));
  BOOST_TEST(lab.problems() == "");
  BOOST_TEST(lab.read(R"({"a":"100","b":23})")["traffic"]["bytes"] == 123);
  BOOST_TEST(lab.read(R"({"a":"9007199254740993","b":2})")["traffic"]["bytes"] == 9007199254740995);
  BOOST_TEST(lab.read(R"({"a":7})")["traffic"]["bytes"] == 7);
  BOOST_TEST(!lab.read(R"({"a":"-","c":1})").contains("traffic"));
  BOOST_TEST(mapping_lab(json_mapping("      traffic.bytes: {sum: a}\n")).problems() == "MAP026 MAP038 ");
}

BOOST_AUTO_TEST_CASE(a_collectors_wrapper_is_taken_off_and_kept) {
  mapping_lab lab(json_mapping("      message: m\n"));
  const auto event =
      lab.read(R"({"time":1748779200.5,"host":"web01","sourcetype":"acme:box","event":{"m":"x","n":1}})");
  BOOST_TEST(event["message"] == "x");
  BOOST_TEST(event["time"] == 1748779200500);
  BOOST_TEST(event["unmapped"]["hec.host"] == "web01");
  BOOST_TEST(event["unmapped"]["hec.sourcetype"] == "acme:box");
  BOOST_TEST(event["raw_data"].get<std::string>().substr(0, 8) == R"({"time":)");
  BOOST_TEST(lab.drift() == "unknown field n 1;");
  BOOST_TEST(lab.read(R"({"host":"web01","source":"x","event":"{\"m\":\"y\"}"})")["message"] == "y");
}

BOOST_AUTO_TEST_CASE(a_record_that_only_resembles_a_wrapper_stays_whole) {
  mapping_lab lab("vendor: acme\nproduct: box\nconfidence: assumed\nsource: test\n"
                  "inputs: [{name: all, format: json, detect: {keys: [event, host]}}]\n"
                  "types: [{name: any, class: http_activity, fields: {message: event}}]\n");
  BOOST_TEST(lab.read(R"({"event":"login","host":"a","user":"b"})")["message"] == "login");
  BOOST_TEST(lab.read(R"({"event":"login","host":"a"})")["message"] == "login");
}

BOOST_AUTO_TEST_CASE(fields_nobody_expects_are_counted_by_type_until_taken) {
  mapping_lab lab(json_mapping("      message: m\n"));
  lab.read_all({R"({"m":"x","a":1})", R"({"m":"x","a":1,"b":2})"});
  BOOST_TEST(lab.drift() == "unknown field a 2;unknown field b 1;");
  BOOST_TEST(lab.drift() == "");
}

BOOST_AUTO_TEST_SUITE_END()
