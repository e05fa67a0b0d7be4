// What of an event is looked up, and what it matches.
#include "intel/core/stix_pattern.hpp"
#include "intel_bench.hpp"

#include <algorithm>
#include <map>
#include <rapidcheck.h>

using namespace soc;
using namespace soc::intel;
using namespace soc::test;

BOOST_AUTO_TEST_SUITE(indicator_matching)

BOOST_AUTO_TEST_CASE(a_domain_matches_itself_and_its_children) {
  intel_bench b;
  b.read("evil.example\n");
  b.finish();
  BOOST_TEST(b.knows("evil.example"));
  BOOST_TEST(b.knows("WWW.a.Evil.example."));
  BOOST_TEST(!b.knows("notevil.example"));
  BOOST_TEST(!b.knows("example"));
  BOOST_TEST(b.match("a.evil.example")->indicator == "evil.example");
}

BOOST_AUTO_TEST_CASE(an_address_matches_itself_and_the_networks_it_is_in) {
  intel_bench b;
  b.read("203.0.113.7\n203.0.113.0/24\n203.0.112.0/20\n2001:db8::/32\n");
  b.finish();
  BOOST_TEST(b.match("203.0.113.7")->indicator == "203.0.113.7");
  BOOST_TEST(b.match("::ffff:203.0.113.7")->indicator == "203.0.113.7");
  BOOST_TEST(b.match("203.0.113.8")->indicator == "203.0.113.0/24");
  BOOST_TEST(b.match("203.0.120.8")->indicator == "203.0.112.0/20");
  BOOST_TEST(b.match("2001:db8:ffff::1")->indicator == "2001:db8::/32");
  BOOST_TEST(!b.knows("203.0.111.8"));
  BOOST_TEST(!b.knows("2001:db9::1"));
}

BOOST_AUTO_TEST_CASE(of_what_a_source_says_of_one_value_the_most_specific_is_named_once) {
  intel_bench b;
  b.read("203.0.113.7\n203.0.113.0/24\nevil.example\nwww.evil.example\n");
  b.finish();
  BOOST_TEST(b.matches({{"ip", "203.0.113.7"}, {"any", "203.0.113.7"}}).size() == 1u);
  const auto all = b.matches({{"domain", "a.www.evil.example"}});
  BOOST_REQUIRE(all.size() == 1u);
  BOOST_TEST(all.front().indicator == "www.evil.example");
}

BOOST_AUTO_TEST_CASE(a_url_matches_without_scheme_and_query_and_by_its_host) {
  intel_bench b;
  b.read("http://evil.example/drop.php\nbad.example\n198.51.100.9\n");
  b.finish();
  BOOST_TEST(b.knows("https://evil.example/drop.php?id=1#x"));
  BOOST_TEST(!b.knows("https://evil.example/other.php"));
  BOOST_TEST((b.match("http://x.bad.example:8080/y")->kind == indicator_kind::domain));
  BOOST_TEST((b.match("http://198.51.100.9/y")->kind == indicator_kind::ip));
}

BOOST_AUTO_TEST_CASE(the_domain_of_an_address_of_mail_counts_too) {
  intel_bench b;
  b.read("bob@evil.example\nbad.example\n");
  b.finish();
  BOOST_TEST((b.match("Bob <BOB@evil.example>")->kind == indicator_kind::email));
  BOOST_TEST((b.match("anne@mail.bad.example")->kind == indicator_kind::domain));
  BOOST_TEST(!b.knows("anne@evil.example"));
}

BOOST_AUTO_TEST_CASE(several_values_in_one_text_are_taken_apart) {
  intel_bench b;
  b.read("0cc175b9c0f1b6a831c399e269772661\n203.0.113.7\n92eb5ffee6ae2fec3ad71c777531578f\n");
  b.finish();
  BOOST_TEST(b.matches({{"hash", "SHA1=da39a3ee5e6b4b0d3255bfef95601890afd80700,MD5=0CC175B9C0F1B6A831C399E269772661"}})
                 .size() == 1u);
  BOOST_TEST(b.matches({{"hash", "IMPHASH=92EB5FFEE6AE2FEC3AD71C777531578F"}}).empty());
  BOOST_TEST(b.matches({{"any", "type:  5 cdn.example;::ffff:203.0.113.7;"}}).size() == 1u);
}

BOOST_AUTO_TEST_CASE(only_the_fields_of_a_kind_are_looked_at) {
  intel_bench b;
  b.read("203.0.113.7\n");
  b.finish();
  BOOST_TEST(b.matches({{"ip", "203.0.113.7"}}).size() == 1u);
  BOOST_TEST(b.matches({{"hash", "203.0.113.7"}}).empty());
  BOOST_TEST(b.matches({{"other", "203.0.113.7"}}).empty());
}

BOOST_AUTO_TEST_CASE(an_indicator_that_had_ended_when_the_event_happened_does_not_match) {
  intel_bench b;
  b.add({{indicator_kind::domain, "evil.example"}}, {.valid_until = 100 * ns_per_s});
  b.finish();
  BOOST_TEST(b.match("evil.example", 99 * ns_per_s).has_value());
  BOOST_TEST(!b.match("evil.example", 100 * ns_per_s));
}

BOOST_AUTO_TEST_CASE(a_source_with_a_lifetime_lets_its_lists_age) {
  intel_bench b;
  b.source.lifetime = 10 * ns_per_s;
  b.read("evil.example\n", 100 * ns_per_s);
  b.finish();
  BOOST_TEST(b.match("evil.example", 109 * ns_per_s).has_value());
  BOOST_TEST(!b.match("evil.example", 111 * ns_per_s));
}

BOOST_AUTO_TEST_CASE(all_terms_of_an_and_must_be_in_one_event) {
  intel_bench b;
  b.add({{indicator_kind::domain, "evil.example"}, {indicator_kind::ip, "203.0.113.7"}});
  b.finish();
  BOOST_TEST(b.matches({{"domain", "evil.example"}}).empty());
  BOOST_TEST(b.matches({{"ip", "203.0.113.7"}}).empty());
  BOOST_TEST(b.matches({{"domain", "x.evil.example"}, {"ip", "203.0.113.7"}}).size() == 1u);
  BOOST_TEST(b.matches({{"domain", "evil.example"}, {"domain", "evil.example"}}).empty());
}

BOOST_AUTO_TEST_CASE(what_two_sources_know_matches_twice_what_one_says_twice_once) {
  intel_bench b;
  b.read("evil.example\nevil.example\n");
  b.source.name = "other";
  b.builder.begin(b.source);
  b.read("evil.example\n");
  b.finish();
  BOOST_TEST(b.matches({{"domain", "evil.example"}}).size() == 2u);
  BOOST_TEST(b.set->counts().front().repeated == 1u);
  BOOST_TEST(b.set->size() == 2u);
}

BOOST_AUTO_TEST_CASE(of_two_ends_the_same_source_gives_the_later_holds) {
  intel_bench b;
  b.add({{indicator_kind::domain, "evil.example"}}, {.valid_until = 10 * ns_per_s});
  b.add({{indicator_kind::domain, "evil.example"}}, {.valid_until = 50 * ns_per_s});
  b.add({{indicator_kind::domain, "evil.example"}}, {.valid_until = 20 * ns_per_s});
  b.finish();
  BOOST_TEST(b.match("evil.example", 49 * ns_per_s).has_value());
}

BOOST_AUTO_TEST_CASE(only_the_kinds_a_source_is_asked_for_are_taken) {
  intel_bench b;
  b.source.kinds = bit_of(indicator_kind::ip);
  b.read("evil.example\n203.0.113.7\n");
  BOOST_TEST(b.counts.added == 1u);
}

BOOST_AUTO_TEST_CASE(hits_are_counted_by_source) {
  intel_bench b;
  b.read("evil.example\n");
  b.finish();
  const auto slot = b.slot_of("domain", "evil.example");
  model::event ev;
  ev.ocsf = {&slot, 1};
  ev.time = 77;
  b.matcher->count(b.matcher->match(ev, 0));
  b.matcher->count(b.matcher->match(ev, 0));
  BOOST_TEST(b.matcher->hits().front().hits == 2u);
  BOOST_TEST(b.matcher->hits().front().last_hit == 77);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(indicator_laws)

namespace {

std::string small_domain() {
  const auto label = rc::gen::element<std::string>("a", "b", "evil", "x1", "example");
  const auto labels =
      *rc::gen::container<std::vector<std::string>>(static_cast<std::size_t>(*rc::gen::inRange(1, 5)), label);
  std::string out;
  for (const auto& l : labels)
    out += (out.empty() ? "" : ".") + l;
  return out;
}

bool is_child(const std::string& name, const std::string& of) {
  return name == of || (name.size() > of.size() && name.ends_with("." + of));
}

std::string any_address() {
  return std::to_string(*rc::gen::inRange(10, 14)) + "." + std::to_string(*rc::gen::inRange(0, 4)) + "." +
         std::to_string(*rc::gen::inRange(0, 256)) + "." + std::to_string(*rc::gen::inRange(0, 256));
}

} // namespace

BOOST_AUTO_TEST_CASE(domains_match_exactly_when_a_listed_name_is_a_parent) {
  BOOST_TEST(rc::check([] {
    intel_bench b;
    std::vector<std::string> listed;
    for (int i = *rc::gen::inRange(0, 6); i > 0; --i)
      if (const auto name = small_domain(); spell(indicator_kind::domain, name)) {
        listed.push_back(name);
        b.add({{indicator_kind::domain, name}});
      }
    b.add({{indicator_kind::domain, "never.seen"}});
    b.finish();
    const auto seen = small_domain();
    const bool expected =
        std::any_of(listed.begin(), listed.end(), [&](const auto& name) { return is_child(seen, name); });
    RC_ASSERT(b.matches({{"domain", seen}}).empty() != expected);
  }));
}

BOOST_AUTO_TEST_CASE(addresses_match_exactly_when_a_listed_network_contains_them) {
  BOOST_TEST(rc::check([] {
    intel_bench b;
    std::vector<network> listed;
    for (int i = *rc::gen::inRange(1, 8); i > 0; --i) {
      const auto net = parse_network(any_address() + "/" + std::to_string(*rc::gen::inRange(8, 33)));
      listed.push_back(*net);
      b.add({{indicator_kind::ip, soc::to_string(*net)}});
    }
    b.finish();
    const auto seen = any_address();
    const bool expected =
        std::any_of(listed.begin(), listed.end(), [&](const auto& net) { return net.contains(*parse_network(seen)); });
    RC_ASSERT(b.matches({{"ip", seen}}).empty() != expected);
  }));
}

BOOST_AUTO_TEST_CASE(any_bytes_as_indicators_are_read_without_a_crash) {
  BOOST_TEST(rc::check([](const std::string& text) {
    intel_bench b;
    b.read(text);
    b.read("{" + text);
    b.finish();
    b.match(text);
    static_cast<void>(parse_stix_pattern("[" + text + "]"));
  }));
}

BOOST_AUTO_TEST_CASE(a_large_set_finds_all_it_holds_and_nothing_else) {
  indicator_builder builder;
  builder.begin({.name = "big"});
  for (int i = 0; i < 200'000; ++i)
    builder.add({{indicator_kind::domain, "d" + std::to_string(i) + ".example"}}, {});
  const auto set = builder.finish();
  std::size_t found = 0, wrong = 0;
  for (int i = 0; i < 400'000; ++i) {
    const auto print = fingerprint_of(indicator_kind::domain, "d" + std::to_string(i) + ".example");
    set->find(print, [&](std::uint32_t) { i < 200'000 ? ++found : ++wrong; });
  }
  BOOST_TEST(found == 200'000u);
  BOOST_TEST(wrong == 0u);
  BOOST_TEST(set->memory_bytes() < 200'000u * 21);
}

BOOST_AUTO_TEST_SUITE_END()
