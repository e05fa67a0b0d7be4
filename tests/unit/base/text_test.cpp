#include "base/diagnostic.hpp"
#include "base/duration.hpp"
#include "base/hash.hpp"
#include "base/json_writer.hpp"
#include "base/time.hpp"
#include "base/token.hpp"
#include "base/whole_file.hpp"
#include "base/yaml_text.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <rapidcheck.h>

using namespace soc;

BOOST_AUTO_TEST_SUITE(base)

BOOST_AUTO_TEST_CASE(any_bytes_become_valid_json_text) {
  BOOST_TEST(rc::check([](const std::string& bytes) {
    std::string out;
    append_json_string(out, bytes);
    RC_ASSERT(nlohmann::json::accept(out));
  }));
}

BOOST_AUTO_TEST_CASE(valid_text_comes_back_unchanged_through_json) {
  std::string out;
  append_json_string(out, "tab\t quote\" back\\ nul\x01 caf\xC3\xA9 \xF0\x9F\x98\x80");
  BOOST_TEST(nlohmann::json::parse(out).get<std::string>() ==
             "tab\t quote\" back\\ nul\x01 caf\xC3\xA9 \xF0\x9F\x98\x80");
}

BOOST_AUTO_TEST_CASE(what_would_be_a_wildcard_or_a_second_part_of_a_subject_is_no_token) {
  for (const auto* good : {"default", "acme_corp-2", "0f3A"})
    BOOST_TEST(is_token(good), good);
  for (const auto* bad : {"", "*", ">", "a.b", "Acme Corp", "a\n", "\xC3\xA9"})
    BOOST_TEST(!is_token(bad), bad);
  BOOST_TEST(is_token(std::string(128, 'a')));
  BOOST_TEST(!is_token(std::string(129, 'a')));
}

BOOST_AUTO_TEST_CASE(the_writer_places_commas_between_members_and_items) {
  std::string out;
  json_writer w(out);
  w.begin_object().key("a").integer(1).key("b").begin_array().integer(1).null().boolean(true).end_array();
  w.key("c").begin_object().end_object().end_object();
  BOOST_TEST(out == R"({"a":1,"b":[1,null,true],"c":{}})");
}

BOOST_AUTO_TEST_CASE(times_are_read_with_zone_fraction_and_default_offset) {
  const unix_ns base = seconds_from_civil(2026, 11, 24, 3, 22, 26) * ns_per_s;
  BOOST_TEST(*parse_rfc3339("2026-11-24T03:22:26Z") == base);
  BOOST_TEST(*parse_rfc3339("2026-11-24 03:22:26.5") == base + ns_per_s / 2);
  BOOST_TEST(*parse_rfc3339("2026-11-24T11:22:26+08:00") == base);
  BOOST_TEST(*parse_rfc3339("2026-11-24T11:22:26", 8 * 3600) == base);
  BOOST_TEST(!parse_rfc3339("2026-13-24T11:22:26Z"));
  BOOST_TEST(!parse_rfc3339("2026-11-24T11:22:26Zjunk"));
}

BOOST_AUTO_TEST_CASE(a_time_past_what_nanoseconds_hold_is_the_last_one_and_one_before_is_none) {
  BOOST_TEST(*parse_rfc3339("9999-12-31T23:59:59Z") == last_second * ns_per_s);
  BOOST_TEST(!parse_rfc3339("0001-01-01T00:00:00Z"));
}

BOOST_AUTO_TEST_CASE(a_folder_read_as_a_file_gives_nothing) {
  BOOST_TEST(!read_whole_file("/usr"));
  BOOST_TEST(!read_whole_file("/usr/there-is-none"));
  BOOST_TEST(read_whole_file("/dev/zero", 10)->size() == 11u);
}

BOOST_AUTO_TEST_CASE(a_duration_is_at_most_a_hundred_years) {
  BOOST_TEST(*parse_duration_s("36600d") == longest_duration_s);
  BOOST_TEST(!parse_duration_s("36601d"));
  BOOST_TEST(!parse_duration_s("9999999999"));
  BOOST_TEST(*parse_duration_s("1500ms") == 2);
}

BOOST_AUTO_TEST_CASE(a_formatted_time_reads_back_to_the_millisecond) {
  BOOST_TEST(rc::check([](std::int32_t seconds, std::uint16_t ms) {
    const unix_ns time = static_cast<unix_ns>(seconds) * ns_per_s + (ms % 1000) * ns_per_ms;
    RC_ASSERT(*parse_rfc3339(format_rfc3339(time)) == time);
  }));
}

BOOST_AUTO_TEST_CASE(ids_keep_the_borders_between_their_parts) {
  const auto one = id_builder().add(std::string_view("ab")).add(std::string_view("c")).hex();
  const auto two = id_builder().add(std::string_view("a")).add(std::string_view("bc")).hex();
  BOOST_TEST(one != two);
  BOOST_TEST(one.size() == 32u);
}

BOOST_AUTO_TEST_CASE(a_diagnostic_points_at_its_column_and_hints) {
  diagnostics found;
  const auto yaml = parse_yaml("a.yml", "name: x\nmodfier: 1\n", "T001", found);
  yaml_map_reader reader("a.yml", yaml.documents.at(0), "thing", "T001", found);
  reader.text("name");
  reader.text("modifier");
  reader.reject_unknown();
  BOOST_TEST(found.errors() == 1u);
  const auto text = render(found.all().front(), yaml.text);
  BOOST_TEST(text.find("a.yml:2:1: error T001: unknown key 'modfier'") == 0u);
  BOOST_TEST(text.find("did you mean 'modifier'?") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(yaml_that_lies_within_itself_is_a_diagnostic) {
  for (const char* text : {"a: &x\n  - b: *x\n", "&x [*x, *x]\n", "&x {a: {*x : *x}}\n"}) {
    diagnostics found;
    const auto yaml = parse_yaml("a.yml", text, "T001", found);
    BOOST_TEST(found.errors() == 1U);
    BOOST_TEST(yaml.documents.empty());
  }
}

BOOST_AUTO_TEST_CASE(a_comma_where_a_document_should_be_is_a_diagnostic_and_not_an_endless_loop) {
  for (const char* text : {",", ", a", "\"a\" , b", "[1, 2], [3]", "a: 1\n...\n, b", "a: 1\n---\n, b", "--- a\n---\n,",
                           ",\x1d"
                           "4NL5"}) {
    diagnostics found;
    const auto yaml = parse_yaml("a.yml", text, "T001", found);
    BOOST_TEST(found.errors() == 1U, text);
    BOOST_TEST(yaml.documents.empty());
  }
}

BOOST_AUTO_TEST_CASE(documents_of_other_shapes_are_read) {
  for (const char* text : {"a: 1\n---\nb: [1, 2]\n", "# note\n\n- a\n- b\n", "{a: 1, b: 2}", "[1, 2]", "word, word",
                           "---\n\"x\"\n", "a: 1\n...\n---\n- 2\n", ""}) {
    diagnostics found;
    parse_yaml("a.yml", text, "T001", found);
    BOOST_TEST(found.errors() == 0U, text);
  }
}

BOOST_AUTO_TEST_CASE(broken_yaml_is_a_diagnostic_with_its_place) {
  diagnostics found;
  const auto yaml = parse_yaml("a.yml", "a: [1, 2\nb: 3\n", "T001", found);
  BOOST_TEST(yaml.documents.empty());
  BOOST_TEST(found.errors() == 1u);
  BOOST_TEST(found.all().front().place.line >= 1);
}

BOOST_AUTO_TEST_CASE(nested_aliases_are_refused_before_they_explode) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j)
      text += (j ? ", *a" : "*a") + std::to_string(i - 1);
    text += "]\n";
  }
  diagnostics found;
  BOOST_TEST(parse_yaml("bomb.yml", text, "T001", found, 10'000).documents.empty());
  BOOST_TEST(found.errors() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
