#include "node/tree.hpp"

#include "runtime/address.hpp"

namespace soc::node {

tree::tree(caf::actor_system& system, std::string root, const clock_source& clock)
    : system_(system), root_(std::move(root)), clock_(clock), registry_(std::make_shared<actor_registry>()) {}

caf::actor tree::reserve(const std::string& path) {
  const auto full = root_ + "/" + path;
  if (const auto known = registry_->find(full))
    return known->handle;
  registered_actor reserved;
  reserved.probe = std::make_shared<actor_probe>(full, clock_.now());
  reserved.handle = actor_address::make(system_, reserved.probe, hold_limits{});
  reserved.child_name = path.substr(path.rfind('/') + 1);
  return registry_->find_or_add(full, reserved).handle; // another thread may have been quicker
}

} // namespace soc::node
