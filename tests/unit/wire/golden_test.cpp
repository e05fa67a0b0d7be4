// Messages as the first version wrote them (tests/data/golden/*.bin). They must be read for ever: never replace a file.
// A new message gets its file by running this test once with SOC_WRITE_GOLDEN=1, which only writes what is missing.
#include "unit/wire/samples.hpp"
#include "wire/alert_wire.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace soc;
using namespace soc::wire;

namespace {

std::string golden(const std::string& name, const std::string& current) {
  const auto path = std::filesystem::path(SOC_SOURCE_DIR) / "tests/data/golden" / (name + ".bin");
  if (std::getenv("SOC_WRITE_GOLDEN") != nullptr && !std::filesystem::exists(path))
    std::ofstream(path, std::ios::binary) << current;
  std::ifstream in(path, std::ios::binary);
  BOOST_REQUIRE_MESSAGE(in, "missing " << path);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

} // namespace

BOOST_AUTO_TEST_SUITE(golden_messages)

BOOST_AUTO_TEST_CASE(an_alert_of_version_1_is_read) {
  const auto read = decode_alert(golden("alert-1", *encode(samples::full_alert())));
  BOOST_REQUIRE(read);
  BOOST_TEST(samples::same(*read, samples::full_alert()));
}

BOOST_AUTO_TEST_CASE(a_batch_of_version_1_is_read) {
  const std::vector<model::alert_ptr> two(2, std::make_shared<const model::alert>(samples::full_alert()));
  const auto read = decode_alerts(golden("alert-batch-1", *encode(two)));
  BOOST_REQUIRE(read);
  BOOST_REQUIRE_EQUAL(read->size(), 2U);
  BOOST_TEST(samples::same(*(*read)[1], samples::full_alert()));
}

BOOST_AUTO_TEST_CASE(control_messages_of_version_1_are_read) {
  BOOST_TEST((*decode_control_request(golden("control-request-1", *encode(samples::full_request()))) ==
              samples::full_request()));
  BOOST_TEST(
      (*decode_control_reply(golden("control-reply-1", *encode(samples::full_reply()))) == samples::full_reply()));
}

BOOST_AUTO_TEST_CASE(envelopes_of_version_1_are_read) {
  BOOST_TEST((*decode_envelope(golden("envelope-1", *encode(samples::full_envelope()))) == samples::full_envelope()));
  BOOST_TEST((*decode_envelope_reply(golden("envelope-reply-1", *encode(samples::full_envelope_reply()))) ==
              samples::full_envelope_reply()));
}

BOOST_AUTO_TEST_SUITE_END()
