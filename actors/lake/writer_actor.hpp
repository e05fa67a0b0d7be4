// lake/writer_actor.hpp - EVENT WRITER: appends the events of a lane to the event store. What waits when it gets to
// work is one commit: encoded, written, fsynced, then answered. One a lane, supervised, in a thread of its own; after a
// restart it begins a new segment.
#pragma once
#include "lake/segment_writer.hpp"
#include "runtime/actor.hpp"
#include "runtime/metrics.hpp"

namespace soc::lake {

struct writer_options {
  std::uint32_t lane = 0;
  std::shared_ptr<catalog> store;
  keeper_ref keeper;
  block_sizes sizes;
  segment_limits limits;
  bool required = true;                            ///< false: events that can't be stored are counted and let go
  std::function<event_completer()> make_completer; ///< made anew for each incarnation; may be empty
  std::shared_ptr<metrics_board> metrics;          ///< outlives the actor
};

struct commit_events {};
struct check_segment_age {};

struct writer_state {
  static inline const char* name = "event_writer";
  writer_options options;
  std::optional<segment_writer> to;
  std::vector<store_events> waiting; ///< bounded by the credit of the sources
  std::uint64_t waiting_bytes = 0;
  bool commit_due = false;
  metric_counter *events = nullptr, *raw_bytes = nullptr, *bytes = nullptr, *failed = nullptr;
  metric_histogram* commit_seconds = nullptr;
};
using writer_actor = caf::stateful_actor<writer_state, observed_actor>;

/// writer_interface.
caf::behavior event_writer(writer_actor* self, writer_options options);

} // namespace soc::lake

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::lake::commit_events)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::lake::check_segment_age)
