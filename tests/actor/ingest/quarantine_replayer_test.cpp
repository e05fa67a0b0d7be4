// The quarantine replayer on CAF's test coordinator: a store that keeps letters in memory, a lane that answers when
// told.
#include "ingest/quarantine_replayer.hpp"
#include "runtime/error.hpp"

#include <boost/test/unit_test.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <map>

using namespace soc;
using namespace soc::ingest;

namespace {

struct replay_config : caf::actor_system_config {
  replay_config() {
    set("scheduler.policy", caf::atom("testing"));
    add_error_renderer(*this);
  }
};

using letters = std::map<std::uint64_t, dead_letter>;

dead_letters listed(const letters& kept) {
  dead_letters out;
  for (const auto& [number, letter] : kept)
    out.all.push_back({number, letter});
  out.total = kept.size();
  return out;
}

caf::behavior letter_store(caf::event_based_actor*, std::shared_ptr<letters> kept) {
  return {[kept](const quarantine_list&) {
            auto out = listed(*kept);
            std::reverse(out.all.begin(), out.all.end());
            return out;
          },
          [kept](const quarantine_read& read) {
            auto out = listed(*kept);
            std::erase_if(out.all, [&](const auto& letter) { return letter.number <= read.after_number; });
            if (out.all.size() > read.limit)
              out.all.resize(read.limit);
            return out;
          },
          [kept](const quarantine_remove& gone) {
            for (const auto number : gone.numbers)
              kept->erase(number);
            return stored{};
          }};
}

caf::behavior taking_all(caf::event_based_actor*, std::shared_ptr<std::vector<ingest_batch>> taken) {
  return {[taken](const ingest_batch& batch) { taken->push_back(batch); }};
}

struct replay_fixture {
  replay_config config;
  caf::actor_system system{config};
  caf::scheduler::test_coordinator& scheduler{dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler())};
  std::vector<quarantine_replayed> answered;
  std::vector<failure> refused;
  std::vector<caf::actor> asked;
  std::shared_ptr<letters> kept = std::make_shared<letters>();
  std::shared_ptr<std::vector<ingest_batch>> taken = std::make_shared<std::vector<ingest_batch>>();
  caf::actor store = system.spawn(letter_store, kept), lane = system.spawn(taking_all, taken), replayer;

  replay_fixture() {
    auto door = std::make_shared<model::connector_context>();
    door->connector = "door";
    quarantine_replayer_options options;
    options.store = store_ref(store);
    options.lane = normalizer_ref(lane);
    options.records_a_read = 2;
    options.context_of = [door](const std::string& name) -> std::shared_ptr<const model::connector_context> {
      return name == "door" ? door : nullptr;
    };
    replayer = spawn_observed(system, {.path = "node/pipeline/quarantine-replayer"}, quarantine_replayer, options);
    scheduler.run();
  }
  ~replay_fixture() {
    for (const auto& actor : {store, lane, replayer})
      caf::anon_send_exit(actor, caf::exit_reason::kill);
    scheduler.run();
  }

  void keep(std::uint64_t number, const std::string& origin, const std::string& record) {
    (*kept)[number] = {origin, "no mapping", record, 1};
  }
  /// Begins a replay; its answer arrives in `answered` or `refused`.
  void ask(const std::string& connector = {}) {
    asked.push_back(system.spawn([this, connector](caf::event_based_actor* asker) {
      asker->request(replayer, caf::infinite, quarantine_replay{connector})
          .then([this](const quarantine_replayed& r) { answered.push_back(r); },
                [this](const caf::error& e) { refused.push_back(to_failure(e)); });
    }));
    scheduler.run();
  }
  void answer_batches() {
    for (std::size_t i = 0; i < taken->size(); ++i) { // more may come while these are answered
      caf::anon_send((*taken)[i].source.actor(), batch_done{(*taken)[i].ticket});
      scheduler.run();
    }
  }
  quarantine_replayed report() {
    BOOST_REQUIRE_EQUAL(answered.size(), 1U);
    return answered.front();
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(the_quarantine_replayer, replay_fixture)

BOOST_AUTO_TEST_CASE(sends_records_of_one_place_as_one_batch_and_removes_them_when_it_is_durable) {
  keep(1, "door /var/log/a", "first");
  keep(2, "door /var/log/a", "second");
  keep(5, "door /var/log/b", "third");
  ask();
  BOOST_REQUIRE_EQUAL(taken->size(), 1U);
  BOOST_TEST((*taken)[0].batch->record(1) == "second");
  BOOST_TEST((*taken)[0].batch->origin == "/var/log/a");
  BOOST_TEST(kept->size() == 3U, "nothing leaves before it is durable");
  answer_batches();
  BOOST_TEST(taken->size() == 2U);
  BOOST_TEST(report().replayed == 3U);
  BOOST_TEST(kept->empty());
}

BOOST_AUTO_TEST_CASE(keeps_records_whose_connector_is_gone) {
  keep(1, "window /var/log/w", "unknown");
  keep(2, "door /var/log/a", "known");
  ask();
  answer_batches();
  const auto all = report();
  BOOST_TEST(all.no_connector == 1U);
  BOOST_TEST(all.replayed == 1U);
  BOOST_TEST(all.still_kept == 1U);
  BOOST_TEST(kept->contains(1));
}

BOOST_AUTO_TEST_CASE(keeps_what_was_not_acknowledged_and_goes_on) {
  keep(1, "door /var/log/a", "first");
  keep(2, "door /var/log/b", "second");
  ask();
  caf::anon_send((*taken)[0].source.actor(), batch_failed{(*taken)[0].ticket, "NATS is away"});
  scheduler.run();
  BOOST_REQUIRE_EQUAL(taken->size(), 2U);
  caf::anon_send((*taken)[1].source.actor(), batch_done{(*taken)[1].ticket});
  scheduler.run();
  const auto all = report();
  BOOST_TEST(all.failed == 1U);
  BOOST_TEST(all.replayed == 1U);
  BOOST_TEST(kept->contains(1));
}

BOOST_AUTO_TEST_CASE(goes_on_when_a_batch_is_never_answered) {
  keep(1, "door /var/log/a", "first");
  ask();
  scheduler.advance_time(std::chrono::seconds(31));
  scheduler.run();
  BOOST_TEST(report().failed == 1U);
  BOOST_TEST(kept->size() == 1U);
}

BOOST_AUTO_TEST_CASE(replays_only_the_connector_that_was_named_and_one_replay_at_a_time) {
  keep(1, "door /var/log/a", "first");
  keep(2, "gate /var/log/g", "other");
  ask("door");
  ask("door");
  BOOST_REQUIRE_EQUAL(refused.size(), 1U);
  BOOST_TEST((refused[0].code == ec::unavailable));
  answer_batches();
  const auto all = report();
  BOOST_TEST(all.replayed == 1U);
  BOOST_TEST(all.no_connector == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
