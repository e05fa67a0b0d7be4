#include "node/config.hpp"
#include "runtime/secrets.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace soc;

namespace {

struct config_file {
  std::string path =
      (std::filesystem::temp_directory_path() / ("soc-config-" + std::to_string(::getpid()) + ".yaml")).string();
  explicit config_file(const std::string& text) { std::ofstream(path) << text; }
  ~config_file() { std::filesystem::remove(path); }
};

} // namespace

BOOST_AUTO_TEST_SUITE(node_config)

BOOST_AUTO_TEST_CASE(an_empty_configuration_has_working_defaults) {
  config_file file("node:\n  name: node-a\n");
  diagnostics found;
  const auto c = node::load_config(file.path, "host", found);
  BOOST_TEST(found.errors() == 0u);
  BOOST_TEST(c.name == "node-a");
  BOOST_TEST(c.nats.urls.empty());
  BOOST_TEST(std::filesystem::path(c.data_dir).is_absolute());
}

BOOST_AUTO_TEST_CASE(the_host_name_becomes_a_subject_token) {
  config_file file("{}\n");
  diagnostics found;
  BOOST_TEST(node::load_config(file.path, "Web_01.example", found).name == "web-01-example");
}

BOOST_AUTO_TEST_CASE(a_misspelled_key_is_named_with_its_place_and_a_hint) {
  config_file file("nats:\n  prot: 4222\n");
  diagnostics found;
  node::load_config(file.path, "host", found);
  BOOST_REQUIRE(found.errors() == 1u);
  BOOST_TEST(found.all()[0].place.line == 2);
  BOOST_TEST(found.all()[0].hint.find("'port'") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(two_connectors_of_one_name_are_refused) {
  config_file file("connectors:\n  - {name: a, kind: file}\n  - {name: a, kind: http}\n");
  diagnostics found;
  node::load_config(file.path, "host", found);
  BOOST_TEST(found.errors() == 1u);
}

BOOST_AUTO_TEST_CASE(broken_yaml_is_an_error_and_not_a_crash) {
  config_file file("connectors: [\n");
  diagnostics found;
  node::load_config(file.path, "host", found);
  BOOST_TEST(found.errors() == 1u);
}

BOOST_AUTO_TEST_CASE(a_secret_is_only_taken_by_reference) {
  BOOST_TEST(!read_secret("hunter2"));
  ::setenv("SOC_TEST_SECRET", "s3cret", 1);
  const auto secret = read_secret("env:SOC_TEST_SECRET");
  BOOST_REQUIRE(static_cast<bool>(secret));
  BOOST_TEST(*secret == "s3cret");
  BOOST_TEST(!read_secret("env:SOC_TEST_NO_SUCH"));
}

BOOST_AUTO_TEST_SUITE_END()
