#include "unit/wire/samples.hpp"
#include "wire/control_wire.hpp"

#include <boost/test/unit_test.hpp>

#include <rapidcheck.h>

using namespace soc;
using namespace soc::wire;

BOOST_AUTO_TEST_SUITE(control_wire)

BOOST_AUTO_TEST_CASE(a_request_survives_the_wire) {
  BOOST_TEST((*decode_control_request(*encode(samples::full_request())) == samples::full_request()));
}

BOOST_AUTO_TEST_CASE(a_reply_survives_the_wire) {
  BOOST_TEST((*decode_control_reply(*encode(samples::full_reply())) == samples::full_reply()));
}

BOOST_AUTO_TEST_CASE(an_envelope_survives_the_wire) {
  BOOST_TEST((*decode_envelope(*encode(samples::full_envelope())) == samples::full_envelope()));
}

BOOST_AUTO_TEST_CASE(an_envelope_reply_survives_the_wire) {
  BOOST_TEST((*decode_envelope_reply(*encode(samples::full_envelope_reply())) == samples::full_envelope_reply()));
}

BOOST_AUTO_TEST_CASE(a_command_of_too_many_words_is_refused) {
  auto request = samples::full_request();
  request.words.assign(max_command_words + 1, "w");
  BOOST_TEST(static_cast<int>(encode(request).error().code) == static_cast<int>(ec::too_large));
}

BOOST_AUTO_TEST_CASE(junk_is_a_failure_of_every_message) {
  BOOST_TEST(rc::check("decode of any bytes", [](const std::string& junk) {
    (void)decode_control_request(junk);
    (void)decode_control_reply(junk);
    (void)decode_envelope(junk);
    (void)decode_envelope_reply(junk);
  }));
}

BOOST_AUTO_TEST_SUITE_END()
