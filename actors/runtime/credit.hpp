// runtime/credit.hpp - the credit of one source: what it may have in flight (batches and bytes), which of it failed and
// is due again, and how far its checkpoints may move. Owned by the source's actor. Pure: times and random numbers are
// passed in.
#pragma once
#include "base/time.hpp"
#include "model/raw.hpp"
#include "runtime/restart_policy.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace soc {

struct credit_limits {
  std::size_t batches = 32;
  std::uint64_t bytes = 16ull << 20; ///< one batch may be larger: then it goes alone
  backoff_spec retry{std::chrono::milliseconds(200), std::chrono::milliseconds(30'000), 0.2};
  std::chrono::milliseconds answer_timeout{60'000}; ///< a ticket without an answer for so long counts as failed
};

/// A batch to be sent (again).
struct credit_ticket {
  std::uint64_t number = 0;
  model::raw_batch_ptr batch;
  std::uint32_t attempt = 1;
  std::uint32_t refused = 0; ///< how often it was given back; an attempt nobody answered may still be under way
  /// Of `lanes`: a ticket without an answer goes where it was, one that was given back goes to another.
  std::size_t lane_of(std::size_t lanes) const { return (number - 1 + refused) % lanes; }
};

/// Everything of `stream` up to `position` is durable: its checkpoint may be stored.
struct stream_progress {
  std::uint64_t stream = 0;
  std::uint64_t position = 0;
};

class credit_ledger {
public:
  explicit credit_ledger(credit_limits limits) : limits_(limits) {}

  /// Whether a batch of that size may go now.
  bool allows(std::uint64_t bytes = 0) const;
  /// The number the next issue() gives.
  std::uint64_t next_ticket() const { return last_ticket_ + 1; }

  /// Takes credit for a batch that is sent now. `stream` is what has a checkpoint of its own (a file, a partition),
  /// `position` where that checkpoint stands once the batch and all earlier ones of the stream are done.
  credit_ticket issue(model::raw_batch_ptr batch, std::uint64_t stream, std::uint64_t position, unix_ns now);

  /// The batch is durable: gives its credit back. Tells the stream's new position if it moved. Unknown and repeated
  /// tickets are ignored: answers may come twice when a batch was sent twice.
  std::optional<stream_progress> done(std::uint64_t ticket);

  /// The batch must be sent again, not before `retry_after` and not before its back-off; `random` in [0, 1) spreads it.
  /// It keeps its credit. False for tickets that are not in flight.
  bool failed(std::uint64_t ticket, unix_ns now, std::chrono::milliseconds retry_after, double random);

  /// The failed batches whose time has come, oldest first; they count as sent now. Tickets unanswered for too long are
  /// among them.
  std::vector<credit_ticket> due(unix_ns now);
  /// When due() has something next; nothing while nothing is in flight.
  std::optional<unix_ns> next_due() const;

  std::size_t batches_in_flight() const { return in_flight_.size(); }
  std::uint64_t bytes_in_flight() const { return bytes_; }
  std::uint64_t retries() const { return retries_; } ///< batches sent again so far
  std::uint64_t overdue() const { return overdue_; } ///< of these: for want of an answer

private:
  struct flight {
    model::raw_batch_ptr batch;
    std::uint64_t bytes = 0, stream = 0;
    std::uint32_t attempt = 1, refused = 0;
    bool waiting = false; ///< failed, to be sent at `at`; otherwise unanswered, overdue at `at`
    unix_ns at = 0;
  };
  struct open_ticket {
    std::uint64_t position = 0;
    bool done = false; ///< but one issued before it is not
  };
  using open_tickets = std::map<std::uint64_t, open_ticket>; ///< in the order of issue; all before the first are done

  credit_limits limits_;
  std::map<std::uint64_t, flight> in_flight_; ///< by ticket
  std::map<std::uint64_t, open_tickets> streams_;
  std::uint64_t last_ticket_ = 0, bytes_ = 0, retries_ = 0, overdue_ = 0;
};

} // namespace soc
