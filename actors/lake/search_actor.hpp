// lake/search_actor.hpp - EVENT SEARCH: answers questions to the event store one after the other, some blocks at a
// time. One a node, supervised, in a thread of its own. At most `max_waiting` wait; more are refused.
#pragma once
#include "lake/event_search.hpp"
#include "runtime/actor.hpp"

#include <deque>

namespace soc::lake {

struct search_options {
  std::shared_ptr<catalog> store;
  /// Of a condition's text and the logsource whose fields it names.
  std::function<result<event_condition>(const std::string&, const std::string&)> compile;
  std::function<event_reading()> reading; ///< with the mappings in use
  std::size_t max_waiting = 8;
  std::chrono::milliseconds time_limit{10'000}; ///< of one search; then what was found is the answer
  std::chrono::milliseconds step_time{50};
};

struct go_on_searching {};

struct asked_search {
  event_search search;
  caf::response_promise promise;
  std::chrono::steady_clock::duration worked{};
};
struct search_state {
  static inline const char* name = "event_search";
  search_options options;
  std::deque<asked_search> waiting; ///< the first one is worked on
};
using search_actor = caf::stateful_actor<search_state, observed_actor>;

/// search_interface.
caf::behavior search_worker(search_actor* self, search_options options);

} // namespace soc::lake

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::lake::go_on_searching)
