// runtime/registry.hpp - every supervised actor of a node: path → probe, stable handle, supervisor. Supervisors write
// it, the control actor reads it. The node owns it and drops it before the actor system. Thread-safe.
#pragma once
#include "runtime/probe.hpp"

#include <caf/actor.hpp>

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace soc {

/// An actor as the registry knows it.
struct registered_actor {
  probe_ptr probe;
  caf::actor handle;      ///< its address: stays the same across restarts
  caf::actor supervisor;  ///< answers restart_child and stop_child for it; empty for the root
  std::string child_name; ///< its name with that supervisor
};

/// One row of the tree, plain values.
struct actor_row {
  probe_reading reading;
  std::string parent; ///< path of its supervisor, empty for the root
};

class actor_registry {
public:
  void add(const std::string& path, registered_actor actor);
  /// Who is known at `path`, `fresh` if nobody was: two who ask at once get the same.
  registered_actor find_or_add(const std::string& path, registered_actor fresh);
  void remove(const std::string& path);
  std::optional<registered_actor> find(const std::string& path) const;

  /// All actors in order of their paths (parents before children), or those at and below `under`.
  std::vector<actor_row> snapshot(std::string_view under = {}) const;
  std::size_t size() const;

private:
  mutable std::mutex mutex_;
  std::map<std::string, registered_actor, std::less<>> actors_;
};

} // namespace soc
