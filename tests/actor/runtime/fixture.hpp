// tests/actor/runtime/fixture.hpp - a tree on CAF's test coordinator: virtual time, one thread, a manual wall clock.
#pragma once
#include "runtime/actor.hpp"
#include "runtime/error.hpp"
#include "runtime/supervisor.hpp"

#include <boost/test/unit_test.hpp>
#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <memory>
#include <string>
#include <vector>

namespace soc::test {

struct virtual_config : caf::actor_system_config {
  virtual_config() {
    set("scheduler.policy", caf::atom("testing"));
    add_error_renderer(*this);
  }
};

struct say {
  std::string text;
};
struct boom {
  std::string what;
};
struct heard_request {};

/// What the children of a test leave behind, across their restarts.
struct journal {
  std::vector<std::string> lines;
  void add(std::string line) { lines.push_back(std::move(line)); }
  std::string joined() const {
    std::string all;
    for (const auto& line : lines)
      all += (all.empty() ? "" : " ") + line;
    return all;
  }
};
using journal_ptr = std::shared_ptr<journal>;

struct talker_state {
  static inline const char* name = "talker";
  std::size_t heard = 0;
};
using talker_actor = caf::stateful_actor<talker_state, observed_actor>;

/// Writes down its starts and what it hears; fails on boom, throws on the text "poison", ends in order on
/// "bye".
inline caf::behavior talker(talker_actor* self, std::string name, journal_ptr log) {
  log->add("+" + name);
  self->attach_functor([log, name] { log->add("-" + name); });
  return {
      [self, log](const say& message) {
        if (message.text == "poison")
          throw std::runtime_error("cannot digest it");
        if (message.text == "bye")
          return self->quit();
        log->add(message.text);
        ++self->state.heard;
      },
      [self](const boom& message) { self->quit(to_error(ec::internal, message.what)); },
      [self](const heard_request&) { return self->state.heard; },
      [self, log, name](const drain&) {
        log->add("drain-" + name);
        return drained{};
      },
  };
}

struct tree_fixture {
  virtual_config config;
  caf::actor_system system{config};
  caf::scheduler::test_coordinator& scheduler{dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler())};
  caf::scoped_actor self{system, true};
  manual_clock clock{1'000 * ns_per_s};
  std::shared_ptr<actor_registry> registry = std::make_shared<actor_registry>();
  journal_ptr log = std::make_shared<journal>();
  caf::actor root;

  ~tree_fixture() {
    if (root)
      caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
    run();
    pass(std::chrono::seconds(60));
    root = nullptr;
    registry = nullptr;
  }

  void run() { scheduler.run(); }
  void pass(std::chrono::milliseconds by) {
    clock.advance(by);
    scheduler.advance_time(by);
    scheduler.run();
  }

  caf::actor start(supervisor_spec spec, dead_letter_ref dead_letters = {}) {
    root = spawn_root_supervisor(
        system, {.path = "node", .clock = &clock, .registry = registry, .dead_letters = dead_letters}, std::move(spec));
    run();
    return root;
  }
  child_spec talk(const std::string& name) { return {.name = name, .start = start_with(talker, name, log)}; }
  caf::actor find(const std::string& path) { return registry->find(path).value().handle; }
  probe_reading read(const std::string& path) { return registry->find(path).value().probe->read(); }
  template <class M>
  void send(const std::string& path, M message) {
    caf::anon_send(find(path), std::move(message));
    run();
  }

  /// Asks and runs until the answer is there; a failure is returned as its words.
  template <class Answer, class M>
  result<Answer> ask(const caf::actor& whom, M message) {
    result<Answer> answer = failure{ec::timed_out, "no answer"};
    auto pending = self->request(whom, caf::infinite, std::move(message));
    run();
    pending.receive([&](const Answer& got) { answer = got; }, [&](caf::error& e) { answer = to_failure(e); });
    return answer;
  }
};

} // namespace soc::test

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::test::say)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::test::boom)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::test::heard_request)
