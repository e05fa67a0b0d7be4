#include "connectors/sources/syslog/syslog_framing.hpp"

#include <boost/test/unit_test.hpp>

#include <rapidcheck.h>
#include <string>
#include <vector>

using namespace soc::sources;

namespace {

struct framed_messages {
  std::vector<std::string> messages;
  std::vector<bool> truncated;
  bool broken = false;
  bool operator==(const framed_messages&) const = default;
};

framed_messages frame_in_pieces(const std::string& stream, const std::vector<std::size_t>& cuts,
                                std::size_t max_message) {
  syslog_framer framer(max_message);
  framed_messages out;
  const auto give = [&](std::string_view message, bool truncated) {
    out.messages.emplace_back(message);
    out.truncated.push_back(truncated);
  };
  for (std::size_t at = 0, i = 0; at < stream.size() && !out.broken; ++i) {
    const auto size = cuts.empty() ? stream.size() : 1 + cuts[i % cuts.size()] % 13;
    out.broken = framer.feed(std::string_view(stream).substr(at, size), give) == syslog_framer::status::broken;
    at += size;
    BOOST_REQUIRE(framer.held_bytes() <= max_message + 16);
  }
  framer.finish(give);
  return out;
}

std::string counted(const std::string& message) {
  return std::to_string(message.size()) + " " + message;
}

} // namespace

BOOST_AUTO_TEST_SUITE(syslog_framings)

BOOST_AUTO_TEST_CASE(counted_frames_may_hold_line_ends) {
  const auto out = frame_in_pieces(counted("<13>1 - a\nb") + counted("<13>1 - c"), {}, 1000);
  BOOST_TEST(out.messages == (std::vector<std::string>{"<13>1 - a\nb", "<13>1 - c"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(lines_are_told_from_counts_by_the_first_bytes) {
  const auto out = frame_in_pieces("<13>Nov 24 09:00:00 h app: x\n<13>y\r\n", {}, 1000);
  BOOST_TEST(out.messages == (std::vector<std::string>{"<13>Nov 24 09:00:00 h app: x", "<13>y"}),
             boost::test_tools::per_element());
  const auto digits = frame_in_pieces("2026-11-24 no priority\n13 apples\n", {1}, 1000);
  BOOST_TEST(digits.messages == (std::vector<std::string>{"2026-11-24 no priority", "13 apples"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(any_chunking_of_counted_frames_gives_the_same_messages) {
  BOOST_TEST(rc::check([] {
    const auto bodies = *rc::gen::container<std::vector<std::string>>(
        rc::gen::container<std::string>(rc::gen::element('a', '\n', '\0', ' ', '7')));
    const auto cuts = *rc::gen::arbitrary<std::vector<std::size_t>>();
    const auto max_message = *rc::gen::inRange<std::size_t>(1, 12);
    std::string stream;
    for (const auto& body : bodies)
      stream += counted("<1>" + body);
    RC_ASSERT(frame_in_pieces(stream, {}, max_message) == frame_in_pieces(stream, cuts, max_message));
    const auto whole = frame_in_pieces(stream, cuts, 1000);
    RC_ASSERT(whole.messages.size() == bodies.size());
    for (std::size_t i = 0; i < bodies.size(); ++i)
      RC_ASSERT(whole.messages[i] == std::string(trim_message("<1>" + bodies[i])));
  }));
}

BOOST_AUTO_TEST_CASE(any_chunking_of_any_bytes_gives_the_same_messages) {
  BOOST_TEST(rc::check([] {
    const auto stream =
        *rc::gen::container<std::string>(rc::gen::element('1', '2', ' ', '<', '\n', '\r', '\0', 'x', '\xfe'));
    const auto cuts = *rc::gen::arbitrary<std::vector<std::size_t>>();
    const auto max_message = *rc::gen::inRange<std::size_t>(1, 12);
    RC_ASSERT(frame_in_pieces(stream, {}, max_message) == frame_in_pieces(stream, cuts, max_message));
  }));
}

BOOST_AUTO_TEST_CASE(a_count_over_the_limit_truncates_and_the_next_frame_is_whole) {
  const auto out = frame_in_pieces(counted("<1>" + std::string(500, 'x')) + counted("<1>ok"), {}, 100);
  BOOST_TEST_REQUIRE(out.messages.size() == 2U);
  BOOST_TEST(out.messages[0].size() == 100U);
  BOOST_TEST(out.truncated[0]);
  BOOST_TEST(out.messages[1] == "<1>ok");
}

BOOST_AUTO_TEST_CASE(counts_that_overflow_or_make_no_sense_break_the_connection) {
  BOOST_TEST(frame_in_pieces("5 <1>ab99999999999999999999 <1>", {}, 100).broken);
  BOOST_TEST(frame_in_pieces("5 <1>abjunk", {}, 100).broken);
  BOOST_TEST(frame_in_pieces("5 <1>ab0 <1>", {}, 100).broken);
  BOOST_TEST(!frame_in_pieces("9999999999 <1>never all of it", {}, 100).broken);
}

BOOST_AUTO_TEST_CASE(a_closed_connection_gives_its_unfinished_message) {
  BOOST_TEST(frame_in_pieces("<13>a\n<13>cut", {}, 100).messages.back() == "<13>cut");
  const auto cut = frame_in_pieces("50 <13>only this", {}, 100);
  BOOST_TEST_REQUIRE(cut.messages.size() == 1U);
  BOOST_TEST(cut.truncated[0]);
  BOOST_TEST(frame_in_pieces("5 <1>ab12", {}, 100).messages.size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
