// runtime/lake_interfaces.hpp - every message of the event store: what the node wires and the shell asks. Immutable,
// inside one process. Requests are answered with the named struct or a caf::error (runtime/error.hpp).
#pragma once
#include "runtime/interfaces.hpp"

namespace soc::lake {

/// Events of one batch, which nobody changes any more. `source` gets batch_done once they are on the disk (fsynced).
struct store_events {
  std::shared_ptr<model::event_batch> batch;
  std::uint64_t ticket = 0;
  source_ref source;
};
using writer_interface = accepts<store_events, drain>;
using writer_ref = ref<writer_interface>;

/// A segment nobody appends to any more, to be sealed. No answer.
struct seal_segment {
  std::string name;
};
using keeper_interface = accepts<seal_segment>;
using keeper_ref = ref<keeper_interface>;

/// → found_events. Fails with invalid_input (the condition), unavailable (too many searches wait).
struct search_events {
  std::string condition; ///< Sigma: a selection, a list of keywords, or a whole detection; empty = all
  std::string logsource; ///< "windows/process_creation/": which field tables name its fields; may be empty
  std::string tenant;    ///< empty = any
  unix_ns from = INT64_MIN, to = INT64_MAX; ///< event time, [from, to); devices without a clock log times before 1970
  std::vector<std::string> entities;        ///< "ip:203.0.113.9", "file:/tmp/x" or any text: each must be in the event
  std::size_t limit = 100;                  ///< the newest so many
};
struct found_event {
  unix_ns time = 0;
  std::string id, type; ///< "nginx/access"
  std::shared_ptr<const model::event_batch> batch;
  std::size_t index = 0; ///< in the batch
  std::string json;      ///< OCSF, one line
};
struct found_events {
  std::vector<found_event> all; ///< newest first
  std::uint64_t blocks = 0, blocks_read = 0, rows_tested = 0, rows_stored = 0;
  double seconds = 0;
  bool whole = true;                 ///< false: stopped at the time limit, there may be more
  std::vector<std::string> problems; ///< segments that could not be read
};
/// → lake_status.
struct lake_query {};
struct lake_status {
  std::uint64_t segments = 0, open_segments = 0, blocks = 0, rows = 0, raw_bytes = 0, bytes = 0;
  unix_ns first = 0, last = 0; ///< event times
};
using search_interface = accepts<search_events, lake_query>;
using search_ref = ref<search_interface>;

} // namespace soc::lake

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::lake::store_events)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::lake::seal_segment)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::lake::search_events)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::lake::found_events)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::lake::lake_query)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::lake::lake_status)
