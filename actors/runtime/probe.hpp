// runtime/probe.hpp - what is known of one supervised actor, across its restarts. Written by the actor, its supervisor
// and its senders, read by anyone at any time. Made with the child, dropped when the child is forgotten. No CAF.
#pragma once
#include "base/time.hpp"

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace soc {

enum class actor_state : std::uint8_t { starting, running, backing_off, stopping, stopped };
std::string_view to_string(actor_state state);

/// A message as it passed, for `trace`. Secrets are in no message (they are resolved where they are used), so the
/// beginning of the payload can be shown.
struct traced_message {
  unix_ns at = 0;
  std::string type;
  std::uint64_t bytes = 0;   ///< of payload
  std::uint64_t took_ns = 0; ///< in the handler
  std::string outcome;       ///< "handled", "unexpected", "skipped", or "failed: <what>"
  static constexpr std::size_t max_beginning_bytes = 256;
  std::string beginning; ///< of the payload; empty for messages without one
};

/// A moment of one actor, as plain values.
struct probe_reading {
  std::string path, kind;
  actor_state state = actor_state::starting;
  std::uint64_t restarts = 0;
  std::string last_failure; ///< empty = never failed
  unix_ns last_failure_at = 0;
  std::uint64_t handled = 0;    ///< messages
  std::uint64_t unexpected = 0; ///< messages its behaviour does not know
  std::uint64_t dropped = 0; ///< messages that reached it when it could not take them; each sender was told if it asked
  std::uint64_t dead_letters = 0;                    ///< messages set aside because they crashed it again and again
  std::uint64_t queue_messages = 0, queue_bytes = 0; ///< mailbox and, while it restarts, what is held for it
  std::uint64_t busy_ns = 0;                         ///< time in its handlers since it was made
  std::uint64_t busy_since_ns = 0;                   ///< how long the present turn has lasted already; 0 = idle
  unix_ns made_at = 0;
};

class actor_probe {
public:
  explicit actor_probe(std::string path, unix_ns made_at = 0);

  const std::string& path() const { return path_; }
  probe_reading read() const;

  // Called by senders (any thread).
  void count_enqueued(std::uint64_t bytes) noexcept;
  // Called by whoever takes a message out of the queue again.
  void count_dequeued(std::uint64_t bytes) noexcept;
  void count_dropped() noexcept { dropped_.fetch_add(1, std::memory_order_relaxed); }
  void count_dead_letter() noexcept { dead_letters_.fetch_add(1, std::memory_order_relaxed); }

  // Called by the actor's own turn only: single writer.
  void count_handled() noexcept { add_single_writer(handled_, 1); }
  void count_unexpected() noexcept { add_single_writer(unexpected_, 1); }

  // Around a turn. The end of one may fall into the next, which another thread has begun already.
  std::uint64_t begin_turn() noexcept; ///< steady ns
  void end_turn(std::uint64_t began_ns) noexcept;

  // Called by the actor at its start and end, and by its supervisor.
  void set_kind(std::string kind);
  void set_state(actor_state state) noexcept { state_.store(state, std::memory_order_relaxed); }
  actor_state state() const noexcept { return state_.load(std::memory_order_relaxed); }
  void count_restart() noexcept { restarts_.fetch_add(1, std::memory_order_relaxed); }
  void set_failure(std::string what, unix_ns at);

  // Tracing: off costs one relaxed load a message. The newest `trace_capacity` messages are kept.
  static constexpr std::size_t trace_capacity = 256;
  void set_tracing(bool on);
  bool tracing() const noexcept { return tracing_.load(std::memory_order_relaxed); }
  void trace(traced_message message);
  /// Messages traced since number `after` (0 = all that are kept), and the number of the last one.
  std::vector<traced_message> traced_since(std::uint64_t after, std::uint64_t& last) const;

private:
  static void add_single_writer(std::atomic<std::uint64_t>& counter, std::uint64_t by) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }

  const std::string path_;
  const unix_ns made_at_;
  // Senders and the actor write these: on a cache line of their own.
  alignas(64) std::atomic<std::int64_t> queue_messages_{0};
  std::atomic<std::int64_t> queue_bytes_{0};
  std::atomic<std::uint64_t> dropped_{0};
  alignas(64) std::atomic<std::uint64_t> handled_{0};
  std::atomic<std::uint64_t> unexpected_{0}, busy_ns_{0}, turn_began_ns_{0};
  std::atomic<std::uint64_t> restarts_{0}, dead_letters_{0};
  std::atomic<actor_state> state_{actor_state::starting};
  std::atomic<bool> tracing_{false};
  mutable std::mutex mutex_; ///< guards what follows: written rarely
  std::string kind_, last_failure_;
  unix_ns last_failure_at_ = 0;
  std::deque<traced_message> traced_;
  std::uint64_t traced_count_ = 0;
};

using probe_ptr = std::shared_ptr<actor_probe>;

} // namespace soc
