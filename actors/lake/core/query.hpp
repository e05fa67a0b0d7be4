// lake/core/query.hpp - a question to the event store, and the order in which blocks are looked at for it: only those
// whose time and entities may fit, the newest first. Pure.
#pragma once
#include "lake/core/segment.hpp"

namespace soc::lake {

struct event_query {
  std::string tenant;                       ///< empty = any
  unix_ns from = INT64_MIN, to = INT64_MAX; ///< event time, [from, to)
  std::vector<entity_query> entities;       ///< an event must have every one of them
  std::size_t limit = 100;                  ///< the newest so many
};

/// A block that may hold an answer.
struct candidate {
  std::size_t segment = 0, block = 0;
  unix_ns last = 0; ///< its newest event: once `limit` newer ones are found it need not be read
};

/// Of all segments' blocks, the newest first.
std::vector<candidate> plan_lookup(const std::vector<const segment_index*>& segments, const event_query& asked);

/// The rows of a block that fit time, tenant and entities. What the entities of an event really are is told by `fits`
/// of the whole event afterwards: terms are hashes.
result<std::vector<std::uint32_t>> rows_of(block_reader& block, const event_query& asked);

/// Does the event have every entity that is asked for?
bool has_entities(const model::event_batch& batch, const model::event& ev, const event_query& asked);

} // namespace soc::lake
