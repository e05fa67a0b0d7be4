// node/tree.hpp - the addresses of a node's fixed actors, made before any of them runs: neighbours are wired to one
// another by stable handles, so the whole tree is static child specs and survives the restart of any part. Used by the
// node while it wires.
#pragma once
#include "runtime/actor.hpp"
#include "runtime/supervisor.hpp"

#include <string>
#include <vector>

namespace soc::node {

class tree {
public:
  tree(caf::actor_system& system, std::string root, const clock_source& clock);

  /// The handle of the actor at `path` below the root ("transport/bus"), reserved at the first call. A supervisor that
  /// starts a child of that path takes it over.
  caf::actor reserve(const std::string& path);

  const std::string& root() const { return root_; }
  const std::shared_ptr<actor_registry>& registry() const { return registry_; }

private:
  caf::actor_system& system_;
  std::string root_;
  const clock_source& clock_;
  std::shared_ptr<actor_registry> registry_;
};

/// A child that runs `behaviour(self, args…)`. `name` is the last part of its path.
template <caf::spawn_options Options = caf::no_spawn_options, class F, class... Args>
child_spec child(std::string name, F behaviour, Args... args) {
  child_spec spec;
  spec.name = std::move(name);
  spec.start = start_with<Options>(behaviour, std::move(args)...);
  return spec;
}

} // namespace soc::node
