// runtime/metrics.hpp - the node's counters, gauges and histograms, and their rendering as Prometheus text. A component
// asks the board once for a series and keeps the reference; counting is lock-free. Owned by the node, which outlives
// its actors.
#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace soc {

class actor_registry;

using metric_labels = std::vector<std::pair<std::string, std::string>>; ///< name, value; any bytes in the value

class metric_counter {
public:
  void add(std::uint64_t by = 1) noexcept { value_.fetch_add(by, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
  std::atomic<std::uint64_t> value_{0};
};

class metric_gauge {
public:
  void set(double value) noexcept { value_.store(value, std::memory_order_relaxed); }
  double value() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
  std::atomic<double> value_{0};
};

/// Cumulative buckets with fixed upper bounds, ascending; +Inf is implied.
class metric_histogram {
public:
  explicit metric_histogram(std::vector<double> bounds);

  void observe(double value) noexcept;
  const std::vector<double>& bounds() const { return bounds_; }
  std::uint64_t in_bucket(std::size_t i) const noexcept { return buckets_[i].load(std::memory_order_relaxed); }
  double sum() const noexcept { return sum_.load(std::memory_order_relaxed); }

private:
  const std::vector<double> bounds_;
  const std::unique_ptr<std::atomic<std::uint64_t>[]> buckets_; ///< not cumulative; the last is +Inf
  std::atomic<double> sum_{0};
};

/// Seconds, 100 µs to 60 s: for latencies.
std::vector<double> latency_buckets();

/// Names follow Prometheus: `soc_events_total`, `soc_queue_bytes`, `soc_batch_seconds`. The same name and labels give
/// the same series; `help` and kind of the first call hold. A name used with another kind is a bug and throws
/// std::logic_error.
class metrics_board {
public:
  metric_counter& counter(const std::string& name, const metric_labels& labels = {}, std::string_view help = {});
  metric_gauge& gauge(const std::string& name, const metric_labels& labels = {}, std::string_view help = {});
  metric_histogram& histogram(const std::string& name, const std::vector<double>& bounds,
                              const metric_labels& labels = {}, std::string_view help = {});

  /// Prometheus text exposition format 0.0.4, in order of names.
  std::string render() const;

private:
  enum class metric_kind : std::uint8_t { counter, gauge, histogram };
  struct series {
    std::unique_ptr<metric_counter> counter;
    std::unique_ptr<metric_gauge> gauge;
    std::unique_ptr<metric_histogram> histogram;
  };
  struct family {
    metric_kind kind;
    std::string help;
    std::map<std::string, series> all; ///< by rendered labels
  };

  series& find(const std::string& name, metric_kind kind, const metric_labels& labels, std::string_view help);

  mutable std::mutex mutex_; ///< taken to find and to render, never to count
  std::map<std::string, family> families_;
};

/// The actors of a node as metrics: messages, queues, restarts, busy seconds by path.
std::string render_actor_metrics(const actor_registry& registry);

} // namespace soc
