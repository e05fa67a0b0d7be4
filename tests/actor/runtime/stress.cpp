// Real threads: 2,000 crashes and restarts under load. Nothing is lost, nothing is handled twice, nothing overtakes.
#include "runtime/actor.hpp"
#include "runtime/error.hpp"
#include "runtime/supervisor.hpp"

#include <boost/test/unit_test.hpp>
#include <caf/all.hpp>

#include <array>
#include <atomic>
#include <future>
#include <memory>
#include <vector>

using namespace std::chrono_literals;

namespace soc::test {

constexpr std::uint32_t workers = 4;
constexpr std::uint32_t messages_each = 20'000;
constexpr std::uint32_t crash_every = 40; ///< 500 crashes a worker
constexpr std::uint32_t window = 256;

struct numbered {
  std::uint32_t number = 0;
  caf::actor from;
};
struct handled {};

/// What the workers leave behind, across their restarts.
struct shared_record {
  struct of_worker {
    std::atomic<std::uint32_t> next{0};       ///< the number expected now
    std::atomic<std::uint32_t> crashed_at{0}; ///< the last number it crashed on
    std::atomic<std::uint32_t> out_of_order{0};
  };
  std::array<of_worker, workers> all;
  std::atomic<std::uint32_t> finished{0};
  std::promise<void> everything;
};
using record_ptr = std::shared_ptr<shared_record>;

struct fragile_state {
  static inline const char* name = "fragile";
};
using fragile_actor = caf::stateful_actor<fragile_state, observed_actor>;

/// Crashes once on every 40th message, before it counts it.
inline caf::behavior fragile(fragile_actor* self, std::uint32_t index, record_ptr record) {
  return {[self, index, record](const numbered& message) {
    auto& mine = record->all[index];
    if (message.number % crash_every == crash_every - 1 && mine.crashed_at.exchange(message.number) != message.number)
      throw std::runtime_error("worn out");
    if (mine.next.fetch_add(1) != message.number)
      mine.out_of_order.fetch_add(1);
    self->send(message.from, handled{});
  }};
}

struct feeder_state {
  static inline const char* name = "feeder";
  std::uint32_t sent = 0, acknowledged = 0;
};
using feeder_actor = caf::stateful_actor<feeder_state, observed_actor>;

inline caf::behavior feeder(feeder_actor* self, caf::actor worker, record_ptr record) {
  const auto pump = [self, worker] {
    auto& s = self->state;
    while (s.sent < messages_each && s.sent - s.acknowledged < window)
      self->send(worker, numbered{s.sent++, self->stable_handle()});
  };
  pump();
  return {[self, pump, record](const handled&) {
    if (++self->state.acknowledged < messages_each)
      return pump();
    if (record->finished.fetch_add(1) + 1 == workers)
      record->everything.set_value();
  }};
}

} // namespace soc::test

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::test::numbered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::test::handled)

namespace {

using namespace soc;
using namespace soc::test;

supervisor_spec fragile_workers(const record_ptr& record) {
  supervisor_spec spec;
  spec.limits.intensity = 1'000'000;
  spec.backoff = {0ms, 0ms, 0};
  for (std::uint32_t i = 0; i < workers; ++i)
    spec.children.push_back({.name = "w" + std::to_string(i), .start = start_with(fragile, i, record)});
  return spec;
}

struct greeting {};
struct greeted_state {
  static inline const char* name = "greeted";
};
using greeted_actor = caf::stateful_actor<greeted_state, observed_actor>;

caf::behavior greeted(greeted_actor*, std::shared_ptr<std::atomic<std::uint32_t>> count) {
  return {[count](const greeting&) { count->fetch_add(1); }};
}

/// What a neighbour does that wants to send to an actor its supervisor has perhaps not made yet.
caf::actor reserve(caf::actor_system& system, actor_registry& registry, const std::string& path) {
  registered_actor fresh;
  fresh.probe = std::make_shared<actor_probe>(path, 0);
  fresh.handle = actor_address::make(system, fresh.probe, hold_limits{});
  return registry.find_or_add(path, fresh).handle;
}

} // namespace

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(greeting)

BOOST_AUTO_TEST_SUITE(stress)

BOOST_AUTO_TEST_CASE(who_writes_to_an_actor_while_it_is_being_made_is_heard) {
  constexpr std::uint32_t rounds = 100, children = 40;
  for (std::uint32_t round = 0; round < rounds; ++round) {
    caf::actor_system_config config;
    config.set("scheduler.max-threads", 2);
    caf::actor_system system(config);
    const auto registry = std::make_shared<actor_registry>();
    const auto heard = std::make_shared<std::atomic<std::uint32_t>>(0);
    supervisor_spec spec;
    for (std::uint32_t i = 0; i < children; ++i)
      spec.children.push_back({.name = "c" + std::to_string(i), .start = start_with(greeted, heard)});
    auto root = spawn_root_supervisor(system, {.path = "node", .registry = registry}, std::move(spec));
    for (std::uint32_t i = children; i-- > 0;)
      caf::anon_send(reserve(system, *registry, "node/c" + std::to_string(i)), greeting{});
    const auto until = std::chrono::steady_clock::now() + 10s;
    const auto waiting = [&] { // the children may have heard before the supervisor's first turn is over
      std::string out;
      for (const auto& row : registry->snapshot())
        out += row.reading.state == actor_state::running ? "" : " " + row.reading.path;
      return out;
    };
    while ((heard->load() < children || !waiting().empty()) && std::chrono::steady_clock::now() < until)
      std::this_thread::yield();
    BOOST_TEST(heard->load() == children);
    BOOST_TEST(waiting() == "");
    caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
  }
}

BOOST_AUTO_TEST_CASE(two_thousand_crashes_under_load_lose_double_and_reorder_nothing) {
  caf::actor_system_config config;
  config.set("scheduler.max-threads", 2);
  add_error_renderer(config);
  const auto record = std::make_shared<shared_record>();
  const auto registry = std::make_shared<actor_registry>();
  auto everything = record->everything.get_future();
  caf::actor_system system(config);
  auto root = spawn_root_supervisor(system, {.path = "node", .registry = registry}, fragile_workers(record));
  std::vector<caf::actor> feeders;
  for (std::uint32_t i = 0; i < workers; ++i) {
    const auto path = "node/w" + std::to_string(i);
    while (!registry->find(path)) // the supervisor makes its children in its first turn
      std::this_thread::yield();
    feeders.push_back(spawn_observed(system, {.path = "feeder"}, feeder, registry->find(path)->handle, record));
  }
  const auto ended = everything.wait_for(120s);
  std::uint64_t restarts = 0;
  for (std::uint32_t i = 0; i < workers; ++i) {
    const auto reading = registry->find("node/w" + std::to_string(i))->probe->read();
    restarts += reading.restarts;
    BOOST_TEST(record->all[i].next.load() == messages_each);
    BOOST_TEST(record->all[i].out_of_order.load() == 0u);
    BOOST_TEST(reading.queue_messages == 0u);
    BOOST_TEST(reading.dropped == 0u);
    BOOST_TEST(reading.handled >= messages_each + 500u);
    BOOST_TEST(reading.last_failure == "worn out");
  }
  BOOST_TEST((ended == std::future_status::ready));
  BOOST_TEST(restarts == 2'000u);
  caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
  for (const auto& one : feeders)
    caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
}

BOOST_AUTO_TEST_SUITE_END()
