// How indicators are spelled, read and told apart.
#include "intel/core/indicator_reader.hpp"
#include "intel/core/stix_pattern.hpp"
#include "intel_bench.hpp"

using namespace soc;
using namespace soc::intel;
using namespace soc::test;

BOOST_AUTO_TEST_SUITE(indicators)

BOOST_AUTO_TEST_CASE(equal_things_are_spelled_equally) {
  BOOST_TEST(*spell(indicator_kind::domain, " Evil.EXAMPLE. ") == "evil.example");
  BOOST_TEST(*spell(indicator_kind::domain, "*.evil.example") == "evil.example");
  BOOST_TEST(*spell(indicator_kind::ip, "::ffff:203.0.113.9") == "203.0.113.9");
  BOOST_TEST(*spell(indicator_kind::ip, "2001:DB8:0::1") == "2001:db8::1");
  BOOST_TEST(*spell(indicator_kind::ip, "203.0.113.77/24") == "203.0.113.0/24");
  BOOST_TEST(*spell(indicator_kind::url, "HTTP://u:p@Evil.example:80/A?b#c") == "evil.example/A?b");
  BOOST_TEST(*spell(indicator_kind::url, "https://evil.example:443/") == "evil.example");
  BOOST_TEST(*spell(indicator_kind::url, "https://evil.example:8443/x") == "evil.example:8443/x");
  BOOST_TEST(*spell(indicator_kind::hash, "D41D8CD98F00B204E9800998ECF8427F") == "d41d8cd98f00b204e9800998ecf8427f");
  BOOST_TEST(*spell(indicator_kind::email, "Bob <Bob@Evil.example>") == "bob@evil.example");
}

BOOST_AUTO_TEST_CASE(what_is_no_such_thing_has_no_spelling) {
  BOOST_TEST(!spell(indicator_kind::domain, "localhost"));
  BOOST_TEST(!spell(indicator_kind::domain, "10.0.0.1"));
  BOOST_TEST(!spell(indicator_kind::domain, "a..b"));
  BOOST_TEST(!spell(indicator_kind::domain, "evil example.com"));
  BOOST_TEST(!spell(indicator_kind::ip, "300.1.1.1"));
  BOOST_TEST(!spell(indicator_kind::ip, "10.0.0.0/33"));
  BOOST_TEST(!spell(indicator_kind::hash, "zz1d8cd98f00b204e9800998ecf8427e"));
  BOOST_TEST(!spell(indicator_kind::email, "@evil.example"));
}

BOOST_AUTO_TEST_CASE(the_kind_of_a_line_is_told_from_its_text) {
  BOOST_TEST((kind_of("203.0.113.9") == indicator_kind::ip));
  BOOST_TEST((kind_of("2001:db8::/32") == indicator_kind::ip));
  BOOST_TEST((kind_of("evil.example") == indicator_kind::domain));
  BOOST_TEST((kind_of("evil.example/a.php") == indicator_kind::url));
  BOOST_TEST((kind_of("http://203.0.113.9/a") == indicator_kind::url));
  BOOST_TEST((kind_of("d41d8cd98f00b204e9800998ecf8427f") == indicator_kind::hash));
  BOOST_TEST((kind_of("bob@evil.example") == indicator_kind::email));
  BOOST_TEST(!kind_of("just words"));
  BOOST_TEST(!kind_of(""));
}

BOOST_AUTO_TEST_CASE(defanged_indicators_are_read) {
  BOOST_TEST(refang("hxxps://evil[.]example/x") == "https://evil.example/x");
  BOOST_TEST(refang("bob[at]evil(dot)example") == "bob@evil.example");
}

BOOST_AUTO_TEST_CASE(a_list_is_read_line_by_line) {
  intel_bench b;
  b.read("# a comment\nevil.example\r\n203.0.113.0/24   # with a remark\n\n0.0.0.0 "
         "ads.example\nhxxp://evil[.]example/x\n");
  BOOST_TEST(b.counts.added == 4u);
  BOOST_TEST(b.found.all().empty());
  b.finish();
  BOOST_TEST(b.knows("ads.example"));
  BOOST_TEST(b.knows("203.0.113.200"));
}

BOOST_AUTO_TEST_CASE(a_column_of_a_table_is_read) {
  intel_bench b;
  b.layout = {3, ','};
  b.read("\"1\",\"2026-01-01, late\",\"http://evil.example/a,b\",\"online\"\n");
  b.finish();
  BOOST_TEST(b.knows("http://evil.example/a,b"));
}

BOOST_AUTO_TEST_CASE(lines_that_are_no_indicator_are_counted_and_the_first_named) {
  intel_bench b;
  std::string text;
  for (int i = 0; i < 8; ++i)
    text += "nonsense\n";
  b.read(text);
  BOOST_TEST(b.counts.not_understood == 8u);
  BOOST_REQUIRE(b.found.all().size() == 6u);
  BOOST_TEST(b.found.all().front().code == "INT003");
  BOOST_TEST(b.found.all().back().message == "and 3 more like it");
}

BOOST_AUTO_TEST_CASE(what_would_match_everything_is_left_out) {
  intel_bench b;
  b.read("0.0.0.0/0\n10.0.0.0/7\n127.0.0.1\nd41d8cd98f00b204e9800998ecf8427e\n::/0\n203.0.113.1\n");
  BOOST_TEST(b.counts.added == 1u);
  BOOST_TEST(b.counts.too_broad == 5u);
}

BOOST_AUTO_TEST_CASE(a_stix_bundle_gives_its_indicators_with_what_it_says_of_them) {
  intel_bench b;
  b.read(R"({"type":"bundle","id":"bundle--1","objects":[
    {"type":"identity","id":"identity--1","name":"x"},
    {"type":"indicator","id":"indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f","name":"Emotet C2","confidence":85,
     "pattern_type":"stix","pattern":"[domain-name:value = 'evil.example' OR ipv4-addr:value IN ('203.0.113.7','203.0.113.8')]",
     "valid_from":"2026-01-01T00:00:00Z","valid_until":"2026-06-01T00:00:00Z",
     "kill_chain_phases":[{"kill_chain_name":"mitre-attack","phase_name":"command-and-control"}]},
    {"type":"indicator","id":"indicator--2","revoked":true,"pattern_type":"stix","pattern":"[url:value = 'http://x.example/']"},
    {"type":"indicator","id":"indicator--3","pattern_type":"yara","pattern":"rule x {}"}]})");
  BOOST_TEST(b.counts.added == 3u);
  BOOST_TEST(b.counts.not_for_detection == 1u);
  BOOST_TEST(b.counts.not_understood == 1u);
  b.finish();
  const auto time = *parse_rfc3339("2026-03-01T00:00:00Z");
  const auto match = b.match("evil.example", time);
  BOOST_REQUIRE(match);
  const auto known = b.set->view(match->facts);
  BOOST_TEST(known.title == "Emotet C2");
  BOOST_TEST(known.id == "8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f");
  BOOST_TEST(known.confidence == 85);
  BOOST_TEST(known.valid_until == *parse_rfc3339("2026-06-01T00:00:00Z"));
  BOOST_TEST(known.tags->front() == "attack.command_and_control");
  BOOST_TEST(b.match("203.0.113.8", time).has_value());
}

BOOST_AUTO_TEST_CASE(stix_objects_may_come_one_a_line) {
  intel_bench b;
  b.read(R"({"type":"indicator","pattern_type":"stix","pattern":"[domain-name:value = 'a.example']"}
{"type":"indicator","pattern_type":"stix","pattern":"[domain-name:value = 'b.example']"}
)");
  BOOST_TEST(b.counts.added == 2u);
}

BOOST_AUTO_TEST_CASE(broken_json_is_an_error_and_no_crash) {
  intel_bench b;
  b.read(R"({"type":"bundle","objects":[{"type":"indicator")");
  BOOST_TEST(b.found.errors() == 1u);
  BOOST_TEST(b.found.all().front().code == "INT001");
}

BOOST_AUTO_TEST_CASE(a_misp_event_gives_what_is_meant_for_detection) {
  intel_bench b;
  b.read(R"({"response":[{"Event":{"info":"Campaign X","threat_level_id":"1",
    "Attribute":[{"uuid":"8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f","type":"domain","value":"evil.example","to_ids":true},
                 {"type":"ip-dst|port","value":"203.0.113.7|443","to_ids":true},
                 {"type":"ip-dst","value":"203.0.113.8","to_ids":false},
                 {"type":"comment","value":"x","to_ids":true},
                 {"type":"md5","value":"no hash","to_ids":true}],
    "Object":[{"name":"file","Attribute":[{"type":"filename|md5","value":"a.exe|d41d8cd98f00b204e9800998ecf8427f","to_ids":"1"}]}]}}]})");
  BOOST_TEST(b.counts.added == 3u);
  BOOST_TEST(b.counts.not_for_detection == 2u);
  BOOST_TEST(b.counts.not_understood == 1u);
  b.finish();
  BOOST_TEST(b.knows("203.0.113.7"));
  BOOST_TEST(!b.knows("203.0.113.8"));
  BOOST_TEST(b.knows("d41d8cd98f00b204e9800998ecf8427f"));
  const auto known = b.set->view(b.match("evil.example")->facts);
  BOOST_TEST(known.title == "Campaign X");
  BOOST_TEST((known.level == model::severity::high));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(stix_patterns)

namespace {

std::size_t alternatives_of(const char* text) {
  const auto p = parse_stix_pattern(text);
  BOOST_REQUIRE_MESSAGE(p, text);
  return p->alternatives.size();
}

} // namespace

BOOST_AUTO_TEST_CASE(or_and_in_give_alternatives) {
  BOOST_TEST(alternatives_of("[ipv4-addr:value = '203.0.113.7']") == 1u);
  BOOST_TEST(alternatives_of("[ipv4-addr:value = '203.0.113.7'] OR [domain-name:value = 'evil.example']") == 2u);
  BOOST_TEST(alternatives_of("[url:value IN ('http://a.example/x', 'http://b.example/')]") == 2u);
  BOOST_TEST(alternatives_of("[file:hashes.'SHA-256' = "
                             "'aec070645fe53ee3b3763059376134f058cc337247c978add178b6ccdfb0019f' OR file:hashes.MD5 = "
                             "'d41d8cd98f00b204e9800998ecf8427f']") == 2u);
  BOOST_TEST(alternatives_of("[ipv4-addr:value ISSUBSET '203.0.113.0/24']") == 1u);
}

BOOST_AUTO_TEST_CASE(and_gives_terms_that_belong_together) {
  const auto p = parse_stix_pattern(
      "[(ipv4-addr:value = '203.0.113.7' OR ipv4-addr:value = '203.0.113.8') AND domain-name:value = 'evil.example']");
  BOOST_REQUIRE(p);
  BOOST_REQUIRE(p->alternatives.size() == 2u);
  BOOST_TEST(p->alternatives.front().size() == 2u);
}

BOOST_AUTO_TEST_CASE(what_needs_more_than_one_event_or_value_is_left_out_with_the_reason) {
  for (const auto* text : {"[ipv4-addr:value = '203.0.113.7'] FOLLOWEDBY [domain-name:value = 'evil.example']",
                           "[ipv4-addr:value = '203.0.113.7'] REPEATS 5 TIMES WITHIN 30 SECONDS",
                           "[ipv4-addr:value = '203.0.113.7' AND network-traffic:dst_port = 443]",
                           "[domain-name:value LIKE 'evil%']", "[NOT domain-name:value = 'evil.example']",
                           "[domain-name:value != 'evil.example']", "[ipv4-addr:value = 'no address']"}) {
    const auto p = parse_stix_pattern(text);
    BOOST_REQUIRE_MESSAGE(p, text);
    BOOST_TEST(p->alternatives.empty(), text);
    BOOST_TEST(p->left_out.size() == 1u, text);
  }
}

BOOST_AUTO_TEST_CASE(mistakes_are_said_with_their_place) {
  for (const auto* text :
       {"", "[", "[domain-name:value = 'x]", "[domain-name:value]", "[domain-name:value = 'a.example'",
        "[domain-name:value IN ('a.example' 'b.example')]", "domain-name:value = 'a.example'"})
    BOOST_TEST(!parse_stix_pattern(text), text);
  BOOST_TEST(parse_stix_pattern("[domain-name:value = ]").error().what == "at 21: a value is expected");
}

BOOST_AUTO_TEST_CASE(deep_and_huge_patterns_are_refused) {
  BOOST_TEST(!parse_stix_pattern("[" + std::string(1000, '(')));
  std::string text = "[";
  for (int i = 0; i < 8; ++i)
    text +=
        std::string(i == 0 ? "" : " AND ") + "url:value IN ('a.example/1','a.example/2','a.example/3','a.example/4')";
  BOOST_TEST(!parse_stix_pattern(text + "]"));
}

BOOST_AUTO_TEST_SUITE_END()
