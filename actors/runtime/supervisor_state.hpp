// runtime/supervisor_state.hpp - the inside of a supervisor: its children and what it does to them. Included by
// supervisor*.cpp only. Lives in the supervisor's turn; no locks.
#pragma once
#include "runtime/supervisor.hpp"

#include <map>
#include <memory>
#include <random>
#include <string>
#include <unordered_map>

namespace soc {

using child_id = std::uint64_t; ///< grows in the order of starting

/// Timers of a supervisor to itself. `era` tells whether they still mean the present life of the child.
struct restart_due {
  child_id id = 0;
  std::uint64_t era = 0;
};
struct stop_overdue {
  child_id id = 0;
  std::uint64_t era = 0;
  bool killed = false; ///< it was killed already and still is not down
};

struct supervised_child {
  child_spec spec;
  bool added_while_running = false;
  actor_state state = actor_state::starting;
  probe_ptr probe;
  caf::actor handle;  ///< its address
  caf::actor running; ///< the present incarnation, empty between two
  std::uint64_t era = 0;
  std::uint32_t failures_in_row = 0;
  failure_history::time_point started_at;
  std::vector<std::function<void()>> when_stopped;
};

struct supervisor_state;
using supervisor_actor = caf::stateful_actor<supervisor_state, observed_actor>;

struct supervisor_state {
  static inline const char* name = "supervisor";
  using continuation = std::function<void()>;
  using wave = std::vector<child_id>; ///< stopped at the same time

  explicit supervisor_state(supervisor_actor* actor) : self(actor) {}
  ~supervisor_state();

  // supervisor.cpp: the life of a child
  child_id add(child_spec spec, bool while_running);
  void start(child_id id);
  void child_down(const caf::down_msg& down);
  void child_ended(child_id id, const caf::error& reason);
  void child_failed(child_id id, std::string what);
  void restart_later(child_id id);
  void await_restart(child_id id);
  void escalate(const supervised_child& child, const std::string& what);
  void set_aside_poison(supervised_child& child, const std::string& what);
  void forget(child_id id);
  void forget_all(const std::function<bool(const supervised_child&)>& which);
  supervised_child* find(const std::string& name);

  // supervisor_stop.cpp: stopping in order
  void stop(child_id id, continuation then);
  void stop_waves(std::shared_ptr<std::vector<wave>> waves, std::size_t next, continuation then);
  void stop_everything(continuation then);
  void stopped(supervised_child& child);
  void overdue(const stop_overdue& timer);
  std::vector<wave> reverse_order() const;

  supervisor_actor* self;
  supervisor_spec spec;
  failure_history failures{restart_limits{}};
  std::minstd_rand random;
  std::map<child_id, supervised_child> children;
  std::unordered_map<std::string, child_id> by_name;
  std::unordered_map<caf::actor_id, child_id> by_actor; ///< of the running incarnations
  child_id last_id = 0;
  bool ending = false; ///< everything is being stopped
};

} // namespace soc

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::restart_due)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::stop_overdue)
