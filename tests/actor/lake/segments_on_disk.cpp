// Segments on the disk: two writers of one lane, field names without end, damage, a disk that takes nothing.
#include "lake/event_export.hpp"
#include "lake/event_search.hpp"
#include "lake/segment_writer.hpp"
#include "unit/lake/events.hpp"
#include "unit/store/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <fstream>
#include <malloc.h>
#include <sys/resource.h>

using namespace soc;
using namespace soc::lake;
using namespace soc::test;

namespace {

namespace fs = std::filesystem;

std::shared_ptr<model::event_batch> one_event(unix_ns time, const std::string& msg) {
  event_maker make;
  make.simple(time, "203.0.113.1", msg);
  return make.finish();
}

/// Events of a hundred fields each that no other event has.
std::shared_ptr<model::event_batch> many_fields(int first, int events) {
  event_maker make;
  for (int i = first; i < first + events; ++i) {
    std::vector<test_field> fields;
    for (int n = 0; n < 100; ++n)
      fields.push_back({false, std::to_string(i) + "." + std::to_string(n), make.text("x")});
    make.add(i, "record " + std::to_string(i), fields);
  }
  return make.finish();
}

event_search search_for(const catalog& of, std::size_t limit = 1000) {
  event_reading reading;
  reading.names = std::make_shared<model::field_dictionary>();
  reading.types.find = [](const model::log_type&) { return nullptr; };
  event_query asked;
  asked.limit = limit;
  return {of, asked, {}, reading};
}

std::vector<std::string> all_records(const catalog& of) {
  auto search = search_for(of);
  while (search.step()) {
  }
  std::vector<std::string> out;
  for (const auto& e : search.finish(false).all)
    out.emplace_back(e.batch->events[e.index].raw);
  return out;
}

void damage(const fs::path& path, std::uint64_t at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(at));
  const auto byte = static_cast<char>(file.get());
  file.seekp(static_cast<std::streamoff>(at));
  file.put(static_cast<char>(byte ^ 1));
}

/// While it lives, files of this process can't grow beyond so many bytes.
class full_disk {
public:
  explicit full_disk(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit lower{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &lower);
  }
  ~full_disk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  full_disk(const full_disk&) = delete;
  full_disk& operator=(const full_disk&) = delete;

private:
  void (*handler_)(int);
  rlimit before_{};
};

struct disk_fixture {
  temporary_directory at;
  std::shared_ptr<catalog> store = *catalog::open(at.path);

  segment_writer writer() { return {store, 0, {}, {}, {}}; }

  /// An open segment of three blocks with an event each, left behind: its path.
  fs::path left_segment() {
    auto to = writer();
    for (const auto* msg : {"a", "b", "c"})
      BOOST_REQUIRE(to.store({one_event(msg[0], msg)}, 1));
    return path_of(at.path, store->all().front()->name, false);
  }
  block_entry block(std::size_t number) { return store->all().front()->index.blocks.at(number); }
};

using texts = std::vector<std::string>;

} // namespace

BOOST_FIXTURE_TEST_SUITE(segments_on_disk, disk_fixture)

BOOST_AUTO_TEST_CASE(a_writer_that_was_left_behind_neither_stores_nor_ends_what_a_later_one_has) {
  auto left_behind = writer(), later = writer();
  BOOST_REQUIRE(left_behind.store({one_event(1, "a")}, 1));
  const auto ended = later.end_earlier();
  store->seal(*seal(at.path, *store->find(ended), {}));
  const auto late = left_behind.store({one_event(2, "b")}, 2);
  BOOST_REQUIRE(!late);
  BOOST_TEST((late.error().code == ec::conflict));
  BOOST_TEST(store->find(ended)->index.rows() == 1u);
  BOOST_REQUIRE(later.store({one_event(3, "c")}, 3));
  BOOST_TEST(left_behind.end() == "");
  BOOST_REQUIRE(later.store({one_event(4, "d")}, 4));
  BOOST_TEST(all_records(*store) == (texts{"record d", "record c", "record a"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(field_names_without_end_become_many_blocks_instead_of_one_large_one) {
  auto to = writer();
  BOOST_REQUIRE(to.store({many_fields(0, 200)}, 1));
  BOOST_TEST(store->status().blocks == 3u);
  BOOST_TEST(all_records(*store).size() == 200u);
}

BOOST_AUTO_TEST_CASE(small_blocks_are_put_together_as_long_as_their_fields_are_few) {
  auto to = writer();
  for (int i = 0; i < 6; ++i)
    BOOST_REQUIRE(to.store({many_fields(i * 30, 30)}, 1));
  BOOST_REQUIRE_EQUAL(store->status().blocks, 6u);
  const auto sealed = seal(at.path, *store->find(to.end()), {});
  BOOST_REQUIRE(sealed);
  BOOST_TEST(sealed->index.blocks.size() == 2u); // of 9,000 columns each
  store->seal(*sealed);
  BOOST_TEST(all_records(*store).size() == 180u);
}

BOOST_AUTO_TEST_CASE(a_damaged_block_of_an_open_segment_costs_no_other_block_and_a_copy_is_kept) {
  const auto path = left_segment();
  const auto size = fs::file_size(path);
  damage(path, block(0).offset + block(0).length - 1);
  const auto looked = *catalog::look(at.path);
  BOOST_TEST(looked->repaired().size() == 1u);
  BOOST_TEST(all_records(*looked) == (texts{"record c", "record b"}), boost::test_tools::per_element());
  BOOST_TEST(!fs::exists(path.string() + ".damaged"));
  store = *catalog::open(at.path);
  BOOST_TEST(all_records(*store) == (texts{"record c", "record b"}), boost::test_tools::per_element());
  BOOST_TEST(fs::file_size(path.string() + ".damaged") == size);
}

BOOST_AUTO_TEST_CASE(of_an_open_segment_that_can_not_be_read_on_a_copy_is_kept_before_it_is_cut) {
  const auto path = left_segment();
  const auto size = fs::file_size(path);
  damage(path, block(1).offset + 20);
  store = *catalog::open(at.path);
  BOOST_TEST(all_records(*store) == (texts{"record a"}), boost::test_tools::per_element());
  BOOST_TEST(fs::file_size(path) < size);
  BOOST_TEST(fs::file_size(path.string() + ".damaged") == size);
}

BOOST_AUTO_TEST_CASE(an_open_segment_of_a_newer_format_is_left_as_it_is) {
  const auto path = path_of(at.path, "0-0000000000001-0", false);
  std::ofstream(path) << "SOCLAKE2 and what this program knows nothing of";
  const auto size = fs::file_size(path);
  store = *catalog::open(at.path);
  BOOST_REQUIRE_EQUAL(store->repaired().size(), 1u);
  BOOST_TEST(store->repaired().front().find("newer format") != std::string::npos);
  BOOST_TEST(fs::file_size(path) == size);
  BOOST_TEST(store->status().open_segments == 0u);
}

BOOST_AUTO_TEST_CASE(a_segment_that_can_not_be_begun_leaves_no_file) {
  auto to = writer();
  bool stored = true;
  {
    const full_disk full(4);
    stored = static_cast<bool>(to.store({one_event(1, "a")}, 1));
  }
  BOOST_TEST(!stored);
  BOOST_TEST(fs::is_empty(at.path));
  BOOST_TEST(static_cast<bool>(to.store({one_event(1, "a")}, 1)));
}

BOOST_AUTO_TEST_CASE(a_search_keeps_the_rows_of_a_block_for_none_of_its_hits) {
  constexpr int events = 4000;
  event_maker make;
  for (int i = 0; i < events; ++i)
    make.add(i, "record " + std::to_string(i), {{false, "msg", make.text("m")}});
  auto to = writer();
  BOOST_REQUIRE(to.store({make.finish()}, 1));
  auto search = search_for(*store, events);
  const auto before = static_cast<std::int64_t>(mallinfo2().uordblks);
  while (search.step()) {
  }
  const auto kept = static_cast<std::int64_t>(mallinfo2().uordblks) - before;
  BOOST_TEST(kept < 16 << 20); // with the rows 64 MB
  BOOST_TEST(search.finish(false).all.size() == static_cast<std::size_t>(events));
}

BOOST_AUTO_TEST_CASE(what_another_process_seals_after_it_was_looked_at_is_still_read) {
  const auto open = left_segment();
  const auto seen = *catalog::look(at.path);
  fs::remove(open); // as its node does once the sealed one is on the disk
  BOOST_TEST(all_records(*seen) == (texts{"record c", "record b", "record a"}), boost::test_tools::per_element());
  event_reading reading;
  reading.names = std::make_shared<model::field_dictionary>();
  reading.types.find = [](const model::log_type&) { return nullptr; };
  const auto counts = export_events(*seen, {}, {}, reading, [](const restored_batch&) { return true; });
  BOOST_TEST(counts.events == 3U);
  BOOST_TEST(counts.problems.empty());
}

BOOST_AUTO_TEST_SUITE_END()
