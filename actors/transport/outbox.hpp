// transport/outbox.hpp - messages on their way to JetStream: kept until acknowledged, published again with growing
// waits, within bounds of count and bytes. A pure state machine: an actor owns one, passes the time in, and does the
// publishing.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace soc::transport {

struct outgoing {
  std::string subject;
  std::string payload;
  std::string message_id; ///< Nats-Msg-Id: the stream stores it once, however often it is published

  std::size_t bytes() const { return subject.size() + payload.size() + message_id.size(); }
};

struct outbox_limits {
  std::size_t messages = 8192;
  std::size_t bytes = 64U << 20;
  std::chrono::milliseconds first_resend{400}; ///< without an acknowledgement
  std::chrono::milliseconds max_resend{5000};
  std::size_t burst_bytes = 8U << 20; ///< published at most at once after a reconnect
};

class outbox {
public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit outbox(outbox_limits limits) : limits_(limits) {}

  /// Room for one more message of `bytes`. An empty outbox takes a message of any size.
  bool fits(std::size_t bytes) const;
  /// Takes `message`, due at once; the token goes into the reply subject of every attempt.
  std::uint64_t add(outgoing message, time_point now);
  /// It was published outside take_due (as soon as it was added).
  void mark_published(std::uint64_t token, time_point now);
  /// Tokens to publish now, oldest first, at most a burst; each counts as published at `now`.
  std::vector<std::uint64_t> take_due(time_point now);
  /// Null when it is acknowledged already.
  const outgoing* find(std::uint64_t token) const;
  /// Acknowledged, or given up: forgets it. Nothing for an unknown token (a second acknowledgement).
  std::optional<outgoing> remove(std::uint64_t token);
  /// Everything waits for no back-off any more: the connection is back.
  void make_all_due(time_point now);

  std::size_t size() const { return entries_.size(); }
  std::size_t bytes() const { return bytes_; }
  std::uint64_t resent() const { return resent_; }

private:
  struct entry {
    outgoing message;
    time_point due;
    std::uint32_t attempts = 0;
  };
  std::chrono::milliseconds wait_after(std::uint32_t attempts) const;

  outbox_limits limits_;
  std::map<std::uint64_t, entry> entries_; // in order of arrival
  std::uint64_t next_token_ = 1, resent_ = 0;
  std::size_t bytes_ = 0;
};

} // namespace soc::transport
