// tests/bench/actor_runtime.cpp - what the runtime costs: messages/s through a plain and an observed actor, with and
// without its address; restart latency; latency of an fsynced intent, alone and among snapshots. One JSON line each.
// usage: bench_actor_runtime [DIRECTORY for the store, default: a temporary one]
#include "runtime/actor.hpp"
#include "runtime/error.hpp"
#include "runtime/supervisor.hpp"
#include "store/store_actor.hpp"

#include <caf/all.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <vector>

namespace soc::bench {

using bench_clock = std::chrono::steady_clock;
constexpr int message_count = 400'000;
constexpr int bench_window = 1'024;

struct probe_message {
  int number = 0;
  caf::actor from;
};
struct probe_answer {};

double micros_since(bench_clock::time_point began) {
  return std::chrono::duration<double, std::micro>(bench_clock::now() - began).count();
}

template <class Self>
caf::behavior echo(Self* self) {
  return {[self](const probe_message& m) { self->send(m.from, probe_answer{}); }};
}

template <class Self>
caf::behavior drive(Self* self, caf::actor worker, std::shared_ptr<std::promise<void>> finished) {
  auto sent = std::make_shared<int>(0);
  const auto pump = [self, worker, sent] {
    self->send(worker, probe_message{(*sent)++, caf::actor_cast<caf::actor>(self)});
  };
  for (int i = 0; i < bench_window; ++i)
    pump();
  return {[pump, sent, finished, answered = 0](const probe_answer&) mutable {
    if (*sent < message_count)
      pump();
    if (++answered == message_count)
      finished->set_value();
  }};
}

} // namespace soc::bench

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::bench::probe_message)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::bench::probe_answer)

namespace {

using namespace soc;
using namespace soc::bench;
using namespace std::chrono_literals;

void report(const std::string& name, const std::string& more) {
  fmt::print("{{\"bench\":\"{}\",{}}}\n", name, more);
}

void report_rate(caf::actor_system& system, const std::string& name, const caf::actor& worker, bool observed_driver) {
  auto finished = std::make_shared<std::promise<void>>();
  auto future = finished->get_future();
  const auto began = bench_clock::now();
  auto driver = observed_driver ? spawn_observed(system, {.path = "driver"}, drive<observed_actor>, worker, finished)
                                : system.spawn(drive<caf::event_based_actor>, worker, finished);
  future.wait();
  const auto seconds = micros_since(began) / 1e6;
  report(name, fmt::format("\"round_trips_per_s\":{:.0f}", message_count / seconds));
  caf::anon_send_exit(driver, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(worker, caf::exit_reason::user_shutdown);
}

void report_latencies(const std::string& name, std::vector<double> micros) {
  std::sort(micros.begin(), micros.end());
  const auto at = [&](double part) {
    return micros[static_cast<std::size_t>(part * static_cast<double>(micros.size() - 1))];
  };
  report(name, fmt::format("\"p50_us\":{:.0f},\"p99_us\":{:.0f},\"max_us\":{:.0f},\"n\":{}", at(0.5), at(0.99), at(1),
                           micros.size()));
}

/// One request after the other, from the failure to the answer of the next incarnation.
caf::behavior measure_requests(caf::event_based_actor* self, std::function<void(std::function<void()>)> ask, int rounds,
                               std::shared_ptr<std::promise<std::vector<double>>> finished) {
  auto micros = std::make_shared<std::vector<double>>();
  auto next = std::make_shared<std::function<void()>>();
  *next = [=] {
    const auto began = bench_clock::now();
    ask([=] {
      micros->push_back(micros_since(began));
      if (static_cast<int>(micros->size()) < rounds)
        self->send(self, probe_answer{});
      else
        finished->set_value(*micros);
    });
  };
  self->send(self, probe_answer{});
  return {[next](const probe_answer&) { (*next)(); }};
}

using ask_factory = std::function<std::function<void(std::function<void()>)>(caf::event_based_actor*)>;

void report_requests(caf::actor_system& system, const std::string& name, int rounds, ask_factory make_ask) {
  auto finished = std::make_shared<std::promise<std::vector<double>>>();
  auto future = finished->get_future();
  auto asker = system.spawn(
      [=](caf::event_based_actor* self) { return measure_requests(self, make_ask(self), rounds, finished); });
  report_latencies(name, future.get());
  caf::anon_send_exit(asker, caf::exit_reason::user_shutdown);
}

/// Fails on the first message it ever gets of a number, answers it when it gets it again.
caf::behavior fails_once(observed_actor*, std::shared_ptr<int> failed) {
  return {[failed](const probe_message& m) {
    if (std::exchange(*failed, m.number) != m.number)
      throw std::runtime_error("once");
    return probe_answer{};
  }};
}

void bench_restarts(caf::actor_system& system) {
  supervisor_spec spec;
  spec.limits.intensity = 1'000'000;
  spec.backoff = {0ms, 0ms, 0};
  spec.children.push_back({.name = "a", .start = start_with(fails_once, std::make_shared<int>(-1))});
  const auto registry = std::make_shared<actor_registry>();
  auto root = spawn_root_supervisor(system, {.path = "node", .registry = registry}, spec);
  while (!registry->find("node/a"))
    std::this_thread::yield();
  const auto handle = registry->find("node/a")->handle;
  report_requests(
      system, "request that crashes its receiver once, no back-off: to the answer", 5'000,
      [handle](caf::event_based_actor* self) {
        auto number = std::make_shared<int>(0);
        return [=](std::function<void()> then) {
          self->request(handle, 10s, probe_message{(*number)++, {}}).then([then](const probe_answer&) { then(); });
        };
      });
  caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
}

/// Keeps `store` busy with 64 KiB snapshots, 8 at a time.
caf::behavior keep_storing(caf::event_based_actor* self, caf::actor store) {
  auto number = std::make_shared<int>(0);
  auto put = std::make_shared<std::function<void()>>();
  *put = [self, store, number, weak = std::weak_ptr(put)] {
    self->request(store, 10s, snapshot_put{"incident", std::to_string((*number)++ % 500), 1, std::string(65'536, 'x')})
        .then([weak](const stored&) {
          if (auto again = weak.lock())
            (*again)();
        });
  };
  for (int i = 0; i < 8; ++i)
    (*put)();
  return {[put](const probe_answer&) {}};
}

void bench_store(caf::actor_system& system, const std::filesystem::path& directory) {
  auto opened = store::database::open(directory);
  if (!opened) {
    fmt::print(stderr, "{}\n", opened.error().what);
    return;
  }
  supervisor_spec spec;
  spec.children.push_back(store::store_child(std::shared_ptr<store::database>(std::move(opened).take())));
  const auto registry = std::make_shared<actor_registry>();
  auto root = spawn_root_supervisor(system, {.path = "node", .registry = registry}, spec);
  while (!registry->find("node/store"))
    std::this_thread::yield();
  const auto store = registry->find("node/store")->handle;
  const auto put_intents = [store](caf::event_based_actor* self) {
    auto number = std::make_shared<int>(0);
    return [=](std::function<void()> then) {
      self->request(store, 10s, intent_put{"run/" + std::to_string((*number)++), std::string(512, 'i')})
          .then([then](const stored&) { then(); });
    };
  };
  report_requests(system, "intent of 512 B, fsynced, alone", 2'000, put_intents);
  auto load = system.spawn(keep_storing, store);
  report_requests(system, "intent of 512 B, fsynced, among 64 KiB snapshots", 1'000, put_intents);
  caf::anon_send_exit(load, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
}

} // namespace

int main(int argc, char** argv) {
  caf::actor_system_config config;
  config.set("scheduler.max-threads", 2);
  add_error_renderer(config);
  caf::actor_system system(config);
  report_rate(system, "plain actors", system.spawn(echo<caf::event_based_actor>), false);
  report_rate(system, "observed actors", spawn_observed(system, {.path = "w"}, echo<observed_actor>), true);
  auto probe = std::make_shared<actor_probe>("w");
  auto address = actor_address::make(system, probe, {});
  auto behind = spawn_observed(system, {.path = "w", .probe = probe, .address = address}, echo<observed_actor>);
  report_rate(system, "observed actors, through an address", address, true);
  caf::anon_send_exit(behind, caf::exit_reason::user_shutdown);
  bench_restarts(system);
  const bool own = argc < 2;
  const std::filesystem::path directory = own ? std::filesystem::temp_directory_path() / "soc-bench-store" : argv[1];
  bench_store(system, directory);
  if (own)
    std::filesystem::remove_all(directory);
  return 0;
}
