// runtime/interfaces.hpp - every interface between actors, in one header. Handles are `ref<Interface>`: a caf::actor
// that can be sent only the messages its interface accepts, checked at compile time. Messages are immutable structs
// that never leave the process (what crosses nodes is Cap'n Proto over the bus). See
// docs/decisions/0001-untyped-actors-typed-refs.md.
#pragma once
#include "base/result.hpp"
#include "model/alert.hpp"
#include "model/event.hpp"
#include "model/raw.hpp"

#include <caf/all.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

namespace soc {

/// The messages an actor accepts.
template <class... Messages>
struct accepts {
  template <class M>
  static constexpr bool takes = (std::is_same_v<std::decay_t<M>, Messages> || ...);
};

/// A handle that only takes what Interface accepts. Empty = nobody there.
template <class Interface>
class ref {
public:
  ref() = default;
  explicit ref(caf::actor handle) : handle_(std::move(handle)) {}
  explicit operator bool() const { return static_cast<bool>(handle_); }
  const caf::actor& actor() const { return handle_; }

  /// Fire and forget from `self` (any CAF actor pointer).
  template <class Self, class M>
  void send(Self* self, M message) const {
    static_assert(Interface::template takes<M>, "this interface does not accept that message");
    if (handle_)
      self->send(handle_, std::move(message));
  }

private:
  caf::actor handle_;
};

// ---- The pipeline: source → normalizer → detector → alert publisher, and the answer back to the source.

struct batch_done { ///< everything of this batch is durable: the source's checkpoint may move past it
  std::uint64_t ticket = 0;
};
struct batch_failed { ///< not durable; the source sends it again after `retry_after`
  std::uint64_t ticket = 0;
  std::string why;
  std::chrono::milliseconds retry_after{1000};
};
using source_interface = accepts<batch_done, batch_failed>;
using source_ref = ref<source_interface>;

/// A raw batch for a normalizer lane. A source has at most its credit (batches and bytes) in flight; the answer to
/// `source` gives it back. Tickets are the source's own and unique while in flight.
struct ingest_batch {
  model::raw_batch_ptr batch;
  std::uint64_t ticket = 0;
  source_ref source;
};
using normalizer_interface = accepts<ingest_batch>;
using normalizer_ref = ref<normalizer_interface>;

struct detect_batch {
  std::shared_ptr<model::event_batch>
      batch; ///< the detector may map lazily into its arena; shared read-only afterwards
  std::uint64_t ticket = 0;
  source_ref source;
};
using detector_interface = accepts<detect_batch>;
using detector_ref = ref<detector_interface>;

/// Alerts of one batch, may be empty. The publisher answers `source` with batch_done once JetStream has all of them.
struct publish_alerts {
  std::vector<model::alert_ptr> alerts;
  std::uint64_t ticket = 0;
  source_ref source;
};
using alert_publisher_interface = accepts<publish_alerts>;
using alert_publisher_ref = ref<alert_publisher_interface>;

// ---- Ports. Each answers a request with the named struct or a caf::error whose text says why.

/// JOURNAL: append with the expected last sequence of the subject; the reply is the new sequence. A wrong expectation
/// fails with ec::conflict; a time-out leaves the outcome unknown (quit, replay).
struct journal_append {
  std::string subject;
  std::uint64_t expected_sequence = 0; ///< last sequence of the subject known to the caller, 0 = none yet
  std::string payload;
  std::string message_id; ///< Nats-Msg-Id
};
struct journal_appended {
  std::uint64_t sequence = 0;
};
struct journal_entry {
  std::string subject;
  std::uint64_t sequence = 0;
  std::string payload;
};
/// All entries whose subject matches `filter` (NATS wildcards) after `after_sequence`, in order.
struct journal_read {
  std::string filter;
  std::uint64_t after_sequence = 0;
};
struct journal_entries {
  std::vector<journal_entry> entries;
};
using journal_interface = accepts<journal_append, journal_read>;
using journal_ref = ref<journal_interface>;

/// BUS: publish to a JetStream subject; the reply comes when it is stored. Kept and re-published while NATS is away
/// (bounded: then the request is held). And request/reply with another node.
struct bus_publish {
  std::string subject;
  std::string payload;
  std::string message_id;
};
struct bus_published {
  std::uint64_t sequence = 0;
};
struct bus_request {
  std::string subject;
  std::string payload;
  std::chrono::milliseconds timeout{2000};
};
struct bus_reply {
  std::string payload;
};
using bus_interface = accepts<bus_publish, bus_request>;
using bus_ref = ref<bus_interface>;

/// STORE: durable state on this node (LMDB).
struct snapshot_put {
  std::string kind, id;       ///< "incident", its id
  std::uint64_t sequence = 0; ///< last journal sequence it covers
  std::string bytes;
};
struct snapshot_get {
  std::string kind, id;
};
struct snapshot_all {
  std::string kind;
};
struct snapshot {
  std::string id;
  std::uint64_t sequence = 0;
  std::string bytes; ///< empty = none
};
struct snapshots {
  std::vector<snapshot> all;
};
struct snapshot_delete {
  std::string kind, id;
};
struct checkpoint_put {
  std::string connector, key, bytes; ///< no bytes = forget the key
};
struct checkpoint_all {
  std::string connector;
};
struct checkpoints {
  std::vector<std::pair<std::string, std::string>> all; ///< key, bytes
};
/// Fsynced before the reply: written before any outside call.
struct intent_put {
  std::string key, bytes; ///< run + step + target
};
struct intent_result { ///< the outcome of the call; also fsynced
  std::string key, bytes;
};
struct intent_get {
  std::string key;
};
struct intent {
  bool found = false;
  std::string bytes;
  bool has_result = false;
  std::string result_bytes;
};
struct dead_letter {
  std::string origin; ///< actor path or connector
  std::string reason;
  std::string bytes;
  unix_ns at = 0;
};
struct dead_letter_list {
  std::size_t limit = 100;
};
struct stored_dead_letter {
  std::uint64_t number = 0;
  dead_letter letter;
};
struct dead_letters {
  std::vector<stored_dead_letter> all; ///< newest first
  std::uint64_t total = 0;             ///< kept
  std::uint64_t bytes = 0;             ///< of what is kept
  std::uint64_t evicted = 0;           ///< the oldest, gone because the box was full
};
/// A record no mapping could read, kept with its reason until it is replayed or removed.
struct quarantine_put {
  std::vector<dead_letter> records; ///< origin = connector + origin, bytes = the raw record
};
struct quarantine_list {
  std::size_t limit = 100;
};
/// Quarantined records for a replay, oldest first, each number after `after_number` → dead_letters.
struct quarantine_read {
  std::uint64_t after_number = 0;
  std::size_t limit = 1000;
};
struct quarantine_remove {
  std::vector<std::uint64_t> numbers;
};
struct dead_letter_remove {
  std::vector<std::uint64_t> numbers;
};
/// Intents without a result, whose key starts with `prefix`: what a node that died may or may not have done → intents.
struct intent_pending {
  std::string prefix;
};
struct intents {
  std::vector<std::pair<std::string, intent>> all; ///< key, intent; in order of keys
};
/// Forgets intents whose outcome is in the journal.
struct intent_delete {
  std::vector<std::string> keys;
};
struct stored {
  std::uint64_t removed = 0; ///< of quarantine_remove and dead_letter_remove: how many of them there were
};
using store_interface =
    accepts<snapshot_put, snapshot_get, snapshot_all, snapshot_delete, checkpoint_put, checkpoint_all, intent_put,
            intent_result, intent_get, intent_pending, intent_delete, dead_letter, dead_letter_list, dead_letter_remove,
            quarantine_put, quarantine_list, quarantine_read, quarantine_remove>;
using store_ref = ref<store_interface>;

// ---- Aggregates and response (local handles; other nodes are reached through the router over the bus).

/// One alert for one incident, decided by the graph. Answered with bus_published-like `alert_joined` once journaled.
struct join_alert {
  std::string incident_id;
  model::alert_ptr alert;
  std::string why_json; ///< graph's explanation: entities, weights, rule
};
struct alert_joined {
  bool was_new = false;
};

/// Tells an actor to write its snapshot and finish what is in flight before it exits.
struct drain {};
struct drained {};

} // namespace soc

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::batch_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::batch_failed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::ingest_batch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::detect_batch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::publish_alerts)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::journal_append)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::journal_appended)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::journal_entry)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::journal_read)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::journal_entries)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::bus_publish)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::bus_published)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::bus_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::bus_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::snapshot_put)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::snapshot_get)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::snapshot_all)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::snapshot)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::snapshots)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::snapshot_delete)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::checkpoint_put)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::checkpoint_all)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::checkpoints)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::intent_put)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::intent_result)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::intent_get)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::intent)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::dead_letter)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::dead_letter_list)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::dead_letters)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::quarantine_put)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::quarantine_list)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::quarantine_read)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::quarantine_remove)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::dead_letter_remove)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::intent_pending)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::intents)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::intent_delete)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::stored)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::join_alert)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::alert_joined)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::drain)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::drained)
