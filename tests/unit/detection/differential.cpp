// The compiled program against the slow evaluator, on generated rules and events.
#include "reference.hpp"
#include "rule_fixture.hpp"

#include <cstdlib>
#include <random>

using namespace soc;
using namespace soc::test;

namespace {

/// Rules and events out of one small world, so that they meet: few fields, words that are parts of one another, every
/// construct.
class rule_world {
public:
  explicit rule_world(std::uint64_t seed) : random_(seed) {}

  std::string rule(std::size_t number) {
    std::string out = "title: r" + std::to_string(number) + "\nid: r" + std::to_string(number) +
                      "\nlogsource: {category: test}\ndetection:\n";
    const auto count = 1 + pick(3);
    for (std::size_t i = 0; i < count; ++i)
      out += "  s" + std::to_string(i) + ":\n" + selection();
    return out + "  condition: " + condition(count) + "\n";
  }

  std::string event() {
    nlohmann::json out = nlohmann::json::object();
    for (const auto* name : fields)
      switch (pick(7)) {
      case 0:
        break;
      case 1:
        out[name] = nullptr;
        break;
      case 2:
        out[name] = static_cast<std::int64_t>(pick(20));
        break;
      case 3:
        out[name] = nlohmann::json::array({text(), text()});
        break;
      default:
        out[name] = text();
      }
    return out.dump();
  }

private:
  static constexpr const char* fields[] = {"A", "B", "C", "D"};

  std::size_t pick(std::size_t of) { return std::uniform_int_distribution<std::size_t>(0, of - 1)(random_); }
  template <std::size_t N>
  std::string one_of(const char* const (&all)[N]) {
    return all[pick(N)];
  }
  std::string word() {
    return one_of({"cmd",
                   "cmd.exe",
                   "powershell",
                   "Power",
                   "a",
                   "ab",
                   "\xc3\x84rger",
                   "\xc3\xa4RGER",
                   "10.0.0.7",
                   "10.1.2.3",
                   "7",
                   "12",
                   "/c",
                   "-enc",
                   "\\\\x\\\\",
                   "ss",
                   "\xc5\xbf",
                   "K",
                   "k",
                   "2026-03-04T05:06:07Z",
                   "",
                   " "});
  }
  std::string text() {
    std::string out = word();
    for (std::size_t i = pick(3); i > 0; --i)
      out += one_of({"", " ", "\\\\", "/", "."}) + word();
    // The words are written for YAML's double quotes; events need the character itself.
    std::string plain;
    for (std::size_t i = 0; i < out.size(); ++i) {
      plain.push_back(out[i]);
      if (out[i] == '\\' && i + 1 < out.size() && out[i + 1] == '\\')
        ++i;
    }
    return plain;
  }
  std::string value() {
    switch (pick(8)) {
    case 0:
      return std::to_string(pick(20));
    case 1:
      return "null";
    case 2:
      return "\"*" + word() + "?" + word() + "*\"";
    case 3:
      return "\"" + word() + "*\"";
    default:
      return "\"" + word() + (pick(3) == 0 ? word() : std::string()) + "\"";
    }
  }
  std::string values(bool texts_only) {
    std::string out = "[";
    for (std::size_t i = 0, count = 1 + pick(pick(6) == 0 ? 12 : 3); i < count; ++i)
      out += (i > 0 ? ", " : "") + (texts_only ? "\"" + word() + "\"" : value());
    return out + "]";
  }
  std::string item() {
    const std::string field = fields[pick(4)];
    switch (pick(16)) {
    case 0:
    case 1:
      return field + ": " + values(false);
    case 2:
      return field + "|contains: " + values(true);
    case 3:
      return field + "|startswith: " + values(true);
    case 4:
      return field + "|endswith: " + values(true);
    case 5:
      return field + "|contains|all: " + values(true);
    case 6:
      return field + "|contains|cased: " + values(true);
    case 7:
      return field + "|re: '" + one_of({"c.d", "(?i)POWER", "^a", "[0-9]{2}$", "x|cmd", ".{5,}"}) + "'";
    case 8:
      return field + "|re|i: '" + one_of({"cmd\\.exe", "power(shell)?", "e$"}) + "'";
    case 9:
      return field + "|exists: " + one_of({"true", "false"});
    case 10:
      return field + "|cidr: " + one_of({"10.0.0.0/8", "10.0.0.0/24", "0.0.0.0/0"});
    case 11:
      return field + "|" + one_of({"lt", "lte", "gt", "gte"}) + ": " + std::to_string(pick(15));
    case 12:
      return field + "|fieldref" + one_of({"", "|contains", "|endswith"}) + ": " + fields[pick(4)];
    case 13:
      return field + "|contains|windash: '" + one_of({" -enc", "/c", "-x"}) + "'";
    case 14:
      return field + "|neq: " + values(true);
    default:
      return field + "|hour: " + std::to_string(pick(8));
    }
  }
  std::string selection() {
    std::string out;
    switch (pick(5)) {
    case 0:
      for (std::size_t i = 0, count = 1 + pick(3); i < count; ++i)
        out += "    - \"" + word() + "z*y\"\n    - \"" + word() + "\"\n";
      return out;
    case 1:
      for (std::size_t i = 0, count = 1 + pick(3); i < count; ++i)
        out += "    - " + item() + "\n";
      return out;
    default: {
      std::set<std::string> seen; // keys of a map are unique
      for (std::size_t i = 0, count = 1 + pick(3); i < count; ++i)
        if (const auto one = item(); seen.insert(one.substr(0, one.find(':'))).second)
          out += "    " + one + "\n";
      return out;
    }
    }
  }
  std::string condition(std::size_t count) {
    const auto any = [&] { return (pick(3) == 0 ? "not s" : "s") + std::to_string(pick(count)); };
    switch (pick(5)) {
    case 0:
      return "all of s*";
    case 1:
      return "1 of them";
    case 2:
      return any() + " and " + any();
    case 3:
      return any() + " or " + any() + " and not " + any();
    default:
      return "not (" + any() + " or " + any() + ")";
    }
  }

  std::mt19937_64 random_;
};

/// Pairs on which the two agree, or a description of the first on which they don't.
std::string compare_world(std::uint64_t seed, std::size_t rules, std::size_t events, std::size_t& pairs) {
  rule_world world(seed);
  std::string yaml;
  for (std::size_t i = 0; i < rules; ++i)
    yaml += (i > 0 ? "---\n" : "") + world.rule(i);
  rule_bench bench(yaml);
  const auto& route = bench.program->route_for({{}, {"test"}, {}});
  detection::matcher matcher(bench.program);
  for (std::size_t e = 0; e < events; ++e) {
    const auto text = world.event();
    const json_event ev(text, *bench.names);
    const auto lookup =
        lookup_in(ev.get(), [](const std::string& field) { return std::pair(std::vector{field}, std::vector{field}); });
    const auto matched = matcher.match_on(route, ev.get());
    for (std::uint32_t r = 0; r < bench.program->rules().size(); ++r, ++pairs) {
      const bool fast = std::find(matched.begin(), matched.end(), r) != matched.end();
      const bool slow = reference_holds(*bench.program->rules()[r].condition, lookup);
      if (fast != slow)
        return "seed " + std::to_string(seed) + ": the program says " + (fast ? "hit" : "miss") + " for " + text +
               "\n" + bench.program->rules()[r].header.title + "\n" +
               yaml.substr(yaml.find("title: " + bench.program->rules()[r].header.title), 600);
    }
  }
  return {};
}

} // namespace

BOOST_AUTO_TEST_SUITE(differential)

// SOC_DIFFERENTIAL_WORLDS=2000 makes it a million pairs and more.
BOOST_AUTO_TEST_CASE(the_program_and_the_slow_evaluator_agree) {
  const char* wanted = std::getenv("SOC_DIFFERENTIAL_WORLDS");
  const std::uint64_t worlds = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 60;
  std::size_t pairs = 0;
  for (std::uint64_t seed = 1; seed <= worlds; ++seed) {
    const auto difference = compare_world(seed, 25, 40, pairs);
    BOOST_REQUIRE_MESSAGE(difference.empty(), difference);
  }
  BOOST_TEST(pairs > worlds * 500);
}

BOOST_AUTO_TEST_SUITE_END()
