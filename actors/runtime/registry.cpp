#include "runtime/registry.hpp"

namespace soc {

namespace {

std::string parent_path(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? std::string{} : path.substr(0, slash);
}

bool is_under(std::string_view path, std::string_view root) {
  return root.empty() || path == root || (path.starts_with(root) && path[root.size()] == '/');
}

} // namespace

void actor_registry::add(const std::string& path, registered_actor actor) {
  std::lock_guard lock(mutex_);
  actors_.insert_or_assign(path, std::move(actor));
}

registered_actor actor_registry::find_or_add(const std::string& path, registered_actor fresh) {
  std::lock_guard lock(mutex_);
  return actors_.try_emplace(path, std::move(fresh)).first->second;
}

void actor_registry::remove(const std::string& path) {
  std::lock_guard lock(mutex_);
  actors_.erase(path);
}

std::optional<registered_actor> actor_registry::find(const std::string& path) const {
  std::lock_guard lock(mutex_);
  const auto found = actors_.find(path);
  if (found == actors_.end())
    return std::nullopt;
  return found->second;
}

std::vector<actor_row> actor_registry::snapshot(std::string_view under) const {
  std::vector<probe_ptr> probes;
  {
    std::lock_guard lock(mutex_);
    for (auto at = actors_.lower_bound(under); at != actors_.end() && at->first.starts_with(under); ++at)
      if (is_under(at->first, under))
        probes.push_back(at->second.probe);
  }
  std::vector<actor_row> rows;
  rows.reserve(probes.size());
  for (const auto& probe : probes)
    rows.push_back({probe->read(), parent_path(probe->path())});
  return rows;
}

std::size_t actor_registry::size() const {
  std::lock_guard lock(mutex_);
  return actors_.size();
}

} // namespace soc
