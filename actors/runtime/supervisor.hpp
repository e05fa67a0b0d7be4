// runtime/supervisor.hpp - supervision as Erlang has it: a supervisor starts its children in order, restarts the ones
// that fail (with back-off and jitter), gives up when they fail too often, and stops them in reverse order. Supervisors
// nest: a supervisor is a child like any other. Each child has a stable handle (runtime/address.hpp) that survives its
// restarts.
#pragma once
#include "runtime/actor.hpp"
#include "runtime/restart_policy.hpp"

#include <caf/all.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace soc {

enum class restart_when : std::uint8_t {
  permanent, ///< whenever it ends
  transient, ///< only when it failed: an error, an exception
  temporary, ///< never
};

struct child_spec {
  std::string name;                                                   ///< unique with its supervisor; no '/'
  std::function<caf::actor(caf::actor_system&, actor_context)> start; ///< start_with(behaviour, args…); may throw
  restart_when restart = restart_when::permanent;
  std::chrono::milliseconds shutdown_timeout{5'000}; ///< then it is killed
  bool drains = false;                               ///< gets `drain` and answers `drained` before it is ended
  std::uint32_t crashes_per_message = 3; ///< a message that crashed it that often in a row becomes a dead letter
  hold_limits hold;                      ///< what waits for it while it restarts
};

enum class supervision_strategy : std::uint8_t {
  one_for_one,  ///< only the failed child is restarted
  rest_for_one, ///< and all that were started after it
};

struct supervisor_spec {
  supervision_strategy strategy = supervision_strategy::one_for_one;
  restart_limits limits;
  backoff_spec backoff;
  std::uint64_t seed = 0;           ///< of the jitter
  std::vector<child_spec> children; ///< started in this order, stopped in reverse
};

// Messages a supervisor accepts; each is answered with the named struct or an error.

/// Adds a child while running → child_started. It takes the place of a stopped one of that name; `conflict` if there is
/// another. It is forgotten when it ends for good.
struct start_child {
  child_spec spec;
};
struct child_started {
  caf::actor handle; ///< stable
};
/// Ends a child in order → child_stopped; `conflict` if it was started again meanwhile. Then it is forgotten, or with
/// `keep` left stopped, for restart_child to start.
struct stop_child {
  std::string name;
  bool keep = false;
};
struct child_stopped {};
/// Ends a child in order, if it runs, and starts it at once; not counted as a failure → child_started.
struct restart_child {
  std::string name;
};
struct which_children {};
struct child_info {
  std::string name;
  actor_state state = actor_state::starting;
  caf::actor handle; ///< stable
  bool added_while_running = false;
};
struct children {
  std::vector<child_info> all; ///< in the order of their start
};
using supervisor_interface = accepts<start_child, stop_child, restart_child, which_children>;
using supervisor_ref = ref<supervisor_interface>;

/// A supervisor as a child of another.
child_spec supervisor_child(std::string name, supervisor_spec spec,
                            std::chrono::milliseconds shutdown_timeout = std::chrono::seconds(30));

/// The root of a node's tree. `context` gives its path, clock, registry (made up when null) and dead letters, which all
/// below inherit. Ends with an error when it gave up: monitor it. Ends in order on caf::exit_reason::user_shutdown.
caf::actor spawn_root_supervisor(caf::actor_system& system, actor_context context, supervisor_spec spec);

} // namespace soc

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::start_child)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::child_started)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::stop_child)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::child_stopped)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::restart_child)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::which_children)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::children)
