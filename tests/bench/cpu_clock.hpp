// tests/bench/cpu_clock.hpp - the clock of the benches: what other work the machine does at the time does not count.
#pragma once
#include <ctime>

/// Seconds of processor time of this thread.
inline double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}
