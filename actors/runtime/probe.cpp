#include "runtime/probe.hpp"

#include <algorithm>
#include <chrono>

namespace soc {

namespace {

std::uint64_t monotonic_ns() noexcept {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

std::uint64_t at_least_zero(const std::atomic<std::int64_t>& counter) noexcept {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, counter.load(std::memory_order_relaxed)));
}

} // namespace

std::string_view to_string(actor_state state) {
  switch (state) {
  case actor_state::starting:
    return "starting";
  case actor_state::running:
    return "running";
  case actor_state::backing_off:
    return "backing off";
  case actor_state::stopping:
    return "stopping";
  case actor_state::stopped:
    return "stopped";
  }
  return "unknown";
}

actor_probe::actor_probe(std::string path, unix_ns made_at) : path_(std::move(path)), made_at_(made_at) {}

probe_reading actor_probe::read() const {
  const auto relaxed = std::memory_order_relaxed;
  probe_reading reading;
  reading.path = path_;
  reading.state = state();
  reading.restarts = restarts_.load(relaxed);
  reading.handled = handled_.load(relaxed);
  reading.unexpected = unexpected_.load(relaxed);
  reading.dropped = dropped_.load(relaxed);
  reading.dead_letters = dead_letters_.load(relaxed);
  reading.queue_messages = at_least_zero(queue_messages_);
  reading.queue_bytes = at_least_zero(queue_bytes_);
  reading.busy_ns = busy_ns_.load(relaxed);
  const auto began = turn_began_ns_.load(relaxed), now = monotonic_ns();
  reading.busy_since_ns = began == 0 || began > now ? 0 : now - began;
  reading.made_at = made_at_;
  std::lock_guard lock(mutex_);
  reading.kind = kind_;
  reading.last_failure = last_failure_;
  reading.last_failure_at = last_failure_at_;
  return reading;
}

void actor_probe::count_enqueued(std::uint64_t bytes) noexcept {
  queue_messages_.fetch_add(1, std::memory_order_relaxed);
  if (bytes > 0)
    queue_bytes_.fetch_add(static_cast<std::int64_t>(bytes), std::memory_order_relaxed);
}

void actor_probe::count_dequeued(std::uint64_t bytes) noexcept {
  queue_messages_.fetch_sub(1, std::memory_order_relaxed);
  if (bytes > 0)
    queue_bytes_.fetch_sub(static_cast<std::int64_t>(bytes), std::memory_order_relaxed);
}

std::uint64_t actor_probe::begin_turn() noexcept {
  const auto now = monotonic_ns();
  turn_began_ns_.store(now, std::memory_order_relaxed);
  return now;
}

void actor_probe::end_turn(std::uint64_t began_ns) noexcept {
  busy_ns_.fetch_add(monotonic_ns() - began_ns, std::memory_order_relaxed);
  turn_began_ns_.compare_exchange_strong(began_ns, 0, std::memory_order_relaxed);
}

void actor_probe::set_kind(std::string kind) {
  std::lock_guard lock(mutex_);
  kind_ = std::move(kind);
}

void actor_probe::set_failure(std::string what, unix_ns at) {
  std::lock_guard lock(mutex_);
  last_failure_ = std::move(what);
  last_failure_at_ = at;
}

void actor_probe::set_tracing(bool on) {
  std::lock_guard lock(mutex_);
  tracing_.store(on, std::memory_order_relaxed);
  traced_.clear();
}

void actor_probe::trace(traced_message message) {
  std::lock_guard lock(mutex_);
  if (traced_.size() == trace_capacity)
    traced_.pop_front();
  traced_.push_back(std::move(message));
  ++traced_count_;
}

std::vector<traced_message> actor_probe::traced_since(std::uint64_t after, std::uint64_t& last) const {
  std::lock_guard lock(mutex_);
  last = traced_count_;
  const auto fresh = std::min<std::uint64_t>(traced_.size(), traced_count_ > after ? traced_count_ - after : 0);
  return {traced_.end() - static_cast<std::ptrdiff_t>(fresh), traced_.end()};
}

} // namespace soc
