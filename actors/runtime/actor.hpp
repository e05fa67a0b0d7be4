// runtime/actor.hpp - the base of every actor of the product: an event-based actor that keeps its probe fed, keeps
// `what()` of what brought it down, and loses no message when it crashes. Spawned by a supervisor; its context outlives
// its restarts.
//
//   struct counter_state { static inline const char* name = "counter"; int count = 0; };
//   using counter_actor = caf::stateful_actor<counter_state, soc::observed_actor>;
//   caf::behavior counter(counter_actor* self, int start);             // free function, self first
//   child_spec{.name = "counter", .start = start_with(counter, 7)}     // or start_with<caf::detached>(…) for blocking
//   I/O
#pragma once
#include "runtime/address.hpp"
#include "runtime/interfaces.hpp"
#include "runtime/probe.hpp"
#include "runtime/registry.hpp"

#include <caf/all.hpp>

#include <functional>
#include <memory>
#include <string>
#include <tuple>

namespace soc {

/// Where messages go that crash their receiver again and again (the store). Answers with `stored` or an error.
using dead_letter_interface = accepts<dead_letter>;
using dead_letter_ref = ref<dead_letter_interface>;

/// What a supervisor hands to a child at each start; the same for all its incarnations.
struct actor_context {
  std::string path;                         ///< "node/ingest/normalizer-0"
  probe_ptr probe;                          ///< never null in an actor
  const clock_source* clock = nullptr;      ///< never null in an actor; outlives it
  std::shared_ptr<actor_registry> registry; ///< null where there is none (a test)
  dead_letter_ref dead_letters;             ///< may be empty: then only counted
  caf::actor address;                       ///< stable handle of this actor; empty without a supervisor
};

class observed_actor : public caf::event_based_actor {
public:
  using start_function = std::function<caf::behavior(observed_actor*)>;

  observed_actor(caf::actor_config& config, actor_context context, start_function start);
  ~observed_actor() override;

  const actor_context& context() const { return observed_; }
  const std::string& path() const { return observed_.path; }
  unix_ns now() const { return observed_.clock->now(); }
  actor_probe& probe() const { return *observed_.probe; }

  /// The handle to give to others: stays valid when this actor restarts. (`self` is this incarnation only: right for
  /// answers to what it asked, wrong for a subscription.)
  caf::actor stable_handle();

  // -- of CAF
  void initialize() override;
  void enqueue(caf::mailbox_element_ptr element, caf::execution_unit* host) override;
  caf::resumable::resume_result resume(caf::execution_unit* host, std::size_t max_throughput) override;
  caf::invoke_message_result consume(caf::mailbox_element& element) override;
  bool cleanup(caf::error&& reason, caf::execution_unit* host) override;

protected:
  caf::behavior make_behavior() override;

private:
  void install_handlers();
  void note(const caf::mailbox_element& element, const char* outcome, std::uint64_t bytes, std::uint64_t began_ns);
  void give_up_mailbox(const caf::error& reason);

  actor_context observed_;
  start_function start_;
  caf::mailbox_element_ptr crashed_on_; ///< what it was handling when a handler threw
  bool last_unexpected_ = false;
};

/// The actor class of a behaviour function, `stateful_actor<State, observed_actor>` or observed_actor itself.
template <class F>
using observed_class_of = caf::infer_impl_from_fun_t<F>;

/// Spawns an observed actor outside a supervisor (supervisors use start_with). Options: caf::detached for blocking I/O.
/// A missing probe or clock is made up, so that tests can pass a context with a path only.
template <caf::spawn_options Options = caf::no_spawn_options, class F, class... Args>
caf::actor spawn_observed(caf::actor_system& system, actor_context context, F behaviour, Args... args) {
  using impl = observed_class_of<F>;
  static_assert(std::is_base_of_v<observed_actor, impl>, "the behaviour's self must derive from soc::observed_actor");
  observed_actor::start_function start = [behaviour, args = std::make_tuple(std::move(args)...)](observed_actor* self) {
    return std::apply([&](const Args&... xs) { return behaviour(static_cast<impl*>(self), xs...); }, args);
  };
  return system.spawn<impl, Options>(std::move(context), std::move(start));
}

/// The start function of a child: spawns `behaviour(self, args…)`, each restart with fresh copies of `args`.
template <caf::spawn_options Options = caf::no_spawn_options, class F, class... Args>
std::function<caf::actor(caf::actor_system&, actor_context)> start_with(F behaviour, Args... args) {
  return [behaviour, args = std::make_tuple(std::move(args)...)](caf::actor_system& system, actor_context context) {
    return std::apply(
        [&](const Args&... xs) { return spawn_observed<Options>(system, std::move(context), behaviour, xs...); }, args);
  };
}

} // namespace soc
