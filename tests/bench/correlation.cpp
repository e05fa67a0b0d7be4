// bench_correlation [GROUPS]: matched events into correlation windows with a million active groups (if not given):
// events a second of processor time and memory a group, for counts, distinct values and ordered sequences.
#include "correlation/core/window_engine.hpp"
#include "cpu_clock.hpp"

#include <cstdio>
#include <cstdlib>
#include <malloc.h>

using namespace soc;
using namespace soc::correlation;

namespace {

std::uint64_t scattered(std::uint64_t i) {
  i = (i ^ (i >> 31)) * 0x9E3779B97F4A7C15ULL;
  i = (i ^ (i >> 29)) * 0xBF58476D1CE4E5B9ULL;
  return i ^ (i >> 32);
}

window_rule rule_of(window_kind kind, double bound_at) {
  window_rule w;
  w.id = "bench";
  w.kind = kind;
  w.timespan = 3600 * ns_per_s;
  w.positions = kind == window_kind::temporal_ordered ? 3 : 1;
  if (kind != window_kind::temporal_ordered)
    w.bounds.emplace_back(bound::gte, bound_at);
  return w;
}

void run(const char* name, window_kind kind, double bound_at, std::uint64_t groups) {
  const auto before = mallinfo2();
  window_engine engine({rule_of(kind, bound_at)}, {.max_groups = groups + 1});
  std::vector<firing> fired;
  std::uint64_t fired_count = 0, number = 0;
  const auto feed = [&](std::uint64_t group) {
    observation seen;
    seen.time = 1'700'000'000 * ns_per_s + static_cast<unix_ns>(number) * 100'000; // 10,000 events a second
    seen.group = "user-" + std::to_string(group) + "\x1f" + "10.0.0.1";
    seen.value = scattered(number) % 64;
    seen.position = static_cast<std::uint16_t>(scattered(number + 5) % 3);
    seen.event = {scattered(number), ++number};
    fired.clear();
    engine.observe(seen, fired);
    fired_count += fired.size();
  };
  const auto started = cpu_seconds();
  for (std::uint64_t g = 0; g < groups; ++g)
    feed(g);
  const auto filled = cpu_seconds();
  const auto after = mallinfo2();
  const auto bytes = static_cast<double>(after.uordblks + after.hblkhd - before.uordblks - before.hblkhd);
  const std::uint64_t more = 4 * groups;
  for (std::uint64_t i = 0; i < more; ++i)
    feed(scattered(i) % groups);
  const auto done = cpu_seconds();
  const auto all = mallinfo2();
  const auto all_bytes = static_cast<double>(all.uordblks + all.hblkhd - before.uordblks - before.hblkhd);
  std::printf(
      "%-18s %zu groups: new %.0f/s, %.0f bytes a group; then %.0f events/s, %.0f bytes a group with %.1f events "
      "each; %lu fired\n",
      name, engine.groups(), static_cast<double>(groups) / (filled - started), bytes / static_cast<double>(groups),
      static_cast<double>(more) / (done - filled), all_bytes / static_cast<double>(engine.groups()), 5.0,
      static_cast<unsigned long>(fired_count));
}

} // namespace

int main(int argc, char** argv) {
  const std::uint64_t groups = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  run("event_count", window_kind::event_count, 20, groups);
  run("value_count", window_kind::value_count, 20, groups);
  run("temporal_ordered", window_kind::temporal_ordered, 0, groups);
  return 0;
}
