#include "connectors/sources/common/line_splitter.hpp"

#include <boost/test/unit_test.hpp>

#include <rapidcheck.h>
#include <string>

using namespace soc;
using namespace soc::sources;

namespace {

struct split_lines {
  std::vector<std::string> lines;
  std::vector<std::uint64_t> positions;
  line_counts counts;
  bool operator==(const split_lines& other) const { return lines == other.lines && positions == other.positions; }
};

/// Feeds `text` in pieces whose sizes are `cuts` in turn.
split_lines split_in_pieces(const std::string& text, const std::vector<std::size_t>& cuts, std::size_t max_line) {
  line_splitter splitter(max_line);
  split_lines out;
  std::string held;
  std::uint64_t position = 0;
  const auto take = [&](const std::vector<model::raw_record>& records) {
    for (const auto& r : records) {
      out.lines.push_back(held.substr(r.offset, r.length));
      out.positions.push_back(r.position);
    }
  };
  for (std::size_t at = 0, i = 0; at < text.size(); ++i) {
    const auto size = cuts.empty() ? text.size() : 1 + cuts[i % cuts.size()] % 17;
    held += text.substr(at, size);
    at += size;
    std::vector<model::raw_record> records;
    const auto consumed = splitter.split(held, position, records);
    take(records);
    held.erase(0, consumed);
    position += consumed;
    RC_ASSERT(held.size() <= max_line + 1);
  }
  std::vector<model::raw_record> last;
  splitter.finish(held, position, last);
  take(last);
  out.counts = splitter.counts();
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(line_splitting)

BOOST_AUTO_TEST_CASE(any_chunking_gives_the_same_records) {
  BOOST_TEST(rc::check([] {
    const auto text = *rc::gen::container<std::string>(rc::gen::element('a', 'b', '\n', '\r', '\0', '\xff'));
    const auto cuts = *rc::gen::arbitrary<std::vector<std::size_t>>();
    const auto max_line = *rc::gen::inRange<std::size_t>(1, 9);
    const auto whole = split_in_pieces(text, {}, max_line);
    const auto pieces = split_in_pieces(text, cuts, max_line);
    RC_ASSERT(whole == pieces);
    RC_ASSERT(whole.counts.truncated_lines == pieces.counts.truncated_lines);
    RC_ASSERT(whole.counts.skipped_bytes == pieces.counts.skipped_bytes);
  }));
}

BOOST_AUTO_TEST_CASE(a_carriage_return_before_the_line_end_is_not_part_of_the_record) {
  const auto out = split_in_pieces("one\r\n\r\n\ntwo\n", {}, 100);
  BOOST_TEST(out.lines == (std::vector<std::string>{"one", "two"}), boost::test_tools::per_element());
  BOOST_TEST(out.positions == (std::vector<std::uint64_t>{0, 8}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_line_over_the_limit_keeps_its_head_and_the_next_line_is_whole) {
  const auto out = split_in_pieces("0123456789\nnext\n", {}, 8);
  BOOST_TEST(out.lines == (std::vector<std::string>{"01234567", "next"}), boost::test_tools::per_element());
  BOOST_TEST(out.counts.truncated_lines == 1U);
  BOOST_TEST(out.counts.skipped_bytes == 2U);
}

BOOST_AUTO_TEST_CASE(a_last_line_without_an_end_waits_until_it_is_finished) {
  line_splitter splitter(100);
  std::vector<model::raw_record> records;
  BOOST_TEST(splitter.split("whole\npart", 0, records) == 6U);
  BOOST_TEST(records.size() == 1U);
  BOOST_TEST(splitter.finish("part", 6, records));
  BOOST_TEST(records.back().position == 6U);
}

BOOST_AUTO_TEST_SUITE_END()
