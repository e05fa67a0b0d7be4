// The compiled program against the slow evaluator, on real events and all rules of SigmaHQ. The data is not part of the
// project: without it (SOC_SHARED_DATA, or ../shared beside the project) the test says that it was skipped.
#include "detection/core/log_router.hpp"
#include "ingest/core/json_decoder.hpp"
#include "ingest/core/windows_event.hpp"
#include "reference.hpp"
#include "rule_fixture.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>

using namespace soc;
using namespace soc::test;

namespace {

namespace fs = std::filesystem;

std::string shared_data() {
  const char* given = std::getenv("SOC_SHARED_DATA");
  return given != nullptr ? given : std::string(SOC_SOURCE_DIR) + "/../shared";
}

std::vector<std::string> files_below(const std::string& folder, const std::string& ending) {
  std::vector<std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && entry.path().extension() == ending)
      out.push_back(entry.path().string());
  std::sort(out.begin(), out.end());
  return out;
}

/// Rules, field tables and routes as they are shipped.
struct real_rules {
  std::shared_ptr<model::field_dictionary> names = std::make_shared<model::field_dictionary>();
  detection::field_tables tables;
  std::shared_ptr<const detection::program> program;

  explicit real_rules(const std::string& sigma) {
    diagnostics found;
    detection::sigma_reader reader({}, found);
    for (const auto& file : files_below(sigma, ".yml"))
      if (auto text = read_text_file(file, "SIG001", found))
        reader.read(file, std::move(*text));
    detection::log_router router(*names);
    for (const auto& file : files_below(std::string(SOC_SOURCE_DIR) + "/rules/fields", ".yaml")) {
      const auto yaml = parse_yaml(file, *read_text_file(file, "FLD001", found), "FLD001", found);
      tables.read(yaml, found);
      router.read(yaml, found);
    }
    program = detection::program::compile(reader.finish(0), tables, std::move(router), *names, found);
  }
};

/// Calls `each(line)` for every line of every member of a zip; the line has room for simdjson after its end.
template <class F>
void each_line(const std::string& zip, F each) {
  FILE* pipe = popen(("unzip -p '" + zip + "'").c_str(), "r");
  BOOST_REQUIRE(pipe != nullptr);
  std::string line;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe))
    if (c == '\n') {
      line.reserve(line.size() + ingest::json_decoder::padding);
      each(line);
      line.clear();
    } else {
      line += static_cast<char>(c);
    }
  pclose(pipe);
}

/// Each event by both, for every rule its logsource admits.
class real_comparison {
public:
  explicit real_comparison(const real_rules& rules)
      : rules_(rules), decoder_(rules.names), matcher_(rules.program), names_(rules.program->rules().size()) {}

  void compare(const std::string& line) {
    slots_.clear();
    memory_.reset();
    if (decoder_.decode(line, memory_, slots_) || !ingest::flatten_windows_event(slots_, *rules_.names, memory_))
      return;
    model::event ev;
    ev.native = slots_;
    ev.raw = line;
    const auto fast = matcher_.match(ev);
    const auto kind = rules_.program->router().classify(ev);
    for (std::uint32_t rule = 0; rule < rules_.program->rules().size(); ++rule) {
      const auto& r = rules_.program->rules()[rule];
      if (!kind.admits(r.source))
        continue;
      ++pairs;
      const bool slow =
          reference_holds(*r.condition, lookup_in(ev, [&](const std::string& field) { return names_of(rule, field); }));
      hits += slow ? 1 : 0;
      if (slow != std::binary_search(fast.begin(), fast.end(), rule))
        BOOST_ERROR("the slow evaluator says " << (slow ? "hit" : "miss") << " for rule " << r.header.id << " ("
                                               << r.header.title << ") and " << line.substr(0, 600));
    }
    ++events;
  }

  std::size_t events = 0, pairs = 0, hits = 0;

private:
  std::pair<std::vector<std::string>, std::vector<std::string>> names_of(std::uint32_t rule, const std::string& field) {
    auto [at, is_new] = names_[rule].try_emplace(field);
    if (is_new) {
      const auto found = rules_.tables.resolve(rules_.program->rules()[rule].source, field);
      at->second = {found.native, found.ocsf};
    }
    return at->second;
  }

  const real_rules& rules_;
  ingest::json_decoder decoder_;
  detection::matcher matcher_;
  std::vector<std::map<std::string, std::pair<std::vector<std::string>, std::vector<std::string>>>> names_;
  arena memory_;
  std::vector<model::slot> slots_;
};

} // namespace

BOOST_AUTO_TEST_SUITE(real_events)

// SOC_DIFFERENTIAL_EVERY=1 takes every event; some minutes.
BOOST_AUTO_TEST_CASE(the_program_and_the_slow_evaluator_agree_on_recorded_attacks) {
  const auto shared = shared_data();
  if (!fs::is_directory(shared + "/sigma/rules") || !fs::is_directory(shared + "/events")) {
    std::cout << "SKIPPED the_program_and_the_slow_evaluator_agree_on_recorded_attacks: no data in " << shared << '\n';
    return;
  }
  const char* wanted = std::getenv("SOC_DIFFERENTIAL_EVERY");
  const std::size_t every = wanted != nullptr ? std::max<std::size_t>(std::strtoull(wanted, nullptr, 10), 1) : 499;
  const real_rules rules(shared + "/sigma");
  real_comparison comparison(rules);
  std::size_t number = 0;
  for (const auto& zip : files_below(shared + "/events", ".zip"))
    each_line(zip, [&](const std::string& line) {
      if (number++ % every == 0)
        comparison.compare(line);
    });
  BOOST_TEST(comparison.pairs > 0u);
  BOOST_TEST_MESSAGE(comparison.events << " events, " << comparison.pairs << " pairs, " << comparison.hits << " hits");
}

BOOST_AUTO_TEST_SUITE_END()
