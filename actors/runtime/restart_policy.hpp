// runtime/restart_policy.hpp - when a supervisor restarts a child and when it gives up: restart intensity and back-off
// with jitter. Pure: time points and random numbers are passed in.
#pragma once
#include <chrono>
#include <cstdint>
#include <deque>

namespace soc {

/// More than `intensity` failures of its children within `window` bring a supervisor down (Erlang's MaxR, MaxT).
struct restart_limits {
  std::uint32_t intensity = 5;
  std::chrono::milliseconds window{10'000};
};

/// Delay before the n-th restart in a row: initial × 2^(n-1), at most max, ± jitter as a part of it.
struct backoff_spec {
  std::chrono::milliseconds initial{100};
  std::chrono::milliseconds max{30'000};
  double jitter = 0.2; ///< 0–1
};

/// `random` in [0, 1). `failures_in_row` counts from 1.
std::chrono::milliseconds backoff_delay(const backoff_spec& spec, std::uint32_t failures_in_row, double random);

/// The failures of a supervisor's children within the window.
class failure_history {
public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit failure_history(restart_limits limits) : limits_(limits) {}

  /// Counts a failure; true when that is one too many.
  bool exceeds(time_point now);
  /// Takes the newest `count` failures back: their cause has been set aside.
  void forgive(std::uint32_t count);

private:
  restart_limits limits_;
  std::deque<time_point> failures_;
};

} // namespace soc
