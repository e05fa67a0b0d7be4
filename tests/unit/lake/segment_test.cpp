// Segments, look-ups and retention: what is whole is found again, what is torn is cut off, what is too much goes.
#include "events.hpp"
#include "lake/core/query.hpp"
#include "lake/core/retention.hpp"

#include <boost/test/unit_test.hpp>

#include <rapidcheck.h>

using namespace soc;
using namespace soc::lake;
using namespace soc::test;

namespace {

/// An open segment of `blocks` blocks with `each` events; block i has times from i * 1000 and address 10.0.i.1.
struct written_segment {
  std::string bytes{segment_head};
  segment_index index;

  explicit written_segment(int blocks, int each = 5) {
    for (int b = 0; b < blocks; ++b) {
      event_maker make;
      for (int i = 0; i < each; ++i)
        make.simple(b * 1000 + i, "198.51.100." + std::to_string(b), "m" + std::to_string(i));
      auto made = block_of({make.finish()});
      made.entry.offset = bytes.size();
      bytes += made.frame;
      index.blocks.push_back(made.entry);
    }
  }
};

void check_same(const segment_index& a, const segment_index& b) {
  BOOST_REQUIRE_EQUAL(a.blocks.size(), b.blocks.size());
  for (std::size_t i = 0; i < a.blocks.size(); ++i) {
    BOOST_TEST(a.blocks[i].offset == b.blocks[i].offset);
    BOOST_TEST(a.blocks[i].length == b.blocks[i].length);
    BOOST_TEST(a.blocks[i].rows == b.blocks[i].rows);
    BOOST_TEST(a.blocks[i].first == b.blocks[i].first);
    BOOST_TEST(a.blocks[i].last == b.blocks[i].last);
    BOOST_TEST(a.blocks[i].filter == b.blocks[i].filter);
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(an_index_is_read_as_it_was_written) {
  written_segment s(4);
  const auto read = read_index(s.bytes + encode_index(s.index));
  BOOST_REQUIRE(read);
  check_same(*read, s.index);
  BOOST_TEST(read->rows() == 20u);
  BOOST_TEST(read->first() == 0);
  BOOST_TEST(read->last() == 3004);
}

BOOST_AUTO_TEST_CASE(a_damaged_index_is_refused) {
  written_segment s(2);
  const auto whole = s.bytes + encode_index(s.index);
  for (std::size_t at = s.bytes.size(); at < whole.size(); ++at) {
    auto damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    BOOST_TEST(!read_index(damaged));
    BOOST_TEST(!read_index(whole.substr(0, at)));
  }
}

BOOST_AUTO_TEST_CASE(a_tail_torn_at_any_byte_keeps_every_whole_block) {
  written_segment s(3);
  for (std::size_t cut = 0; cut <= s.bytes.size(); ++cut) {
    const auto scan = scan_tail(std::string_view(s.bytes).substr(0, cut));
    std::size_t whole = 0;
    for (const auto& b : s.index.blocks)
      whole += b.offset + b.length <= cut ? 1 : 0;
    BOOST_REQUIRE_EQUAL(scan.index.blocks.size(), whole);
    BOOST_TEST(scan.whole_bytes <= cut);
    const bool at_end = cut == 8 || (whole > 0 && scan.whole_bytes == cut);
    BOOST_TEST(scan.damage.empty() == at_end);
    BOOST_TEST(!scan.damaged);
  }
  check_same(scan_tail(s.bytes).index, s.index);
}

BOOST_AUTO_TEST_CASE(a_tail_with_garbage_behind_its_last_block_is_cut_there) {
  written_segment s(2);
  const auto scan = scan_tail(s.bytes + std::string(1000, '\x5a'));
  BOOST_TEST(scan.index.blocks.size() == 2u);
  BOOST_TEST(scan.whole_bytes == s.bytes.size());
  BOOST_TEST(!scan.damage.empty());
  BOOST_TEST(!scan.damaged);
}

BOOST_AUTO_TEST_CASE(a_damaged_block_is_passed_over_and_those_behind_it_are_kept) {
  written_segment s(4);
  const auto& hit = s.index.blocks[1];
  s.bytes[hit.offset + hit.length - 1] ^= 1;
  const auto scan = scan_tail(s.bytes);
  BOOST_TEST(scan.damaged);
  BOOST_TEST(scan.damage == "");
  BOOST_TEST(scan.whole_bytes == s.bytes.size());
  s.index.blocks.erase(s.index.blocks.begin() + 1);
  check_same(scan.index, s.index);
}

BOOST_AUTO_TEST_CASE(behind_a_block_whose_header_is_damaged_nothing_is_read_and_it_is_told_from_a_torn_end) {
  written_segment s(3);
  s.bytes[s.index.blocks[1].offset + 20] ^= 1;
  const auto scan = scan_tail(s.bytes);
  BOOST_TEST(scan.damaged);
  BOOST_TEST(scan.whole_bytes == s.index.blocks[1].offset);
  BOOST_TEST(scan.index.blocks.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_segment_whose_first_byte_is_damaged_keeps_its_blocks) {
  written_segment s(3);
  s.bytes[0] ^= 1;
  const auto scan = scan_tail(s.bytes);
  BOOST_TEST(scan.damaged);
  check_same(scan.index, s.index);
}

BOOST_AUTO_TEST_CASE(a_segment_of_another_format_is_told_from_one_that_is_torn_in_its_head) {
  BOOST_TEST(is_of_other_format("SOCLAKE2 and more"));
  BOOST_TEST(!is_of_other_format("SOCLAKE"));
  BOOST_TEST(!is_of_other_format(written_segment(1).bytes));
}

BOOST_AUTO_TEST_CASE(only_blocks_that_may_answer_are_looked_at_the_newest_first) {
  written_segment s(10);
  event_query asked;
  asked.entities.push_back(entity_query::of("ip:198.51.100.4"));
  auto plan = plan_lookup({&s.index}, asked);
  BOOST_TEST(plan.size() <= 2u); // one, and rarely one in vain
  BOOST_TEST(std::count_if(plan.begin(), plan.end(), [](auto& c) { return c.block == 4; }) == 1);
  asked.entities.clear();
  asked.from = 3000;
  asked.to = 6000;
  plan = plan_lookup({&s.index}, asked);
  BOOST_REQUIRE_EQUAL(plan.size(), 3u);
  BOOST_TEST(plan[0].block == 5u);
  BOOST_TEST(plan[2].block == 3u);
}

BOOST_AUTO_TEST_CASE(without_a_time_in_question_a_block_from_before_1970_is_looked_at) {
  segment_index index;
  index.blocks.push_back({8, 100, 1, 10, -20, -10, {}});
  BOOST_TEST(plan_lookup({&index}, {}).size() == 1u);
}

BOOST_AUTO_TEST_CASE(several_entities_must_all_be_in_an_event) {
  event_maker make;
  make.simple(1, "203.0.113.1", "a");
  make.add(2, "b", {{true, "device.hostname", make.text("db-1")}, {true, "src_endpoint.ip", make.text("203.0.113.1")}});
  const auto made = block_of({make.finish()});
  auto block = block_reader::open(made.frame);
  event_query asked;
  asked.entities = {entity_query::of("ip:203.0.113.1"), entity_query::of("host:db-1")};
  const auto rows = rows_of(*block, asked);
  BOOST_REQUIRE(rows);
  BOOST_TEST(*rows == std::vector<std::uint32_t>{1}, boost::test_tools::per_element());
  BOOST_TEST(has_entities(*make.batch, make.batch->events[1], asked));
  BOOST_TEST(!has_entities(*make.batch, make.batch->events[0], asked));
}

BOOST_AUTO_TEST_CASE(sealing_covers_every_block_once_and_puts_small_neighbours_together) {
  BOOST_TEST(rc::check([](const std::vector<std::uint16_t>& sizes) {
    segment_index index;
    for (const auto size : sizes)
      index.blocks.push_back({0, 0, 10, size, 0, 0, {}});
    const auto steps = plan_seal(index, 1000, 5000, 1'000'000);
    std::size_t at = 0;
    for (const auto& step : steps) {
      RC_ASSERT(step.first == at && step.last > at);
      RC_ASSERT(step.as_is == (step.last == step.first + 1));
      std::uint64_t bytes = 0;
      for (auto i = step.first; i < step.last; ++i)
        bytes += index.blocks[i].raw_bytes;
      RC_ASSERT(step.as_is || bytes <= 5000);
      at = step.last;
    }
    RC_ASSERT(at == sizes.size());
  }));
}

BOOST_AUTO_TEST_CASE(segments_go_by_age_by_size_and_for_free_space_the_oldest_first) {
  const std::vector<kept_segment> all{{"c", 300, 10}, {"a", 100, 10}, {"b", 200, 10}};
  const auto names = [](const std::vector<expiry>& gone) {
    std::string out;
    for (const auto& e : gone)
      out += e.name;
    return out;
  };
  BOOST_TEST(names(expired(all, 1000, 1 << 20, {0, 0, 0})) == "");
  BOOST_TEST(names(expired(all, 1000, 1 << 20, {750, 0, 0})) == "ab");
  BOOST_TEST(names(expired(all, 1000, 1 << 20, {0, 25, 0})) == "a");
  BOOST_TEST(names(expired(all, 1000, 1 << 20, {0, 30, 0})) == "");
  BOOST_TEST(names(expired(all, 1000, 5, {0, 0, 20})) == "ab");
}
