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

BOOST_AUTO_TEST_CASE(an_answer_is_waited_for_until_the_deadline_within_bounds) {
  const unix_ns now = 1'700'000'000 * ns_per_s;
  const auto seconds = [&](unix_ns deadline) {
    control_request request;
    request.deadline = deadline;
    return patience_of(request, now, std::chrono::milliseconds(7000)).count() / 1000;
  };
  BOOST_TEST(seconds(0) == 7);
  BOOST_TEST(seconds(now + 30 * ns_per_s) == 30);
  BOOST_TEST(seconds(now - 30 * ns_per_s) == 1);
  BOOST_TEST(seconds(INT64_MIN) == 1);
  BOOST_TEST(seconds(INT64_MAX) == 600);
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
