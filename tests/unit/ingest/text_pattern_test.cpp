// Patterns run without RE2 must find what RE2 finds: on the shipped mappings' patterns and samples, and on random ones.
#include "ingest/core/text_pattern.hpp"

#include <boost/test/unit_test.hpp>
#include <yaml-cpp/yaml.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <rapidcheck.h>
#include <set>

using namespace soc;

namespace {

std::shared_ptr<const ingest::text_pattern> compiled(const std::string& text, ingest::text_pattern::options how = {}) {
  std::string error;
  return ingest::text_pattern::compile(text, how, error);
}

/// Whether both ways find the same whole and groups, absent ones included.
bool agree(const ingest::text_pattern& pattern, std::string_view text) {
  std::array<std::string_view, 64> ours, theirs;
  const auto n = pattern.group_count() + 1;
  const bool found = pattern.search(text, std::span(ours.data(), n));
  if (found != pattern.search_re2(text, std::span(theirs.data(), n)))
    return false;
  for (std::size_t i = 0; found && i < n; ++i)
    if (ours[i].data() != theirs[i].data() || ours[i].size() != theirs[i].size())
      return false;
  return true;
}

/// Every text under a key `regex`, and every named group's pattern in `decode`.
void collect(const YAML::Node& node, bool is_pattern, std::set<std::string>& out) {
  if (node.IsScalar() && is_pattern)
    out.insert(node.Scalar());
  else if (node.IsSequence())
    for (const auto& item : node)
      collect(item, is_pattern, out);
  else if (node.IsMap())
    for (const auto& entry : node)
      collect(entry.second, entry.first.IsScalar() && entry.first.Scalar() == "regex", out);
}

struct shipped {
  std::set<std::string> patterns;
  std::vector<std::string> texts;
};

shipped read_shipped() {
  shipped all;
  for (const auto& file : std::filesystem::recursive_directory_iterator(SOC_SOURCE_DIR "/connectors/vendors")) {
    if (file.path().filename() == "mapping.yaml")
      collect(YAML::LoadFile(file.path().string()), false, all.patterns);
    if (file.path().parent_path().filename() != "samples")
      continue;
    std::ifstream in(file.path(), std::ios::binary);
    for (std::string line; std::getline(in, line);) {
      all.texts.push_back(line.substr(0, 2000));
      // Values too: most patterns look at one.
      for (std::size_t at = 0, end = 0; at < line.size(); at = end + 1) {
        end = std::min(line.find_first_of(" ,\"=|", at), line.size());
        if (end > at + 3 && all.texts.size() % 3 == 0)
          all.texts.push_back(line.substr(at, end - at));
      }
    }
  }
  return all;
}

rc::Gen<std::string> any_pattern() {
  const auto atom = rc::gen::element<std::string>("a", "b", "ab", ".", "[ab]", "[^a]", "\\d", "\\w", "\\s", "(a)",
                                                  "(b|a)", "(?:ab|a)", "(a|ab)(c|bcd)", "(a*)", "([ab]+)", "^", "$",
                                                  "\\b", "-", "(?:a(b)?)", "(?i:B)", "c");
  const auto times =
      rc::gen::element<std::string>("", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{0,2}?", "{2,}");
  const auto part = rc::gen::map(rc::gen::pair(atom, times), [](const auto& p) { return p.first + p.second; });
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(part), [](const auto& parts) {
    std::string out;
    for (std::size_t i = 0; i < parts.size() && i < 7; ++i)
      out += (i > 0 && parts[i].size() % 5 == 4 ? "|" : "") + parts[i];
    return out;
  });
}

} // namespace

BOOST_AUTO_TEST_SUITE(text_patterns)

BOOST_AUTO_TEST_CASE(the_shipped_patterns_find_what_re2_finds_in_every_sample) {
  const auto all = read_shipped();
  BOOST_REQUIRE(all.patterns.size() > 100);
  BOOST_REQUIRE(all.texts.size() > 300);
  std::size_t with_program = 0;
  for (const auto& text : all.patterns) {
    const auto pattern = compiled(text);
    BOOST_REQUIRE_MESSAGE(pattern != nullptr, text);
    with_program += pattern->has_program() ? 1 : 0;
    for (const auto& sample : all.texts)
      if (!agree(*pattern, sample))
        BOOST_ERROR(text + " on " + sample);
  }
  BOOST_TEST(with_program * 10 > all.patterns.size() * 9);
  BOOST_TEST_MESSAGE(with_program << " of " << all.patterns.size() << " patterns without RE2, " << all.texts.size()
                                  << " texts");
}

BOOST_AUTO_TEST_CASE(random_patterns_find_what_re2_finds) {
  std::size_t with_program = 0;
  const auto text = rc::gen::container<std::string>(rc::gen::element('a', 'b', 'c', 'd', '-', ' ', '\n', '1', 'B'));
  BOOST_TEST(rc::check([&] {
    const auto pattern = compiled(
        *any_pattern(), {.any_case = *rc::gen::arbitrary<bool>(), .dot_takes_newline = *rc::gen::arbitrary<bool>()});
    if (pattern == nullptr)
      return;
    with_program += pattern->has_program() ? 1 : 0;
    for (int i = 0; i < 10; ++i)
      RC_ASSERT(agree(*pattern, *text));
  }));
  BOOST_TEST(with_program > 20U);
}

BOOST_AUTO_TEST_CASE(a_pattern_that_would_try_for_ever_is_left_to_re2) {
  const auto pattern = compiled("^(?:a|aa|aaa|b)+(?:a|b|ab)+c$");
  BOOST_REQUIRE(pattern->has_program());
  BOOST_TEST(!pattern->search(std::string(20'000, 'a')));
}

BOOST_AUTO_TEST_CASE(bytes_above_127_are_left_to_re2) {
  const auto pattern = compiled("^(.)(.)$");
  std::array<std::string_view, 3> groups;
  BOOST_TEST(pattern->search("\xc3\xa4\xc3\xb6", groups));
  BOOST_TEST(groups[1] == "\xc3\xa4");
}

BOOST_AUTO_TEST_CASE(what_is_no_pattern_is_refused) {
  BOOST_TEST(!compiled("(a"));
  BOOST_TEST(!compiled("a**"));
  std::string many;
  for (int i = 0; i < 64; ++i)
    many += "(a)";
  BOOST_TEST(!compiled(many));
}

BOOST_AUTO_TEST_SUITE_END()
