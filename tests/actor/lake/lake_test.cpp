// The event store's actors in virtual time: a batch is done when it is on the disk, segments are sealed and removed,
// searches find what was stored, also after a crash.
#include "actor/runtime/fixture.hpp"
#include "lake/event_export.hpp"
#include "lake/gate_actor.hpp"
#include "lake/keeper_actor.hpp"
#include "lake/search_actor.hpp"
#include "lake/writer_actor.hpp"
#include "unit/lake/events.hpp"
#include "unit/store/temporary_directory.hpp"

#include <fstream>

using namespace soc;
using namespace soc::lake;
using namespace soc::test;

namespace {

using tickets = std::vector<std::uint64_t>;

/// What a source hears.
struct heard_answers {
  tickets done, failed;
  std::string why;
};

/// A directory that outlives the actors of a test.
struct store_directory {
  temporary_directory at;
};

struct lake_fixture : store_directory, tree_fixture {
  std::shared_ptr<catalog> store = *catalog::open(at.path);
  std::shared_ptr<metrics_board> metrics = std::make_shared<metrics_board>();
  std::shared_ptr<heard_answers> heard = std::make_shared<heard_answers>();
  std::vector<caf::actor> actors;
  event_maker names; ///< its dictionary is that of all
  caf::actor keeper, writer, search, source;
  event_completer complete; ///< of the writer's events

  lake_fixture() {
    source = system.spawn([seen = heard](caf::event_based_actor*) -> caf::behavior {
      return {[seen](const batch_done& m) { seen->done.push_back(m.ticket); },
              [seen](const batch_failed& m) {
                seen->failed.push_back(m.ticket);
                seen->why = m.why;
              }};
    });
    actors.push_back(source);
  }
  ~lake_fixture() {
    for (const auto& a : actors)
      caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
    run();
  }

  template <class F, class... Args>
  caf::actor spawn(const std::string& path, F behaviour, Args... args) {
    actor_context context;
    context.path = path;
    context.clock = &clock;
    actors.push_back(spawn_observed(system, context, behaviour, std::move(args)...));
    run();
    return actors.back();
  }
  void start_keeper(retention_limits limits = {}) {
    keeper_options options;
    options.store = store;
    options.metrics = metrics;
    options.limits = limits;
    options.free_bytes = [] { return std::uint64_t{1} << 40; };
    keeper = spawn("node/events/keeper", event_keeper, options);
  }
  void start_writer(bool required = true, segment_limits limits = {}) {
    writer_options options;
    options.store = store;
    options.keeper = keeper_ref(keeper);
    options.metrics = metrics;
    options.required = required;
    options.limits = limits;
    options.make_completer = [this] { return complete; };
    writer = spawn("node/events/writer-0", event_writer, options);
  }
  void start_search(std::size_t max_waiting = 8) {
    search_options options;
    options.store = store;
    options.max_waiting = max_waiting;
    options.reading = [this] {
      event_reading reading;
      reading.names = names.names;
      reading.types.find = [](const model::log_type&) { return nullptr; };
      reading.render = [](const model::event_batch&, const model::event& ev, bool) { return std::string(ev.raw); };
      return reading;
    };
    options.compile = [this](const std::string& text, const std::string&) -> result<event_condition> {
      if (text == "wrong")
        return failure{ec::invalid_input, "no such condition"};
      event_condition out;
      out.fields.native = {"msg"};
      out.make_test = [this, text] {
        return [id = names.names->find("msg"), text](const model::event& ev) {
          return ev.native_value(id).text() == text;
        };
      };
      return out;
    };
    search = spawn("node/events/search", search_worker, options);
  }
  store_events events(std::uint64_t ticket, unix_ns time, const std::string& ip, const std::string& msg) {
    event_maker make;
    make.simple(time, ip, msg);
    return {make.finish(), ticket, source_ref(source)};
  }
  void write(std::uint64_t ticket, unix_ns time, const std::string& ip, const std::string& msg) {
    caf::anon_send(writer, events(ticket, time, ip, msg));
    run();
  }
  std::string found(search_events asked) {
    const auto answer = ask<found_events>(search, std::move(asked));
    if (!answer)
      return "failed: " + answer.error().what;
    std::string out;
    for (const auto& e : answer->all)
      out += (out.empty() ? "" : ", ") + e.json;
    return out;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(event_store, lake_fixture)

BOOST_AUTO_TEST_CASE(a_batch_is_done_when_its_events_are_on_the_disk) {
  start_keeper();
  start_writer();
  write(7, 100, "203.0.113.1", "a");
  BOOST_REQUIRE_EQUAL(heard->done.size(), 1u);
  BOOST_TEST(heard->done.front() == 7u);
  const auto again = catalog::look(at.path);
  BOOST_REQUIRE(again);
  BOOST_TEST((*again)->status().rows == 1u);
}

BOOST_AUTO_TEST_CASE(what_waits_together_is_one_commit) {
  start_keeper();
  start_writer();
  for (std::uint64_t i = 1; i <= 5; ++i)
    caf::anon_send(writer, events(i, static_cast<unix_ns>(i), "203.0.113.1", "m"));
  run();
  BOOST_TEST(heard->done.size() == 5u);
  BOOST_TEST(store->status().blocks == 1u);
  BOOST_TEST(store->status().rows == 5u);
}

BOOST_AUTO_TEST_CASE(events_that_can_not_be_stored_are_given_back) {
  start_keeper();
  start_writer();
  std::filesystem::remove_all(at.path);
  write(1, 100, "203.0.113.1", "a");
  BOOST_TEST(heard->done.empty());
  BOOST_REQUIRE_EQUAL(heard->failed.size(), 1u);
  BOOST_TEST(heard->why.find("event store") != std::string::npos);
  std::filesystem::create_directories(at.path);
  write(2, 100, "203.0.113.1", "a");
  BOOST_TEST(heard->done.size() == 1u);
}

BOOST_AUTO_TEST_CASE(where_storing_is_not_required_they_are_counted_and_let_go) {
  start_keeper();
  start_writer(false);
  std::filesystem::remove_all(at.path);
  write(1, 100, "203.0.113.1", "a");
  BOOST_TEST(heard->done.size() == 1u);
  BOOST_TEST(metrics->counter("soc_store_failed_events_total").value() == 1u);
}

BOOST_AUTO_TEST_CASE(a_full_segment_is_sealed_and_still_found) {
  start_keeper();
  segment_limits limits;
  limits.commits = 3;
  start_writer(true, limits);
  start_search();
  for (int i = 1; i <= 7; ++i)
    write(static_cast<std::uint64_t>(i), i * 10, "203.0.113." + std::to_string(i), "m" + std::to_string(i));
  BOOST_TEST(store->status().segments == 2u);
  BOOST_TEST(store->status().open_segments == 1u);
  BOOST_TEST(store->status().blocks == 3u); // three small ones became one, twice
  search_events all;
  BOOST_TEST(found(all) == "record m7, record m6, record m5, record m4, record m3, record m2, record m1");
  search_events one;
  one.entities = {"ip:203.0.113.2"};
  BOOST_TEST(found(one) == "record m2");
}

BOOST_AUTO_TEST_CASE(an_old_open_segment_is_sealed_in_time) {
  start_keeper();
  start_writer();
  write(1, 100, "203.0.113.1", "a");
  BOOST_TEST(store->status().open_segments == 1u);
  for (int i = 0; i < 125; ++i)
    pass(std::chrono::seconds(30));
  BOOST_TEST(store->status().open_segments == 0u);
  BOOST_TEST(store->status().segments == 1u);
}

BOOST_AUTO_TEST_CASE(a_writer_that_starts_again_begins_another_segment_and_nothing_is_lost) {
  start_keeper();
  start_writer();
  write(1, 100, "203.0.113.1", "a");
  caf::anon_send_exit(writer, caf::exit_reason::kill);
  run();
  start_writer();
  write(2, 200, "203.0.113.1", "b");
  start_search();
  BOOST_TEST(found({}) == "record b, record a");
  BOOST_TEST(store->status().segments == 1u);
}

BOOST_AUTO_TEST_CASE(what_a_dead_node_left_open_is_repaired_and_sealed) {
  start_keeper();
  start_writer();
  write(1, 100, "203.0.113.1", "a");
  const auto name = store->all().front()->name;
  std::ofstream(path_of(at.path, name, false), std::ios::app) << "half a block that was never acknowledged";
  store = *catalog::open(at.path);
  BOOST_REQUIRE_EQUAL(store->repaired().size(), 1u);
  BOOST_TEST(store->repaired().front().find("cut from") != std::string::npos);
  start_keeper();
  start_search();
  BOOST_TEST(store->status().segments == 1u);
  BOOST_TEST(found({}) == "record a");
}

BOOST_AUTO_TEST_CASE(every_segment_is_known_again_after_a_restart) {
  start_keeper();
  segment_limits limits;
  limits.commits = 1;
  start_writer(true, limits);
  for (int i = 1; i <= 3; ++i)
    write(static_cast<std::uint64_t>(i), i * 100, "203.0.113.1", "m" + std::to_string(i));
  store = *catalog::open(at.path);
  start_search();
  BOOST_TEST(store->status().segments == 3u);
  BOOST_TEST(found({}) == "record m3, record m2, record m1");
}

BOOST_AUTO_TEST_CASE(a_crash_between_sealing_and_removing_the_open_file_doubles_nothing) {
  start_keeper();
  start_writer();
  write(1, 100, "203.0.113.1", "a");
  const auto open = store->all().front();
  BOOST_REQUIRE(seal(at.path, *open, {}));
  store = *catalog::open(at.path);
  BOOST_TEST(store->status().rows == 1u);
  BOOST_TEST(!std::filesystem::exists(path_of(at.path, open->name, false)));
}

BOOST_AUTO_TEST_CASE(a_damaged_sealed_segment_is_put_aside_and_the_others_are_read) {
  start_keeper();
  segment_limits limits;
  limits.commits = 1;
  start_writer(true, limits);
  write(1, 100, "203.0.113.1", "a");
  write(2, 200, "203.0.113.1", "b");
  const auto path = path_of(at.path, store->all().front()->name, true);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  store = *catalog::open(at.path);
  BOOST_TEST(store->repaired().size() == 1u);
  BOOST_TEST(std::filesystem::exists(path.string() + ".damaged"));
  start_search();
  BOOST_TEST(found({}) == "record b");
}

BOOST_AUTO_TEST_CASE(segments_that_are_too_old_go) {
  segment_limits limits;
  limits.commits = 1;
  start_keeper({3600 * ns_per_s, 0, 0});
  start_writer(true, limits);
  const auto now = clock.now();
  write(1, now, "203.0.113.1", "a");
  BOOST_TEST(store->status().segments == 1u);
  pass(std::chrono::minutes(30));
  BOOST_TEST(store->status().segments == 1u);
  pass(std::chrono::minutes(40));
  BOOST_TEST(store->status().segments == 0u);
  BOOST_TEST(std::filesystem::is_empty(at.path));
}

BOOST_AUTO_TEST_CASE(a_search_answers_with_the_newest_by_time_condition_and_tenant) {
  start_keeper();
  start_writer();
  start_search();
  for (int i = 1; i <= 9; ++i)
    write(static_cast<std::uint64_t>(i), i * 10, "203.0.113.1", i % 2 ? "odd" : "even");
  search_events asked;
  asked.condition = "odd";
  asked.from = 20;
  asked.to = 80;
  asked.limit = 2;
  const auto answer = ask<found_events>(search, asked);
  BOOST_REQUIRE(answer);
  BOOST_REQUIRE_EQUAL(answer->all.size(), 2u);
  BOOST_TEST(answer->all[0].time == 70);
  BOOST_TEST(answer->all[1].time == 50);
  BOOST_TEST(answer->all[0].type == "acme/app");
  asked.tenant = "other";
  BOOST_TEST(found(asked) == "");
  asked.condition = "wrong";
  BOOST_TEST(found(asked) == "failed: no such condition");
}

BOOST_AUTO_TEST_CASE(an_event_that_was_stored_twice_is_found_once) {
  start_keeper();
  start_writer();
  start_search();
  write(1, 100, "203.0.113.1", "a");
  write(2, 100, "203.0.113.1", "a");
  BOOST_TEST(found({}) == "record a");
}

BOOST_AUTO_TEST_CASE(more_searches_than_may_wait_are_refused) {
  start_search(1);
  auto first = self->request(search, caf::infinite, search_events{});
  auto second = self->request(search, caf::infinite, search_events{});
  run();
  bool answered = false;
  std::string refused;
  first.receive([&](const found_events&) { answered = true; }, [](caf::error&) {});
  second.receive([](const found_events&) {}, [&](caf::error& e) { refused = describe(e); });
  BOOST_TEST(answered);
  BOOST_TEST(refused.find("too many searches") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_export_hands_on_every_event_the_oldest_first) {
  start_keeper();
  segment_limits limits;
  limits.commits = 2;
  start_writer(true, limits);
  for (int i = 1; i <= 5; ++i)
    write(static_cast<std::uint64_t>(i), i * 10, "203.0.113.1", std::to_string(i));
  std::string out;
  event_reading reading;
  reading.names = names.names;
  reading.types.find = [](const model::log_type&) { return nullptr; };
  const auto counts = export_events(*store, {}, {}, reading, [&](const restored_batch& b) {
    for (const auto& ev : b.batch->events)
      out += std::string(ev.raw.substr(7)) + " ";
    return true;
  });
  BOOST_TEST(out == "1 2 3 4 5 ");
  BOOST_TEST(counts.events == 5u);
}

BOOST_AUTO_TEST_CASE(an_event_from_before_1970_is_found) {
  start_keeper();
  start_writer();
  start_search();
  write(1, -5, "203.0.113.1", "a");
  BOOST_TEST(found({}) == "record a");
  BOOST_TEST(store->status().first == -5);
  BOOST_TEST(store->status().last == -5);
}

BOOST_AUTO_TEST_CASE(a_batch_that_can_not_be_encoded_goes_back_and_the_others_of_its_commit_are_stored) {
  complete = [](model::event_batch&, model::event& ev) {
    if (ev.raw == "record bad")
      throw std::runtime_error("no such field");
  };
  start_keeper();
  start_writer();
  std::uint64_t ticket = 0;
  for (const auto* msg : {"a", "bad", "c"}) {
    const auto m = events(++ticket, 100, "203.0.113.1", msg);
    m.batch->events.front().mapped = false;
    caf::anon_send(writer, m);
  }
  run();
  BOOST_TEST(heard->done == (tickets{1, 3}), boost::test_tools::per_element());
  BOOST_TEST(heard->failed == (tickets{2}), boost::test_tools::per_element());
  BOOST_TEST(heard->why.find("no such field") != std::string::npos);
  BOOST_TEST(store->status().rows == 2u);
}

BOOST_AUTO_TEST_CASE(a_segment_that_could_not_be_sealed_is_sealed_with_a_later_check) {
  start_keeper();
  start_writer();
  write(1, 100, "203.0.113.1", "a");
  const auto in_the_way = path_of(at.path, store->all().front()->name, true).string() + ".tmp";
  std::filesystem::create_directories(in_the_way + "/x");
  caf::anon_send_exit(writer, caf::exit_reason::kill);
  run();
  start_writer();
  BOOST_TEST(store->status().open_segments == 1u);
  BOOST_TEST(metrics->counter("soc_store_seal_failures_total").value() == 1u);
  std::filesystem::remove_all(in_the_way);
  pass(std::chrono::seconds(30));
  BOOST_TEST(store->status().open_segments == 0u);
  BOOST_TEST(store->status().segments == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

struct gate_fixture : lake_fixture {
  /// What detector and writer get of a gate.
  struct sent_on {
    std::vector<detect_batch> detected;
    std::vector<store_events> stored;
  };
  std::shared_ptr<sent_on> sent = std::make_shared<sent_on>();
  caf::actor beside = system.spawn([seen = sent](caf::event_based_actor*) -> caf::behavior {
    return {[seen](const detect_batch& m) { seen->detected.push_back(m); },
            [seen](const store_events& m) { seen->stored.push_back(m); }};
  });
  caf::actor gate;

  gate_fixture() {
    actors.push_back(beside);
    gate = spawn("node/events/gate-0", event_gate, detector_ref(beside), writer_ref(beside));
  }

  /// As often as it is sent, a ticket has a batch of its own.
  void hand_over(std::uint64_t ticket, const caf::actor& to) {
    event_maker make;
    make.simple(1, "203.0.113.1", "a");
    caf::anon_send(to, detect_batch{make.finish(), ticket, source_ref(source)});
    run();
  }
  void hand_over(std::uint64_t ticket) { hand_over(ticket, gate); }
  template <class Sent>
  void done_with(const Sent& one) {
    caf::anon_send(one.source.actor(), batch_done{one.ticket});
    run();
  }
  const gate_state& state() { return static_cast<gate_actor*>(caf::actor_cast<caf::abstract_actor*>(gate))->state; }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(event_gates, gate_fixture)

BOOST_AUTO_TEST_CASE(the_gate_stores_a_batch_after_its_alerts_are_published) {
  hand_over(42);
  BOOST_REQUIRE_EQUAL(sent->detected.size(), 1u);
  BOOST_TEST(sent->stored.empty());
  done_with(sent->detected[0]);
  BOOST_REQUIRE_EQUAL(sent->stored.size(), 1u);
  BOOST_TEST(heard->done.empty());
  done_with(sent->stored[0]);
  BOOST_TEST(heard->done == (tickets{42}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_batch_whose_alerts_are_not_published_goes_back_and_is_not_stored) {
  hand_over(42);
  caf::anon_send(gate, batch_failed{sent->detected.at(0).ticket, "NATS is away"});
  run();
  BOOST_TEST(sent->stored.empty());
  BOOST_TEST(heard->failed == (tickets{42}), boost::test_tools::per_element());
  BOOST_TEST(state().batches.empty());
  BOOST_TEST(state().by_ticket.empty());
}

BOOST_AUTO_TEST_CASE(a_ticket_that_is_sent_again_and_again_is_stored_once) {
  for (int i = 0; i < 10; ++i)
    hand_over(42);
  BOOST_TEST(state().batches.size() == 2u);
  for (std::size_t i = 0; i < 10; ++i) // NATS is back
    done_with(sent->detected.at(i));
  BOOST_REQUIRE_EQUAL(sent->stored.size(), 1u);
  done_with(sent->stored[0]);
  BOOST_TEST(heard->done == (tickets{42}), boost::test_tools::per_element());
  BOOST_TEST(state().batches.empty());
  BOOST_TEST(state().by_ticket.empty());
}

BOOST_AUTO_TEST_CASE(a_slow_writer_is_heard_though_its_batch_was_sent_again_meanwhile) {
  hand_over(42);
  done_with(sent->detected.at(0));
  hand_over(42);
  done_with(sent->stored.at(0));
  BOOST_TEST(heard->done == (tickets{42}), boost::test_tools::per_element());
  done_with(sent->detected.at(1));
  BOOST_TEST(sent->stored.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_batch_that_was_lost_on_its_way_is_stored_when_it_is_sent_again) {
  hand_over(42);
  done_with(sent->detected.at(0));
  hand_over(42);
  done_with(sent->detected.at(1));
  BOOST_REQUIRE_EQUAL(sent->stored.size(), 2u);
  done_with(sent->stored[1]);
  BOOST_TEST(heard->done == (tickets{42}), boost::test_tools::per_element());
  BOOST_TEST(state().batches.empty());
}

BOOST_AUTO_TEST_CASE(an_answer_to_a_gate_before_its_restart_is_not_taken_for_another_batch) {
  supervisor_spec spec;
  spec.backoff.jitter = 0;
  spec.children = {{.name = "gate", .start = start_with(event_gate, detector_ref(beside), writer_ref(beside))}};
  start(spec);
  hand_over(1, find("node/gate"));
  caf::anon_send_exit(find("node/gate"), caf::exit_reason::kill);
  run();
  pass(std::chrono::seconds(1));
  hand_over(2, find("node/gate"));
  BOOST_REQUIRE_EQUAL(sent->detected.size(), 2u);
  done_with(sent->detected[0]);
  BOOST_TEST(sent->stored.empty());
  done_with(sent->detected[1]);
  BOOST_TEST(sent->stored.size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
