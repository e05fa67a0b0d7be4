#include "lake/event_export.hpp"

#include <algorithm>

namespace soc::lake {

namespace {

/// The events of the batch that have the entities asked for.
restored_batch with_entities(restored_batch batch, const event_query& asked) {
  if (asked.entities.empty())
    return batch;
  auto& events = batch.batch->events;
  std::vector<std::uint32_t> rows;
  std::vector<model::event> kept;
  for (std::size_t i = 0; i < events.size(); ++i)
    if (has_entities(*batch.batch, events[i], asked)) {
      kept.push_back(events[i]);
      rows.push_back(batch.rows[i]);
    }
  events = std::move(kept);
  batch.rows = std::move(rows);
  return batch;
}

class export_run {
public:
  export_run(const event_query& asked, const event_condition& condition, const event_reading& reading)
      : asked_(asked), condition_(condition), reading_(reading) {
    if (condition.make_test)
      test_ = condition.make_test();
  }

  result<std::vector<restored_batch>> read(std::string_view frame) {
    auto block = block_reader::open(frame);
    if (!block)
      return block.error();
    auto rows = rows_of(*block, asked_);
    if (rows && !rows->empty()) {
      counts.rows_tested += rows->size();
      if (test_)
        rows = block->matching(*rows, condition_.fields, condition_.names ? *condition_.names : *reading_.names, test_);
    }
    if (!rows)
      return rows.error();
    if (rows->empty())
      return std::vector<restored_batch>{};
    return block->events(*rows, reading_.names, &reading_.types);
  }

  export_counts counts;

private:
  const event_query& asked_;
  const event_condition& condition_;
  const event_reading& reading_;
  event_test test_;
};

} // namespace

export_counts export_events(const catalog& of, const event_query& asked, const event_condition& condition,
                            const event_reading& reading, const std::function<bool(const restored_batch&)>& each) {
  export_run run(asked, condition, reading);
  const auto segments = of.all();
  std::vector<const segment_index*> indexes;
  for (const auto& s : segments)
    indexes.push_back(&s->index);
  auto plan = plan_lookup(indexes, asked);
  std::reverse(plan.begin(), plan.end());
  std::map<std::size_t, std::shared_ptr<const mapped_file>> files;
  for (const auto& c : plan) {
    const auto& info = *segments[c.segment];
    auto& file = files[c.segment];
    if (!file) {
      auto opened = open_segment(of.directory(), info);
      if (!opened) {
        run.counts.problems.push_back(opened.error().what);
        continue;
      }
      file = *opened;
    }
    const auto& entry = info.index.blocks[c.block];
    const auto batches = run.read(file->bytes().substr(entry.offset, entry.length));
    ++run.counts.blocks;
    if (!batches) {
      run.counts.problems.push_back(info.name + ": " + batches.error().what);
      continue;
    }
    for (const auto& found : *batches) {
      const auto batch = with_entities(found, asked);
      run.counts.events += batch.batch->events.size();
      if (!batch.batch->events.empty() && !each(batch))
        return std::move(run.counts);
    }
  }
  return std::move(run.counts);
}

} // namespace soc::lake
