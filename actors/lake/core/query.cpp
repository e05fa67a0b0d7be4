#include "lake/core/query.hpp"

#include <algorithm>

namespace soc::lake {

namespace {

bool may_hold_all(const block_entry& block, const event_query& asked) {
  return std::all_of(asked.entities.begin(), asked.entities.end(), [&](const entity_query& e) {
    return std::any_of(e.terms.begin(), e.terms.end(), [&](auto term) { return may_hold(block.filter, term); });
  });
}

} // namespace

std::vector<candidate> plan_lookup(const std::vector<const segment_index*>& segments, const event_query& asked) {
  std::vector<candidate> out;
  for (std::size_t s = 0; s < segments.size(); ++s)
    for (std::size_t b = 0; b < segments[s]->blocks.size(); ++b) {
      const auto& block = segments[s]->blocks[b];
      if (block.last >= asked.from && block.first < asked.to && may_hold_all(block, asked))
        out.push_back({s, b, block.last});
    }
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.last > b.last; });
  return out;
}

result<std::vector<std::uint32_t>> rows_of(block_reader& block, const event_query& asked) {
  if (asked.entities.empty())
    return block.rows_within(asked.from, asked.to, asked.tenant, nullptr);
  auto rows = block.rows_with(asked.entities.front().terms);
  for (std::size_t i = 1; rows && i < asked.entities.size() && !rows->empty(); ++i) {
    const auto more = block.rows_with(asked.entities[i].terms);
    if (!more)
      return more.error();
    std::vector<std::uint32_t> both;
    std::set_intersection(rows->begin(), rows->end(), more->begin(), more->end(), std::back_inserter(both));
    *rows = std::move(both);
  }
  if (!rows || rows->empty())
    return rows;
  return block.rows_within(asked.from, asked.to, asked.tenant, &*rows);
}

bool has_entities(const model::event_batch& batch, const model::event& ev, const event_query& asked) {
  if (asked.entities.empty())
    return true;
  const auto entities = model::entities_of(batch, ev);
  return std::all_of(asked.entities.begin(), asked.entities.end(), [&](const entity_query& q) {
    return std::any_of(entities.begin(), entities.end(), [&](const auto& e) { return q.fits(e); });
  });
}

} // namespace soc::lake
