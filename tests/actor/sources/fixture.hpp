// tests/actor/sources/fixture.hpp - a source's neighbours on CAF's test coordinator: a driver the test feeds, a lane
// that takes batches and answers when told, a store that keeps checkpoints.
#pragma once
#include "connectors/sources/common/batch_builder.hpp"
#include "connectors/sources/common/source_actor.hpp"
#include "runtime/error.hpp"

#include <boost/test/unit_test.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace soc::sources::testing {

struct sources_config : caf::actor_system_config {
  sources_config() {
    set("scheduler.policy", caf::atom("testing"));
    add_error_renderer(*this);
  }
};

/// Shared by the test and the driver inside the actor.
struct driver_script {
  std::deque<std::string> records; ///< each becomes a batch
  std::map<std::uint64_t, std::string> given;
  std::vector<std::string> settled;
  checkpoint_map started_with;
  bool stopped = false, fails_to_start = false;
  std::function<void()> wake;
};

class scripted_driver final : public source_driver {
public:
  scripted_driver(std::shared_ptr<driver_script> script, std::shared_ptr<const model::connector_context> context)
      : script_(std::move(script)), context_(std::move(context)) {}

  outcome start(const checkpoint_map& stored, std::function<void()> wake) override {
    script_->started_with = stored;
    script_->wake = std::move(wake);
    if (script_->fails_to_start)
      return failure{ec::io_error, "the port is taken"};
    return done{};
  }
  model::raw_batch_ptr next(std::uint64_t ticket) override {
    if (script_->records.empty())
      return nullptr;
    batch_builder batch(context_, "here");
    batch.add(script_->records.front(), 0, 1);
    script_->given[ticket] = script_->records.front();
    script_->records.pop_front();
    return batch.take();
  }
  checkpoint_map settled(std::uint64_t ticket) override {
    script_->settled.push_back(script_->given[ticket]);
    return {{"place", script_->given[ticket]}};
  }
  checkpoint_map tick(unix_ns) override { return {}; }
  void stop() override { script_->stopped = true; }

private:
  std::shared_ptr<driver_script> script_;
  std::shared_ptr<const model::connector_context> context_;
};

struct taken_batches {
  std::vector<ingest_batch> all;
  std::vector<std::string> texts() const {
    std::vector<std::string> out;
    for (const auto& in : all)
      out.emplace_back(in.batch->record(0));
    return out;
  }
};

inline caf::behavior taking_lane(caf::event_based_actor*, std::shared_ptr<taken_batches> taken) {
  return {[taken](const ingest_batch& batch) { taken->all.push_back(batch); }};
}

struct kept_checkpoints {
  std::map<std::string, std::string> all;
  bool broken = false;
};

inline caf::behavior keeping_store(caf::event_based_actor*, std::shared_ptr<kept_checkpoints> kept) {
  return {[kept](const checkpoint_put& put) -> caf::result<stored> {
            if (kept->broken)
              return to_error(ec::io_error, "disk full");
            kept->all[put.key] = put.bytes;
            return stored{};
          },
          [kept](const checkpoint_all&) {
            checkpoints out;
            out.all.assign(kept->all.begin(), kept->all.end());
            return out;
          }};
}

struct source_fixture {
  sources_config config;
  caf::actor_system system{config};
  caf::scheduler::test_coordinator& scheduler{dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler())};
  caf::scoped_actor self{system, true};
  std::shared_ptr<manual_clock> clock = std::make_shared<manual_clock>(1'000 * ns_per_s);
  std::shared_ptr<driver_script> script = std::make_shared<driver_script>();
  std::shared_ptr<taken_batches> first = std::make_shared<taken_batches>(), second = std::make_shared<taken_batches>();
  std::shared_ptr<kept_checkpoints> kept = std::make_shared<kept_checkpoints>();
  std::shared_ptr<metrics_board> board = std::make_shared<metrics_board>();
  caf::actor source, lane_one, lane_two, store;

  source_fixture() {
    lane_one = system.spawn(taking_lane, first);
    lane_two = system.spawn(taking_lane, second);
    store = system.spawn(keeping_store, kept);
  }
  ~source_fixture() {
    for (const auto& actor : {source, lane_one, lane_two, store})
      if (actor)
        caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    scheduler.run();
    pass(std::chrono::seconds{60});
    source = lane_one = lane_two = store = nullptr;
    first->all.clear();
    second->all.clear();
  }

  source_environment environment(std::size_t credit_batches) {
    source_environment out;
    auto context = std::make_shared<model::connector_context>();
    context->connector = "test";
    out.context = context;
    out.lanes = {normalizer_ref(lane_one), normalizer_ref(lane_two)};
    out.store = store_ref(store);
    out.clock = clock;
    out.credit.batches = credit_batches;
    out.metrics = board;
    return out;
  }
  void start(std::size_t credit_batches = 4) {
    const driver_factory make = [script = script](const source_environment& e, source_counts_ptr) {
      return std::make_unique<scripted_driver>(script, e.context);
    };
    source = spawn_observed(system, {.path = "node/source-test", .clock = clock.get()}, run_source,
                            environment(credit_batches), make);
    scheduler.run();
  }
  void pass(std::chrono::milliseconds by) {
    clock->advance(by);
    scheduler.advance_time(by);
    scheduler.run();
  }
  template <class M>
  void answer(M message) {
    caf::anon_send(source, std::move(message));
    scheduler.run();
  }
  source_status status() {
    source_status out;
    auto pending = self->request(source, caf::infinite, source_status_query{});
    scheduler.run();
    pending.receive([&](const source_status& got) { out = got; }, [](caf::error&) { BOOST_FAIL("no status"); });
    return out;
  }
};

} // namespace soc::sources::testing
