// The database: formats, growth, all or nothing, and what is left after kill -9.
#include "store/database.hpp"
#include "store/letter_box.hpp"
#include "store/record.hpp"
#include "store/tables.hpp"
#include "temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <fstream>
#include <sys/wait.h>
#include <unistd.h>

using namespace soc;
using namespace soc::store;
using soc::test::temporary_directory;

namespace {

std::unique_ptr<database> open_or_fail(const std::filesystem::path& path, database_options options = {}) {
  auto opened = database::open(path, options);
  BOOST_REQUIRE_MESSAGE(bool(opened), (opened ? std::string() : opened.error().what));
  return std::move(opened).take();
}

template <class Answer>
Answer look(database& db, const std::function<result<Answer>(const reading&)>& find) {
  result<Answer> answer = failure{ec::internal, "not read"};
  const auto read = db.read([&](const reading& now) -> outcome {
    answer = find(now);
    return done{};
  });
  BOOST_REQUIRE(read);
  BOOST_REQUIRE_MESSAGE(bool(answer), (answer ? std::string() : answer.error().what));
  return std::move(answer).take();
}

template <class Put, class Message, class... More>
outcome write(database& db, Put put, const Message& message, More... more) {
  return db.write([&](writing& now) { return put(now, message, more...); });
}

} // namespace

BOOST_AUTO_TEST_SUITE(store_database)

BOOST_AUTO_TEST_CASE(what_was_written_is_there_after_opening_again) {
  temporary_directory dir;
  {
    auto db = open_or_fail(dir.path);
    BOOST_REQUIRE(write(*db, put_snapshot, snapshot_put{"incident", "i1", 7, "state"}));
    BOOST_REQUIRE(write(*db, put_checkpoint, checkpoint_put{"web", "/var/log/a", "120"}));
    BOOST_REQUIRE(write(*db, put_intent, intent_put{"run1/block/10.0.0.1", "do"}, unix_ns{1}));
  }
  auto db = open_or_fail(dir.path);
  const auto found = look<snapshot>(*db, [](const reading& now) { return get_snapshot(now, {"incident", "i1"}); });
  BOOST_TEST(found.sequence == 7u);
  BOOST_TEST(found.bytes == "state");
  const auto points = look<checkpoints>(*db, [](const reading& now) { return all_checkpoints(now, {"web"}); });
  BOOST_REQUIRE(points.all.size() == 1u);
  BOOST_TEST(points.all[0].first == "/var/log/a");
  BOOST_TEST(points.all[0].second == "120");
  const auto kept = look<intent>(*db, [](const reading& now) { return get_intent(now, {"run1/block/10.0.0.1"}); });
  BOOST_TEST(kept.found);
  BOOST_TEST(!kept.has_result);
}

BOOST_AUTO_TEST_CASE(a_newer_format_is_refused_and_left_alone) {
  temporary_directory dir;
  { open_or_fail(dir.path); }
  std::ofstream(dir.path / "format") << "2\n";
  const auto opened = database::open(dir.path);
  BOOST_REQUIRE(!opened);
  BOOST_TEST((opened.error().code == ec::version_mismatch));
  BOOST_TEST(opened.error().what.find("is of format 2, this soc reads up to 1") != std::string::npos);
  std::string text;
  std::ifstream(dir.path / "format") >> text;
  BOOST_TEST(text == "2");
}

BOOST_AUTO_TEST_CASE(data_without_its_format_number_is_refused) {
  temporary_directory dir;
  { open_or_fail(dir.path); }
  std::filesystem::remove(dir.path / "format");
  const auto opened = database::open(dir.path);
  BOOST_REQUIRE(!opened);
  BOOST_TEST((opened.error().code == ec::corrupt));
}

BOOST_AUTO_TEST_CASE(junk_in_place_of_the_data_is_refused) {
  temporary_directory dir;
  { open_or_fail(dir.path); }
  std::ofstream(dir.path / "data.mdb") << std::string(100'000, 'j');
  const auto opened = database::open(dir.path);
  BOOST_REQUIRE(!opened);
  BOOST_TEST((opened.error().code == ec::corrupt));
}

BOOST_AUTO_TEST_CASE(a_directory_in_use_is_refused) {
  temporary_directory dir;
  const auto first = open_or_fail(dir.path);
  const auto second = database::open(dir.path);
  BOOST_REQUIRE(!second);
  BOOST_TEST((second.error().code == ec::conflict));
}

BOOST_AUTO_TEST_CASE(the_map_grows_and_nothing_is_lost) {
  temporary_directory dir;
  auto db = open_or_fail(dir.path, {.initial_map_bytes = 1 << 20});
  const std::string body(10'000, 'x');
  for (int i = 0; i < 1'000; ++i)
    BOOST_REQUIRE(write(*db, put_snapshot, snapshot_put{"incident", std::to_string(i), 1, body}));
  BOOST_TEST(db->growths() >= 3u);
  const auto all = look<snapshots>(*db, [](const reading& now) { return all_snapshots(now, {"incident"}); });
  BOOST_TEST(all.all.size() == 1'000u);
}

BOOST_AUTO_TEST_CASE(a_full_store_says_so_and_keeps_what_it_has) {
  temporary_directory dir;
  auto db = open_or_fail(dir.path, {.initial_map_bytes = 1 << 20, .max_map_bytes = 2 << 20});
  BOOST_REQUIRE(write(*db, put_checkpoint, checkpoint_put{"web", "a", "1"}));
  const auto refused = write(*db, put_snapshot, snapshot_put{"incident", "big", 1, std::string(8 << 20, 'x')});
  BOOST_REQUIRE(!refused);
  BOOST_TEST((refused.error().code == ec::too_large));
  BOOST_REQUIRE(write(*db, put_checkpoint, checkpoint_put{"web", "a", "2"}));
  const auto points = look<checkpoints>(*db, [](const reading& now) { return all_checkpoints(now, {"web"}); });
  BOOST_TEST(points.all.at(0).second == "2");
}

BOOST_AUTO_TEST_CASE(a_refused_change_leaves_no_part_of_its_transaction) {
  temporary_directory dir;
  auto db = open_or_fail(dir.path);
  const auto refused = db->write([](writing& now) -> outcome {
    if (auto did = put_checkpoint(now, {"web", "a", "1"}); !did)
      return did;
    return put_intent_result(now, {"no such intent", "x"}, 1);
  });
  BOOST_TEST((!refused && refused.error().code == ec::not_found));
  const auto points = look<checkpoints>(*db, [](const reading& now) { return all_checkpoints(now, {"web"}); });
  BOOST_TEST(points.all.empty());
}

BOOST_AUTO_TEST_CASE(long_and_binary_keys_keep_apart_and_come_back_whole) {
  temporary_directory dir;
  auto db = open_or_fail(dir.path);
  const std::string deep(4'000, 'd');
  for (const auto& key : {deep + "a", deep + "b", std::string("\x01") + "x", std::string("n\0l", 3)})
    BOOST_REQUIRE(write(*db, put_checkpoint, checkpoint_put{"web", key, "v" + key}));
  BOOST_REQUIRE(write(*db, put_checkpoint, checkpoint_put{"webb", "other", "1"}));
  const auto points = look<checkpoints>(*db, [](const reading& now) { return all_checkpoints(now, {"web"}); });
  BOOST_TEST(points.all.size() == 4u);
  for (const auto& [key, bytes] : points.all)
    BOOST_TEST((bytes == "v" + key));
}

BOOST_AUTO_TEST_CASE(a_checkpoint_without_bytes_is_forgotten) {
  temporary_directory dir;
  auto db = open_or_fail(dir.path);
  BOOST_REQUIRE(write(*db, put_checkpoint, checkpoint_put{"web", "a", "1"}));
  BOOST_REQUIRE(write(*db, put_checkpoint, checkpoint_put{"web", "a", ""}));
  BOOST_TEST(look<checkpoints>(*db, [](const reading& now) { return all_checkpoints(now, {"web"}); }).all.empty());
}

BOOST_AUTO_TEST_CASE(intents_without_a_result_are_found_again) {
  temporary_directory dir;
  auto db = open_or_fail(dir.path);
  for (const auto* key : {"run1/a", "run1/b", "run2/a"})
    BOOST_REQUIRE(write(*db, put_intent, intent_put{key, "do"}, unix_ns{1}));
  BOOST_REQUIRE(write(*db, put_intent_result, intent_result{"run1/a", "done"}, unix_ns{2}));
  const auto pending = look<intents>(*db, [](const reading& now) { return pending_intents(now, {"run1/"}); });
  BOOST_REQUIRE(pending.all.size() == 1u);
  BOOST_TEST(pending.all[0].first == "run1/b");
  const auto finished = look<intent>(*db, [](const reading& now) { return get_intent(now, {"run1/a"}); });
  BOOST_TEST(finished.result_bytes == "done");
  BOOST_TEST(finished.bytes == "do");
  BOOST_REQUIRE(write(*db, delete_intents, intent_delete{{"run1/a", "run1/b"}}));
  BOOST_TEST(!look<intent>(*db, [](const reading& now) { return get_intent(now, {"run1/a"}); }).found);
}

BOOST_AUTO_TEST_CASE(a_box_evicts_the_oldest_within_its_bound_and_counts_them) {
  temporary_directory dir;
  auto db = open_or_fail(dir.path);
  const letter_box box{table::quarantine, 100'000};
  for (int i = 1; i <= 50; ++i)
    BOOST_REQUIRE(db->write([&](writing& now) {
      return put_letter(now, box, {"web", "no mapping", std::string(9'000, 'x'), i});
    }));
  const auto newest = look<dead_letters>(*db, [&](const reading& now) { return newest_letters(now, box, 3); });
  BOOST_TEST(newest.bytes <= 100'000u);
  BOOST_TEST(newest.total + newest.evicted == 50u);
  BOOST_TEST(newest.total >= 10u);
  BOOST_REQUIRE(newest.all.size() == 3u);
  BOOST_TEST(newest.all[0].number == 50u);
  BOOST_TEST(newest.all[2].number == 48u);
}

BOOST_AUTO_TEST_CASE(letters_are_read_from_the_oldest_on_and_removed) {
  temporary_directory dir;
  auto db = open_or_fail(dir.path);
  const letter_box box{table::quarantine, 100'000};
  for (int i = 1; i <= 5; ++i)
    BOOST_REQUIRE(db->write([&](writing& now) { return put_letter(now, box, {"web", "why", std::to_string(i), i}); }));
  const auto some = look<dead_letters>(*db, [&](const reading& now) { return letters_after(now, box, 1, 3); });
  BOOST_REQUIRE(some.all.size() == 3u);
  BOOST_TEST(some.all[0].letter.bytes == "2");
  std::uint64_t removed = 0;
  BOOST_REQUIRE(db->write([&](writing& now) { return remove_letters(now, box, {2, 3, 99}, removed); }));
  BOOST_TEST(removed == 2u);
  const auto left = look<dead_letters>(*db, [&](const reading& now) { return letters_after(now, box, 0, 10); });
  BOOST_TEST(left.total == 3u);
  BOOST_REQUIRE(left.all.size() == 3u);
  BOOST_TEST(left.all[1].number == 4u);
}

BOOST_AUTO_TEST_CASE(a_letter_too_large_for_its_box_is_cut_and_says_so) {
  temporary_directory dir;
  auto db = open_or_fail(dir.path);
  const letter_box box{table::dead_letters, 80'000};
  BOOST_REQUIRE(db->write([&](writing& now) {
    return put_letter(now, box, {"web", "why", std::string(1 << 20, 'x'), 1});
  }));
  const auto kept = look<dead_letters>(*db, [&](const reading& now) { return newest_letters(now, box, 1); });
  BOOST_TEST(kept.all.at(0).letter.bytes.size() == 10'000u);
  BOOST_TEST(kept.all.at(0).letter.reason == "why (kept: the first 10000 of 1048576 bytes)");
}

namespace {

/// Writes pairs (a checkpoint and the intent of the same number) until it is killed; says each committed number on
/// `out`.
[[noreturn]] void write_until_killed(const std::filesystem::path& path, int out) {
  auto opened = database::open(path, {.initial_map_bytes = 1 << 20});
  if (!opened)
    _exit(1);
  auto db = std::move(opened).take();
  for (std::uint64_t i = 1;; ++i) {
    const auto number = std::to_string(i);
    const auto wrote = db->write([&](writing& now) -> outcome {
      if (auto did = put_checkpoint(now, {"web", "at", number}); !did)
        return did;
      return put_intent(now, {number, std::string(2'000, 'x')}, 1);
    });
    if (!wrote || ::write(out, &i, sizeof i) != sizeof i)
      _exit(1);
  }
}

std::uint64_t last_said(int in) {
  std::uint64_t last = 0, number = 0;
  while (::read(in, &number, sizeof number) == sizeof number)
    last = number;
  return last;
}

} // namespace

BOOST_AUTO_TEST_CASE(kill_9_while_writing_tears_nothing_and_loses_nothing_that_was_answered) {
  temporary_directory dir;
  std::uint64_t before = 0;
  for (int round = 0; round < 6; ++round) {
    int pipe_ends[2];
    BOOST_REQUIRE(::pipe(pipe_ends) == 0);
    std::filesystem::remove_all(dir.path / "db");
    const pid_t writer = ::fork();
    if (writer == 0)
      write_until_killed(dir.path / "db", pipe_ends[1]);
    ::close(pipe_ends[1]);
    ::usleep(60'000 + round * 17'000);
    ::kill(writer, SIGKILL);
    int status = 0;
    ::waitpid(writer, &status, 0);
    BOOST_REQUIRE(WIFSIGNALED(status));
    const auto said = last_said(pipe_ends[0]);
    ::close(pipe_ends[0]);

    auto db = open_or_fail(dir.path / "db");
    const auto points = look<checkpoints>(*db, [](const reading& now) { return all_checkpoints(now, {"web"}); });
    const auto kept = look<intents>(*db, [](const reading& now) { return pending_intents(now, {}); });
    const auto at = points.all.empty() ? 0 : std::stoull(points.all[0].second);
    BOOST_TEST(at >= said);
    BOOST_TEST(at <= said + 1); // committed, and killed before it could say so
    BOOST_TEST(kept.all.size() == at);
    before += said;
  }
  BOOST_TEST(before > 0u);
}

BOOST_AUTO_TEST_SUITE_END()
