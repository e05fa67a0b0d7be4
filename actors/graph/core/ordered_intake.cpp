#include "graph/core/ordered_intake.hpp"

#include <algorithm>

namespace soc::graph {

std::vector<model::alert_ptr> ordered_intake::release(std::map<place, entry>::iterator end) {
  std::vector<model::alert_ptr> out;
  for (auto it = held_.begin(); it != end; ++it)
    out.push_back(std::move(it->second.alert));
  held_.erase(held_.begin(), end);
  return out;
}

std::vector<model::alert_ptr> ordered_intake::add(const model::alert_ptr& a, unix_ns arrived) {
  if (tolerance_ <= 0)
    return {a};
  newest_ = std::max(newest_, a->time);
  held_.insert_or_assign({a->time, a->id}, entry{a, arrived});
  auto end = held_.lower_bound({newest_ - tolerance_, {}});
  if (end == held_.begin() && held_.size() > max_held_alerts)
    ++end;
  return release(end);
}

std::vector<model::alert_ptr> ordered_intake::waited(unix_ns now) {
  auto end = held_.begin();
  for (auto it = held_.begin(); it != held_.end(); ++it)
    if (it->second.arrived <= now - tolerance_)
      end = std::next(it);
  return release(end);
}

std::vector<model::alert_ptr> ordered_intake::flush() {
  return release(held_.end());
}

} // namespace soc::graph
