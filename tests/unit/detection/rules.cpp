// What rules mean: modifiers, wildcards, special values, conditions; and what is said of wrong ones.
#include "detection/core/rule_fields.hpp"
#include "rule_fixture.hpp"

using namespace soc;
using namespace soc::test;

namespace {

/// Does a rule of one item match an event?
bool item_hits(const std::string& item, const std::string& event) {
  rule_bench bench(rule_with("  s:\n    " + item + "\n  condition: s\n"));
  BOOST_REQUIRE_MESSAGE(bench.program->rules().size() == 1, bench.first());
  return bench.hits(event);
}

std::string complaint(const std::string& detection) {
  return rule_bench(rule_with(detection)).first();
}

} // namespace

BOOST_AUTO_TEST_SUITE(rule_values)

BOOST_AUTO_TEST_CASE(text_is_compared_without_case_over_unicode) {
  BOOST_TEST(item_hits("A: STRASSE\xc3\x84", "{\"A\":\"strasse\xc3\xa4\"}"));
  BOOST_TEST(item_hits("A|contains: \xd0\x9f\xd0\xa0\xd0\x98", "{\"A\":\"x\xd0\xbf\xd1\x80\xd0\xb8y\"}"));
  BOOST_TEST(!item_hits("A|cased: Abc", R"({"A":"abc"})"));
  BOOST_TEST(item_hits("A|contains|cased: Abc", R"({"A":"xAbcx"})"));
}

BOOST_AUTO_TEST_CASE(wildcards_and_their_escapes) {
  BOOST_TEST(item_hits("A: 'a*c?'", R"({"A":"aXXcY"})"));
  BOOST_TEST(!item_hits("A: 'a*c?'", R"({"A":"aXXc"})"));
  BOOST_TEST(item_hits("A: 'a\\*'", R"({"A":"a*"})"));
  BOOST_TEST(!item_hits("A: 'a\\*'", R"({"A":"ab"})"));
  BOOST_TEST(item_hits("A: 'C:\\\\*'", R"({"A":"C:\\x"})"));
  BOOST_TEST(item_hits("A: '\\\\\\\\srv\\x'", R"({"A":"\\\\srv\\x"})"));
}

BOOST_AUTO_TEST_CASE(null_empty_and_absent_differ) {
  BOOST_TEST(item_hits("A: null", R"({"B":1})"));
  BOOST_TEST(item_hits("A: null", R"({"A":null})"));
  BOOST_TEST(!item_hits("A: null", R"({"A":""})"));
  BOOST_TEST(item_hits("A: ''", R"({"A":""})"));
  BOOST_TEST(!item_hits("A: ''", R"({"B":""})"));
  BOOST_TEST(item_hits("A|exists: true", R"({"A":null})"));
  BOOST_TEST(item_hits("A|exists: false", R"({"B":1})"));
}

BOOST_AUTO_TEST_CASE(numbers_and_their_texts_are_the_same) {
  BOOST_TEST(item_hits("A: 4624", R"({"A":4624})"));
  BOOST_TEST(item_hits("A: 4624", R"({"A":"4624"})"));
  BOOST_TEST(item_hits("A: '4624'", R"({"A":4624})"));
  BOOST_TEST(item_hits("A: true", R"({"A":"True"})"));
  BOOST_TEST(item_hits("A|gte: 10", R"({"A":"10"})"));
  BOOST_TEST(!item_hits("A|lt: 10", R"({"A":"ten"})"));
}

BOOST_AUTO_TEST_CASE(any_item_of_a_list_value_will_do) {
  BOOST_TEST(item_hits("A|startswith: b", R"({"A":["a","bc"]})"));
  BOOST_TEST(item_hits("A|contains|all: [a, b]", R"({"A":["xa","xb"]})"));
}

BOOST_AUTO_TEST_CASE(encodings) {
  BOOST_TEST(item_hits("A|base64: foobar", R"({"A":"Zm9vYmFy"})"));
  for (const char* text : {"Zm9vYmFy", "eGZvb2Jhcg==", "eHhmb29iYXI="})
    BOOST_TEST(item_hits("A|base64offset|contains: foobar", std::string("{\"A\":\"") + text + "\"}"));
  BOOST_TEST(item_hits("A|wide|base64offset|contains: ping", R"({"A":"cABpAG4AZwA="})"));
  BOOST_TEST(item_hits("A|utf16be|base64: a", R"({"A":"AGE="})"));
  BOOST_TEST(item_hits("A|utf16|base64: a", R"({"A":"//5hAA=="})"));
}

BOOST_AUTO_TEST_CASE(windash_takes_every_dash) {
  for (const char* dash : {"-", "/", "\xe2\x80\x93", "\xe2\x80\x94", "\xe2\x80\x95"})
    BOOST_TEST(item_hits("A|contains|windash: ' -enc '", std::string("{\"A\":\"x ") + dash + "enc y\"}"));
}

BOOST_AUTO_TEST_CASE(networks_of_both_kinds) {
  BOOST_TEST(item_hits("A|cidr: 10.0.0.0/8", R"({"A":"10.200.1.1"})"));
  BOOST_TEST(item_hits("A|cidr: 10.0.0.0/8", R"({"A":"::ffff:10.1.1.1"})"));
  BOOST_TEST(item_hits("A|cidr: 'fe80::/10'", R"({"A":"fe90::1"})"));
  BOOST_TEST(!item_hits("A|cidr: 10.0.0.0/8", R"({"A":"11.0.0.1"})"));
  BOOST_TEST(!item_hits("A|cidr: 10.0.0.0/8", R"({"A":"not an address"})"));
}

BOOST_AUTO_TEST_CASE(regular_expressions_search_and_have_flags) {
  BOOST_TEST(item_hits("A|re: 'b.d'", R"({"A":"abcde"})"));
  BOOST_TEST(!item_hits("A|re: 'B.D'", R"({"A":"abcde"})"));
  BOOST_TEST(item_hits("A|re|i: 'B.D'", R"({"A":"abcde"})"));
  BOOST_TEST(item_hits("A|re|m: '^x$'", "{\"A\":\"a\\nx\\nb\"}"));
  BOOST_TEST(item_hits("A|re|s: 'a.b'", "{\"A\":\"a\\nb\"}"));
  BOOST_TEST(item_hits("A|re: 'foo(?=bar)'", R"({"A":"foobar"})"));
  BOOST_TEST(!item_hits("A|re: '(?<!x)foo'", R"({"A":"xfoo"})"));
}

BOOST_AUTO_TEST_CASE(an_expression_that_would_take_for_ever_is_given_up) {
  BOOST_TEST(!item_hits("A|re: '(a+)+(?!b)c$'", "{\"A\":\"" + std::string(40, 'a') + "!\"}"));
}

BOOST_AUTO_TEST_CASE(fields_are_compared_with_fields) {
  BOOST_TEST(item_hits("A|fieldref: B", R"({"A":"x","B":"X"})"));
  BOOST_TEST(!item_hits("A|fieldref: B", R"({"A":"x"})"));
  BOOST_TEST(item_hits("A|fieldref|endswith: B", R"({"A":"c:\\x","B":"\\x"})"));
  BOOST_TEST(item_hits("A|neq: x", R"({"A":"y"})"));
}

BOOST_AUTO_TEST_CASE(parts_of_times) {
  const std::string event = R"({"A":"2026-03-04T05:06:07Z"})";
  BOOST_TEST(item_hits("A|minute: 6", event));
  BOOST_TEST(item_hits("A|hour: 5", event));
  BOOST_TEST(item_hits("A|day: 4", event));
  BOOST_TEST(item_hits("A|week: 10", event));
  BOOST_TEST(item_hits("A|month: 3", event));
  BOOST_TEST(item_hits("A|year: 2026", event));
  BOOST_TEST(item_hits("A|hour|gte: 5", event) == item_hits("A|gte|hour: 5", event));
}

BOOST_AUTO_TEST_CASE(placeholders_take_the_values_they_are_given) {
  const auto rule = rule_with("  s:\n    A|startswith|expand: '%hosts%-'\n  condition: s\n");
  rule_bench bench(rule, {{"hosts", {"srv", "db?"}}});
  BOOST_TEST(bench.hits(R"({"A":"db1-x"})"));
  BOOST_TEST(!bench.hits(R"({"A":"web-x"})"));
  BOOST_TEST(rule_bench(rule).program->rules().empty()); // it could never hold
  rule_bench excepted(rule_with("  s:\n    B: 1\n  f:\n    A|expand: '%hosts%'\n  condition: s and not f\n"));
  BOOST_TEST(excepted.hits(R"({"B":1})"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(rule_conditions)

BOOST_AUTO_TEST_CASE(precedence_quantifiers_and_lists_of_conditions) {
  const std::string parts = "  a1: {A: 1}\n  a2: {B: 1}\n  _c: {C: 1}\n";
  const auto holds = [&](const std::string& condition, const std::string& event) {
    return rule_bench(rule_with(parts + "  condition: " + condition + "\n")).hits(event);
  };
  BOOST_TEST(holds("a1 or a2 and _c", R"({"A":1})"));
  BOOST_TEST(!holds("(a1 or a2) and _c", R"({"A":1})"));
  BOOST_TEST(holds("1 of a* and not _c", R"({"B":1})"));
  BOOST_TEST(!holds("all of a*", R"({"B":1})"));
  BOOST_TEST(holds("all of them", R"({"A":1,"B":1})")); // not those with an underscore
  BOOST_TEST(holds("[a1 and a2, _c]", R"({"C":1})"));
}

BOOST_AUTO_TEST_CASE(keywords_are_searched_in_every_value) {
  rule_bench bench(rule_with("  k: [EVIL, 'a b']\n  condition: k\n"));
  BOOST_TEST(bench.hits(R"({"X":{"Y":"so evil"}})"));
  BOOST_TEST(bench.hits(R"({"X":["c","xa bx"]})"));
  BOOST_TEST(!bench.hits(R"({"evil":"fine"})"));
  rule_bench both(rule_with("  k:\n    '|all': [one, two]\n  condition: k\n"));
  BOOST_TEST(both.hits(R"({"A":"one","B":"two"})"));
  BOOST_TEST(!both.hits(R"({"A":"one"})"));
}

BOOST_AUTO_TEST_CASE(filters_narrow_the_rules_they_name) {
  const std::string filter =
      "---\ntitle: f\nfilter:\n  rules: [r1]\n  sel: {User|startswith: adm_}\n  condition: not sel\n";
  rule_bench bench(rule_with("  s: {A: 1}\n  condition: s\n") + filter);
  BOOST_TEST(bench.hits(R"({"A":1,"User":"bob"})"));
  BOOST_TEST(!bench.hits(R"({"A":1,"User":"adm_bob"})"));
}

BOOST_AUTO_TEST_CASE(an_expired_filter_is_not_applied) {
  diagnostics found;
  detection::sigma_reader reader({}, found);
  reader.read("r.yml", rule_with("  s: {A: 1}\n  condition: s\n") +
                           "---\ntitle: f\nsoc: {owner: ann, expires: 2026-01-01}\nfilter:\n  rules: [r1]\n  sel: {A: "
                           "1}\n  condition: not sel\n");
  const auto set = reader.finish(*parse_rfc3339("2026-06-01T00:00:00Z"));
  BOOST_TEST(set.rules.front().selections.size() == 1u);
  BOOST_REQUIRE(found.warnings() == 1u);
  BOOST_TEST(found.all().front().hint.find("ann") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(explanations_name_what_held) {
  rule_bench bench(rule_with("  s:\n    A: 1\n    B: 2\n  condition: s\n"));
  detection::matcher matcher(bench.program);
  const json_event ev(R"({"A":1,"B":3})", *bench.names);
  const auto lines = matcher.explain(0, ev.get());
  std::string text;
  for (const auto& line : lines)
    text += line.text + (line.held ? "+ " : "- ");
  BOOST_TEST(text == "s- s- all of- A+ B- ");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(rule_complaints)

BOOST_AUTO_TEST_CASE(mistakes_are_named_with_their_place) {
  BOOST_TEST(complaint("  s: {A|contians: x}\n  condition: s\n") == "SIG005 unknown modifier 'contians'");
  BOOST_TEST(complaint("  s: {A: x}\n  condition: t\n") == "SIG007 no search identifier 't' in the detection");
  BOOST_TEST(complaint("  s: {A: x}\n  condition: s and\n") ==
             "SIG007 the condition ends where a search identifier is expected");
  BOOST_TEST(complaint("  s: {A: x}\n  condition: (s\n") == "SIG007 expected ')'");
  BOOST_TEST(complaint("  s: {A: x}\n  condition: 1 of x*\n") == "SIG007 no search identifier matches 'x*'");
  BOOST_TEST(complaint("  s: {A|re: '('}\n  condition: s\n").starts_with("SIG010 '(' is no regular expression"));
  BOOST_TEST(complaint("  s: {A|cidr: 10.0.0.0/99}\n  condition: s\n") == "SIG011 '10.0.0.0/99' is no network");
  BOOST_TEST(complaint("  s: {A|gt: x}\n  condition: s\n") == "SIG012 'gt' needs a number, not 'x'");
  BOOST_TEST(complaint("  s: {A: []}\n  condition: s\n") == "SIG004 the list of values is empty");
  BOOST_TEST(complaint("  s: {A: x}\n") == "SIG003 the detection has no condition");
  BOOST_TEST(complaint("  s: {A: x}\n  condition: s | count() > 5\n").starts_with("SIG007 aggregation expressions"));
}

BOOST_AUTO_TEST_CASE(modifiers_that_multiply_the_values_without_end_are_refused) {
  BOOST_TEST(
      complaint("  s: {A|windash|windash|windash: 'a -b -c -d -e -f -g'}\n  condition: s\n").starts_with("SIG024"));
  std::string name = "A";
  for (int i = 0; i < 30; ++i)
    name += "|base64offset";
  BOOST_TEST(complaint("  s: {" + name + ": some text}\n  condition: s\n").starts_with("SIG024"));
}

BOOST_AUTO_TEST_CASE(a_mistake_carries_line_column_and_a_hint) {
  rule_bench bench(rule_with("  s:\n    A|contians: x\n  condition: s\n"));
  const auto& d = bench.found.all().front();
  BOOST_TEST(d.place.line == 7);
  BOOST_TEST(d.place.column == 5);
  BOOST_TEST(d.hint == "did you mean 'contains'?");
}

BOOST_AUTO_TEST_CASE(reading_goes_on_past_a_bad_rule) {
  rule_bench bench(rule_with("  s: {A|nope: x}\n  condition: s\n") + "---\n" +
                   rule_with("  s: {A: x}\n  condition: s\n"));
  BOOST_TEST(bench.program->rules().size() == 1u);
  BOOST_TEST(bench.found.errors() == 1u);
}

BOOST_AUTO_TEST_CASE(values_that_come_again_are_judged_as_the_first_time) {
  rule_bench bench(rule_with("  s:\n    A|contains: evil\n    A|re: 'e.il[0-9]'\n  condition: s\n"));
  const auto route = bench.program->route_of_rule(0);
  detection::matcher matcher(bench.program);
  for (int round = 0; round < 3; ++round)
    for (const auto& [text, hit] :
         {std::pair("an EVIL1 evil1", true), std::pair("evil", false), std::pair("", false)}) {
      const json_event ev(std::string(R"({"A":")") + text + "\"}", *bench.names);
      BOOST_TEST(matcher.match_on(*route, ev.get()).empty() != hit, text);
    }
}

BOOST_AUTO_TEST_CASE(all_fields_are_only_needed_where_a_keyword_may_hold) {
  rule_bench bench(rule_with("  words: [mimikatz]\n  condition: words\n", "{category: test}"));
  model::log_type type{"acme", "app", "", "", "", "test"};
  detection::matcher matcher(bench.program);
  json_event with(R"({"A":"sekurlsa Mimikatz"})", *bench.names), without(R"({"A":"nothing"})", *bench.names);
  with.get().type = without.get().type = &type;
  BOOST_TEST(matcher.needs_all_fields(with.get()));
  BOOST_TEST(matcher.match(with.get()).size() == 1u);
  BOOST_TEST(!matcher.needs_all_fields(without.get()));
  BOOST_TEST(matcher.match(without.get()).empty());
}

BOOST_AUTO_TEST_CASE(a_logsource_of_a_mapped_type_is_provided) {
  rule_bench bench(rule_with("  s: {A: x}\n  condition: s\n", "{product: acme, category: process_creation}"));
  const model::log_type type{"acme", "app", "", "acme", "", "process_creation"};
  diagnostics without, with;
  detection::warn_of_fields(*bench.program, bench.tables, *bench.names, 0, {}, without);
  detection::warn_of_fields(*bench.program, bench.tables, *bench.names, 0,
                            {bench.program->router().class_of(type, 1007)}, with);
  BOOST_REQUIRE(without.all().size() == 1u);
  BOOST_TEST(without.all().front().code == "SIG019");
  BOOST_TEST(with.all().empty());
}

BOOST_AUTO_TEST_CASE(correlations_are_checked) {
  const auto base = rule_with("  s: {A: x}\n  condition: s\n");
  const auto with = [&](const std::string& body) {
    return rule_bench(base + "---\ntitle: c\ncorrelation:\n" + body).first();
  };
  BOOST_TEST(with("  type: event_count\n  rules: [r1]\n  timespan: 5m\n  condition: {gte: 3}\n") == "");
  BOOST_TEST(with("  type: count\n  rules: [r1]\n  timespan: 5m\n") == "SIG016 unknown correlation type 'count'");
  BOOST_TEST(with("  type: event_count\n  rules: [r1]\n  timespan: soon\n  condition: {gte: 3}\n") ==
             "SIG016 'soon' is no timespan");
  BOOST_TEST(with("  type: event_count\n  rules: [nobody]\n  timespan: 5m\n  condition: {gte: 3}\n") ==
             "SIG016 the correlation refers to 'nobody', which is not loaded");
  BOOST_TEST(with("  type: value_count\n  rules: [r1]\n  timespan: 5m\n  condition: {gte: 3}\n") ==
             "SIG016 'value_count' needs a field");
}

BOOST_AUTO_TEST_SUITE_END()
