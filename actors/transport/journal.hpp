// transport/journal.hpp - JOURNAL: appends with an expected sequence and reads subjects back, over JetStream
// (journal_interface). An append is published once and answered by the server's acknowledgement: `conflict` for another
// sequence than expected (or a message id that is stored already), `unavailable` when it was not sent, `timed_out` when
// nobody knows. Reads are made by an ephemeral pull consumer whose sequence is checked: a gap starts it again where it
// was.
#pragma once
#include "runtime/actor.hpp"
#include "transport/nats_link.hpp"

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <string>

namespace soc::transport {

struct journal_options {
  std::chrono::milliseconds append_timeout{2000};
  std::chrono::milliseconds read_stall{2000};     ///< no message for so long: the consumer is made again
  std::chrono::milliseconds read_retry{50};       ///< after the server's first "not now"; doubles up to read_stall
  std::chrono::milliseconds read_timeout{60'000}; ///< of one whole read
  std::size_t max_appends = 8192;                 ///< in flight; more are answered `unavailable`
  std::size_t crowd = 6;     ///< in flight: then the next go over the bulk lane, many to a write, a millisecond later
  std::size_t max_reads = 4; ///< at a time; more wait
  std::size_t max_waiting_reads = 100'000;
  std::size_t max_read_bytes = 512U << 20; ///< of one answer: too_large
  std::uint32_t read_batch = 2048;
};

/// A read under way.
struct journal_reading {
  caf::typed_response_promise<journal_entries> promise;
  journal_read request;
  std::string stream, consumer; ///< consumer empty: being made
  journal_entries found;
  std::size_t bytes = 0;
  std::uint64_t last_sequence = 0;     ///< of the stream, delivered
  std::uint64_t consumer_sequence = 0; ///< last delivered by this consumer
  std::uint64_t left = 0;              ///< messages the consumer still has for this read
  std::uint64_t to_come = 0;           ///< of the last pull
  std::uint64_t question = 0;          ///< token of the last request to the server
  std::chrono::steady_clock::time_point stalls_at, gives_up_at;
  std::chrono::milliseconds retry_wait{0}; ///< before the next try when the server says "not now"
};

struct journal_pending_append {
  caf::typed_response_promise<journal_appended> promise;
  std::string subject;
  std::chrono::steady_clock::time_point gives_up_at;
};

struct journal_state {
  static inline const char* name = "journal";
  journal_state() = default;
  journal_options options;
  nats_link_ptr link;
  std::optional<nats_inbox> inbox;
  std::map<std::uint64_t, journal_pending_append> appends; ///< by token
  std::map<std::uint64_t, journal_reading> reads;          ///< by number
  std::deque<std::pair<journal_read, caf::typed_response_promise<journal_entries>>> waiting;
  std::uint64_t next_token = 1;
  bool ticking = false;
};
using journal_actor = caf::stateful_actor<journal_state, observed_actor>;

caf::behavior journal(journal_actor* self, nats_link_ptr link, journal_options options);

} // namespace soc::transport
