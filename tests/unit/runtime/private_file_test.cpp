// Files that hold a secret: whole or not there, and never replaced.
#include "base/whole_file.hpp"
#include "runtime/private_file.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <filesystem>
#include <sys/stat.h>

using namespace soc;

namespace {

struct scratch_folder {
  scratch_folder() { path = ::mkdtemp(path.data()); }
  ~scratch_folder() { std::filesystem::remove_all(path); }
  std::string path = "/tmp/soc-private-XXXXXX";
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(private_file, scratch_folder)

BOOST_AUTO_TEST_CASE(it_is_made_with_its_folder_for_its_owner_alone_and_leaves_no_draft) {
  const auto file = path + "/keys/one";
  BOOST_REQUIRE(create_private_file(file, "text"));
  BOOST_TEST(read_whole_file(file).value_or("") == "text");
  struct stat s {};
  BOOST_REQUIRE(::stat(file.c_str(), &s) == 0);
  BOOST_TEST((s.st_mode & 0777) == 0600u);
  const std::filesystem::directory_iterator all(path + "/keys");
  BOOST_TEST(std::distance(begin(all), end(all)) == 1);
}

BOOST_AUTO_TEST_CASE(one_that_is_there_is_kept) {
  BOOST_REQUIRE(create_private_file(path + "/one", "first"));
  BOOST_REQUIRE(create_private_file(path + "/one", "second"));
  BOOST_TEST(read_whole_file(path + "/one").value_or("") == "first");
}

BOOST_AUTO_TEST_CASE(where_none_can_be_made_it_says_so) {
  const auto made = create_private_file("/proc/none/one", "text");
  BOOST_REQUIRE(!made);
  BOOST_TEST((made.error().code == ec::io_error));
}

BOOST_AUTO_TEST_SUITE_END()
