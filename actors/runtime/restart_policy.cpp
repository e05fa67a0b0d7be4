#include "runtime/restart_policy.hpp"

#include <algorithm>

namespace soc {

std::chrono::milliseconds backoff_delay(const backoff_spec& spec, std::uint32_t failures_in_row, double random) {
  const auto doublings = std::min(failures_in_row > 0 ? failures_in_row - 1 : 0, 20u);
  const auto grown = std::min(spec.initial.count() << doublings, spec.max.count());
  const double spread = 1.0 + spec.jitter * (2.0 * random - 1.0);
  return std::chrono::milliseconds(static_cast<std::int64_t>(static_cast<double>(grown) * spread));
}

bool failure_history::exceeds(time_point now) {
  while (!failures_.empty() && now - failures_.front() > limits_.window)
    failures_.pop_front();
  failures_.push_back(now);
  return failures_.size() > limits_.intensity;
}

void failure_history::forgive(std::uint32_t count) {
  while (count-- > 0 && !failures_.empty())
    failures_.pop_back();
}

} // namespace soc
