#include "unit/sources/log_folder.hpp"

#include <algorithm>
#include <rapidcheck.h>
#include <set>

using namespace soc;
using namespace soc::sources;
using namespace soc::sources::testing;
using boost::test_tools::per_element;
using texts = std::vector<std::string>;

namespace {

file_options follow_all(const log_folder& folder, const std::string& glob) {
  file_options options;
  options.paths = {folder.at(glob)};
  return options;
}

std::string numbered(int from, int to) {
  std::string out;
  for (int i = from; i < to; ++i)
    out += "line " + std::to_string(i) + "\n";
  return out;
}

texts numbered_texts(int from, int to) {
  texts out;
  for (int i = from; i < to; ++i)
    out.push_back("line " + std::to_string(i));
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(following_files)

BOOST_AUTO_TEST_CASE(appended_lines_are_read_once_and_a_partial_line_waits) {
  log_folder folder;
  folder.append("a.log", "one\ntw");
  followed_folder f(follow_all(folder, "*.log"));
  BOOST_TEST(f.read() == texts{"one"}, per_element());
  BOOST_TEST(f.read().empty());
  folder.append("a.log", "o\nthree\n");
  BOOST_TEST(f.read() == (texts{"two", "three"}), per_element());
  BOOST_TEST(f.last->origin == folder.at("a.log"));
  BOOST_TEST(f.last->records[0].position == 4U);
}

BOOST_AUTO_TEST_CASE(a_file_that_appears_later_is_read_from_its_beginning) {
  log_folder folder;
  folder.append("old.log", "before\n");
  auto options = follow_all(folder, "*.log");
  options.from_end = true;
  followed_folder f(options);
  BOOST_TEST(f.read().empty());
  folder.append("old.log", "after\n");
  folder.append("new.log", "first\n");
  auto got = f.read();
  std::sort(got.begin(), got.end());
  BOOST_TEST(got == (texts{"after", "first"}), per_element());
  folder.append("third.log", "while down\n");
  f.acknowledge();
  f.kill_and_restart();
  BOOST_TEST(f.read() == texts{"while down"}, per_element());
}

BOOST_AUTO_TEST_CASE(excluded_files_are_left_alone) {
  log_folder folder;
  folder.append("a.log", "a\n");
  folder.append("debug.log", "b\n");
  auto options = follow_all(folder, "*.log");
  options.exclude = {folder.at("debug*")};
  followed_folder f(options);
  BOOST_TEST(f.read() == texts{"a"}, per_element());
}

BOOST_AUTO_TEST_CASE(only_an_unbroken_run_of_acknowledgements_moves_the_checkpoint) {
  log_folder folder;
  followed_folder f(follow_all(folder, "a.log"));
  folder.append("a.log", "one\n");
  f.read();
  folder.append("a.log", "two\n");
  f.read();
  f.follower->settled(f.in_flight.back());
  f.kill_and_restart();
  BOOST_TEST(f.read() == (texts{"one", "two"}), per_element());
  f.acknowledge();
  f.kill_and_restart();
  BOOST_TEST(f.read().empty());
}

BOOST_AUTO_TEST_CASE(a_renamed_file_is_read_to_its_end_beside_the_new_one) {
  log_folder folder;
  followed_folder f(follow_all(folder, "a.log"));
  folder.append("a.log", "one\n");
  f.read();
  folder.append("a.log", "two\n");
  folder.rename("a.log", "a.log.1");
  folder.append("a.log", "three\n");
  folder.append("a.log.1", "late\n");
  auto got = f.read();
  std::sort(got.begin(), got.end());
  BOOST_TEST(got == (texts{"late", "three", "two"}), per_element());
}

BOOST_AUTO_TEST_CASE(the_unfinished_last_line_of_a_renamed_file_is_a_record_after_a_while) {
  log_folder folder;
  followed_folder f(follow_all(folder, "a.log"));
  folder.append("a.log", "one\ncut");
  f.read();
  folder.rename("a.log", "a.log.1");
  BOOST_TEST(f.read().empty());
  BOOST_TEST(f.read(1000, std::chrono::seconds{6}) == texts{"cut"}, per_element());
}

BOOST_AUTO_TEST_CASE(a_file_renamed_while_we_were_down_is_finished_under_its_new_name) {
  log_folder folder;
  followed_folder f(follow_all(folder, "a.log"));
  folder.append("a.log", "one\n");
  f.read();
  f.acknowledge();
  folder.append("a.log", "two\n");
  f.follower.reset();
  folder.rename("a.log", "a.log.1");
  folder.append("a.log", "three\n");
  f.kill_and_restart();
  auto got = f.read();
  std::sort(got.begin(), got.end());
  BOOST_TEST(got == (texts{"three", "two"}), per_element());
}

BOOST_AUTO_TEST_CASE(a_file_renamed_and_compressed_while_we_were_down_is_finished_from_the_archive) {
  log_folder folder;
  followed_folder f(follow_all(folder, "a.log"));
  folder.append("a.log", numbered(0, 300));
  f.read();
  f.acknowledge();
  folder.append("a.log", numbered(300, 310));
  f.follower.reset();
  folder.rename("a.log", "a.log.1");
  folder.compress("a.log.1");
  folder.append("a.log", "new\n");
  f.kill_and_restart();
  auto got = f.read();
  auto expected = numbered_texts(300, 310);
  expected.push_back("new");
  std::sort(got.begin(), got.end());
  std::sort(expected.begin(), expected.end());
  BOOST_TEST(got == expected, per_element());
}

BOOST_AUTO_TEST_CASE(copy_and_truncate_loses_nothing_that_was_copied_and_repeats_nothing) {
  log_folder folder;
  followed_folder f(follow_all(folder, "a.log*"));
  folder.append("a.log", numbered(0, 5));
  f.read();
  folder.append("a.log", numbered(5, 8)); // not read before the truncation
  folder.copy("a.log", "a.log.1");
  folder.truncate("a.log");
  folder.append("a.log", numbered(8, 10));
  f.read();
  f.read();
  std::sort(f.all.begin(), f.all.end());
  BOOST_TEST(f.all == numbered_texts(0, 10), per_element());
}

BOOST_AUTO_TEST_CASE(what_is_in_flight_at_a_truncation_holds_the_place_in_the_copy) {
  log_folder folder;
  followed_folder f(follow_all(folder, "a.log*"));
  folder.append("a.log", numbered(0, 5));
  f.read(); // is not acknowledged
  folder.append("a.log", numbered(5, 8));
  folder.copy("a.log", "a.log.1");
  folder.truncate("a.log");
  folder.append("a.log", numbered(8, 9));
  f.read();
  BOOST_TEST_REQUIRE(f.all.size() == 9U);
  for (auto ticket = f.in_flight.begin() + 1; ticket != f.in_flight.end(); ++ticket)
    for (const auto& [key, bytes] : f.follower->settled(*ticket))
      f.store[key] = bytes;
  f.kill_and_restart();
  BOOST_TEST(f.read() == numbered_texts(0, 8), per_element());
}

BOOST_AUTO_TEST_CASE(a_file_truncated_and_grown_over_the_old_length_is_noticed) {
  log_folder folder;
  followed_folder f(follow_all(folder, "a.log"));
  folder.append("a.log", "short\n");
  f.read();
  folder.truncate("a.log");
  folder.append("a.log", "a much longer first line\nsecond\n");
  BOOST_TEST(f.read() == (texts{"a much longer first line", "second"}), per_element());
}

BOOST_AUTO_TEST_CASE(a_copy_of_a_file_that_goes_on_is_not_read_a_second_time) {
  log_folder folder;
  followed_folder f(follow_all(folder, "a.log*"));
  folder.append("a.log", numbered(0, 3));
  f.read();
  folder.copy("a.log", "a.log.bak");
  f.read();
  folder.append("a.log", numbered(3, 5));
  f.read(1000, std::chrono::seconds{20});
  f.read(1000, std::chrono::seconds{20});
  BOOST_TEST(f.all == numbered_texts(0, 5), per_element());
  folder.append("a.log.bak", "its own\n");
  f.read();
  BOOST_TEST(f.all.back() == "its own");
}

BOOST_AUTO_TEST_CASE(a_compressed_backlog_file_is_read_once) {
  log_folder folder;
  folder.append("b.log", numbered(0, 50'000));
  folder.compress("b.log");
  followed_folder f(follow_all(folder, "b.log*"));
  BOOST_TEST(f.read() == numbered_texts(0, 50'000), per_element());
  f.acknowledge();
  f.read();
  f.kill_and_restart();
  BOOST_TEST(f.read().empty());
}

BOOST_AUTO_TEST_CASE(a_new_file_with_the_inode_of_a_finished_archive_is_read) {
  for (const std::string made : {"c.log", "c.log.gz"}) {
    log_folder folder;
    folder.append("b.log", numbered(0, 100));
    folder.compress("b.log");
    followed_folder f(follow_all(folder, "*.log*"));
    f.read();
    f.acknowledge();
    auto checkpoint = decode_file_checkpoint(f.store.begin()->second);
    BOOST_REQUIRE(static_cast<bool>(checkpoint));
    BOOST_TEST(checkpoint->finished);
    f.follower.reset();
    folder.remove("b.log.gz");
    folder.append("c.log", "new\n");
    if (made == "c.log.gz")
      folder.compress("c.log");
    const auto id = identity_of(folder.at(made));
    BOOST_REQUIRE(id.has_value());
    checkpoint->device = id->device;
    checkpoint->inode = id->inode;
    f.store = {{checkpoint_key(id->device, id->inode), encode(*checkpoint)}};
    f.kill_and_restart();
    BOOST_TEST(f.read() == texts{"new"}, per_element());
  }
}

BOOST_AUTO_TEST_CASE(an_archive_that_another_file_replaced_is_forgotten) {
  log_folder folder;
  folder.append("b.log", numbered(0, 100));
  folder.compress("b.log");
  followed_folder f(follow_all(folder, "b.log*"));
  f.read();
  f.acknowledge();
  const auto key = f.store.begin()->first;
  folder.append("next", "new\n");
  folder.rename("next", "b.log.gz");
  BOOST_TEST(f.read() == texts{"new"}, per_element());
  BOOST_TEST(f.store[key].empty());
}

BOOST_AUTO_TEST_CASE(a_log_that_is_compressed_under_our_eyes_is_not_read_again) {
  log_folder folder;
  followed_folder f(follow_all(folder, "a.log*"));
  folder.append("a.log", numbered(0, 100));
  f.read();
  f.acknowledge();
  folder.rename("a.log", "a.log.1");
  folder.append("a.log", "new\n");
  f.read();
  f.acknowledge();
  folder.compress("a.log.1");
  f.read(1000, std::chrono::seconds{6});
  f.acknowledge();
  BOOST_TEST(f.all.size() == 101U);
  f.kill_and_restart();
  BOOST_TEST(f.read().empty());
}

BOOST_AUTO_TEST_CASE(a_truncated_archive_gives_what_it_has_and_is_counted) {
  log_folder folder;
  folder.append("b.log", numbered(0, 20'000));
  folder.compress("b.log");
  BOOST_REQUIRE(::truncate(folder.at("b.log.gz").c_str(), 20'000) == 0);
  folder.age("b.log.gz", 60);
  followed_folder f(follow_all(folder, "b.log.gz"));
  f.read();
  f.read(1000, std::chrono::seconds{6});
  f.read(1000, std::chrono::seconds{6});
  BOOST_TEST(f.all.size() > 1000U);
  BOOST_TEST(f.all.size() < 20'000U);
  BOOST_TEST(f.all[999] == "line 999");
  BOOST_TEST(f.counts->errors == 1U);
}

BOOST_AUTO_TEST_CASE(binary_junk_passes_as_records_and_long_lines_are_cut_and_counted) {
  log_folder folder;
  std::string junk("\0\xff\xfe\x01", 4);
  folder.append("a.log", junk + "\n" + std::string(10U << 20, 'x') + "\nafter\n");
  followed_folder f(follow_all(folder, "a.log"));
  f.read();
  BOOST_TEST_REQUIRE(f.all.size() == 3U);
  BOOST_TEST(f.all[0] == junk);
  BOOST_TEST(f.all[1].size() == f.options_.max_line_bytes);
  BOOST_TEST(f.all[2] == "after");
  BOOST_TEST(f.counts->truncated_records == 1U);
}

BOOST_AUTO_TEST_CASE(a_kill_inside_a_long_line_does_not_make_its_rest_a_record) {
  log_folder folder;
  auto options = follow_all(folder, "a.log");
  options.max_line_bytes = 100;
  followed_folder f(options);
  folder.append("a.log", std::string(500, 'x'));
  BOOST_TEST(f.read() == texts{std::string(100, 'x')}, per_element());
  f.acknowledge();
  f.kill_and_restart();
  folder.append("a.log", std::string(50, 'y') + "\nafter\n");
  BOOST_TEST(f.read() == texts{"after"}, per_element());
}

BOOST_AUTO_TEST_CASE(lines_that_continue_a_record_belong_to_it) {
  log_folder folder;
  auto options = follow_all(folder, "a.log");
  options.multiline.mode = multiline_mode::starts_with;
  options.multiline.pattern = "^\\d{4}-";
  followed_folder f(options);
  folder.append("a.log", "2026-11-24 error\n  at a()\n  at b()\n2026-11-24 next\n");
  BOOST_TEST(f.read() == texts{"2026-11-24 error\n  at a()\n  at b()"}, per_element());
  BOOST_TEST(f.read().empty());
  BOOST_TEST(f.read(10, std::chrono::seconds{2}) == texts{"2026-11-24 next"}, per_element());
}

BOOST_AUTO_TEST_CASE(audit_records_of_one_event_are_one_record_even_when_interleaved) {
  log_folder folder;
  auto options = follow_all(folder, "audit.log");
  options.multiline.mode = multiline_mode::audit_serial;
  followed_folder f(options);
  folder.append("audit.log", "type=SYSCALL msg=audit(1.1:7): a\ntype=SYSCALL msg=audit(1.1:8): b\n"
                             "type=EXECVE msg=audit(1.1:7): c\ntype=EOE msg=audit(1.1:7): \n"
                             "type=EOE msg=audit(1.1:8): \n");
  const auto got = f.read();
  BOOST_TEST_REQUIRE(got.size() == 2U);
  BOOST_TEST(got[0] ==
             "type=SYSCALL msg=audit(1.1:7): a\ntype=EXECVE msg=audit(1.1:7): c\ntype=EOE msg=audit(1.1:7): ");
  BOOST_TEST(got[1] == "type=SYSCALL msg=audit(1.1:8): b\ntype=EOE msg=audit(1.1:8): ");
}

/// Writes numbered lines while the log is rotated, read, acknowledged and the reader killed at random moments.
BOOST_AUTO_TEST_CASE(no_rotation_at_any_point_loses_a_line) {
  BOOST_TEST(rc::check([] {
    log_folder folder;
    followed_folder f(follow_all(folder, "a.log*"));
    int written = 0;
    bool killed = false;
    const auto steps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 12));
    for (const int step : steps) {
      if (step <= 4) {
        folder.append("a.log", numbered(written, written + 1 + step));
        written += 1 + step;
      } else if (step <= 6) {
        f.read(static_cast<std::size_t>(step - 4));
      } else if (step == 7) {
        f.acknowledge(2);
      } else if (step == 8) {
        f.kill_and_restart();
        killed = true;
      } else if (std::filesystem::exists(folder.at("a.log"))) {
        const auto to = "a.log." + std::to_string(written) + "." + std::to_string(&step - steps.data());
        if (step == 9) {
          folder.rename("a.log", to);
        } else if (step == 10) {
          f.read(); // what was never looked at and is copied away can't be told from an older file
          folder.append("a.log", numbered(written, written + 3));
          written += 3;
          folder.copy("a.log", to);
          folder.truncate("a.log");
          f.read();
        } else {
          folder.rename("a.log", to);
          f.read();
          f.acknowledge();
          folder.compress(to);
        }
      }
    }
    f.read();
    f.read();
    f.read(1000, std::chrono::seconds{30});
    f.read(1000, std::chrono::seconds{30});
    const std::set<std::string> seen(f.all.begin(), f.all.end());
    RC_ASSERT(seen.size() == static_cast<std::size_t>(written));
    if (!killed)
      RC_ASSERT(f.all.size() == static_cast<std::size_t>(written));
  }));
}

BOOST_AUTO_TEST_SUITE_END()
