// lake/event_export.hpp - all events of a store that fit a question, oldest block first, a block at a time: exports,
// backtests and hunts over more than fits one answer. Blocking I/O, constant memory.
#pragma once
#include "lake/event_search.hpp"

namespace soc::lake {

struct export_counts {
  std::uint64_t blocks = 0, rows_tested = 0, events = 0;
  std::vector<std::string> problems; ///< blocks that could not be read
};

/// Calls `each` with what fits of every block, until it returns false; limit and order of `asked` do not matter.
export_counts export_events(const catalog& of, const event_query& asked, const event_condition& condition,
                            const event_reading& reading, const std::function<bool(const restored_batch&)>& each);

} // namespace soc::lake
