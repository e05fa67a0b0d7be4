// From files on the disk to a set: descriptions, folders, our own sources.
#include "intel/intel_files.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace soc;
using namespace soc::intel;

namespace {

struct intel_folder {
  std::filesystem::path path = std::filesystem::temp_directory_path() /
                               ("soc-intel-" + std::to_string(::getpid()) + "-" + std::to_string(++made));
  static inline int made = 0;
  model::field_dictionary names;
  diagnostics found;

  intel_folder() { std::filesystem::create_directories(path / "lists"); }
  ~intel_folder() { std::filesystem::remove_all(path); }
  void write(const std::string& name, const std::string& text) { std::ofstream(path / name) << text; }
  std::string at(const std::string& name) const { return (path / name).string(); }
  indicator_set_ptr load(const std::vector<std::string>& paths) {
    indicator_set_ptr out;
    load_indicators({paths, {}, 0}, out, found);
    return out;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(intel_files, intel_folder)

BOOST_AUTO_TEST_CASE(a_description_names_its_files_and_what_holds_for_them) {
  write("lists/a.txt", "evil.example\n");
  write("lists/b.txt", "bad.example\n203.0.113.7\n");
  write("sources.yaml", "sources:\n  - {name: mine, paths: [lists], confidence: 70, level: critical, kinds: [domain], "
                        "tags: [attack.t1071], expire_days: 3}\n");
  const auto set = load({path.string()});
  BOOST_TEST(found.all().empty());
  BOOST_TEST(set->size() == 2u);
  const auto known = set->view(0);
  BOOST_TEST(known.source->name == "mine");
  BOOST_TEST(known.confidence == 70);
  BOOST_TEST((known.level == model::severity::critical));
  BOOST_TEST(known.valid_until > 0);
}

BOOST_AUTO_TEST_CASE(a_file_by_itself_is_a_source_of_its_name) {
  write("Abuse List.txt", "evil.example\n");
  const auto set = load({at("Abuse List.txt")});
  BOOST_TEST(set->size() == 1u);
  BOOST_TEST(set->sources().front().name == "abuse-list");
}

BOOST_AUTO_TEST_CASE(mistakes_in_a_description_are_said_with_their_place) {
  write("sources.yaml", "sources:\n  - name: a\n    paths: [nowhere.txt]\n    knids: [ip]\n  - name: a\n    paths: []\n"
                        "    confidence: 200\n    level: loud\n    kinds: [ipv4]\n    format: xml\n");
  load({at("sources.yaml")});
  std::string all;
  for (const auto& d : found.all())
    all += d.message + " " + d.hint + "\n";
  for (const auto* part : {"no such file or folder", "knids", "two sources are called 'a'", "'confidence' is 200",
                           "'loud' is no level", "'ipv4' is no kind", "'xml' is no format"})
    BOOST_TEST(all.find(part) != std::string::npos, part << " in " << all);
}

BOOST_AUTO_TEST_CASE(the_stamp_changes_with_the_files) {
  write("a.txt", "evil.example\n");
  const intel_request request{{at("a.txt")}, {}, 0};
  const auto before = stamp_of_sources(request);
  BOOST_TEST(before == stamp_of_sources(request));
  write("a.txt", "evil.example\nbad.example\n");
  BOOST_TEST(before != stamp_of_sources(request));
}

BOOST_AUTO_TEST_CASE(our_own_sources_load_and_know_a_mining_pool) {
  const std::string root = SOC_SOURCE_DIR;
  const auto loaded = load_intelligence({{root + "/rules/intel"}, root + "/rules/intel/fields.yaml", 0}, names, found);
  for (const auto& d : found.all())
    BOOST_ERROR(render(d, {}));
  BOOST_TEST(loaded.what->fields->size() > 40u);
  const std::string text = "gulf.moneroocean.stream";
  const auto id = names.find("query.hostname");
  const model::slot slot{id, 14, "query.hostname", model::value::of_string(text)};
  model::event ev;
  ev.ocsf = {&slot, 1};
  indicator_matcher matcher(loaded.what);
  const auto matches = matcher.match(ev, 1);
  BOOST_REQUIRE(matches.size() >= 1u);
  BOOST_TEST(loaded.what->indicators->view(matches.front().facts).source->name == "mining-pools");
}

BOOST_AUTO_TEST_SUITE_END()
