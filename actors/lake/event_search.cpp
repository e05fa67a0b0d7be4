#include "lake/event_search.hpp"

namespace soc::lake {

namespace {

constexpr std::size_t max_problems = 20;
constexpr std::size_t max_mapped_files = 256;

std::string type_text(const model::log_type* type) {
  return type == nullptr ? std::string() : type->vendor + "/" + type->product;
}

} // namespace

event_search::event_search(const catalog& of, event_query asked, event_condition condition, event_reading reading)
    : directory_(of.directory()), asked_(std::move(asked)), condition_(std::move(condition)),
      reading_(std::move(reading)) {
  take_segments(of);
  std::vector<const segment_index*> indexes;
  for (const auto& s : segments_) {
    indexes.push_back(&s->index);
    out_.blocks += s->index.blocks.size();
    out_.rows_stored += s->index.rows();
  }
  plan_ = plan_lookup(indexes, asked_);
  if (condition_.make_test)
    test_ = condition_.make_test();
}

/// The segments as they are, the open ones held open. One that is sealed in between is looked for again.
void event_search::take_segments(const catalog& of) {
  for (int attempt = 0; attempt < 3; ++attempt) {
    bool all_there = true;
    open_files_.clear();
    segments_ = of.all();
    for (std::size_t i = 0; i < segments_.size(); ++i)
      if (const auto& s = *segments_[i]; !s.sealed && s.bytes > 0) {
        auto file = open_segment(directory_, s);
        all_there = all_there && file;
        if (file)
          open_files_[i] = *file;
      }
    if (all_there)
      return;
  }
}

/// No block left has an event newer than the oldest of `limit` that are found.
bool event_search::enough(unix_ns newest_left) const {
  return hits_.size() >= asked_.limit && hits_.begin()->first >= newest_left;
}

bool event_search::step() {
  if (next_ >= plan_.size() || asked_.limit == 0 || enough(plan_[next_].last))
    return false;
  const auto& c = plan_[next_++];
  ++out_.blocks_read;
  if (auto did = read(c); !did && out_.problems.size() < max_problems)
    out_.problems.push_back(segments_[c.segment]->name + ": " + did.error().what);
  return true;
}

result<std::vector<std::uint32_t>> event_search::rows_found(block_reader& block) {
  auto rows = rows_of(block, asked_);
  if (!rows || rows->empty())
    return rows;
  out_.rows_tested += rows->size();
  if (!test_)
    return rows;
  return block.matching(*rows, condition_.fields, condition_.names ? *condition_.names : *reading_.names, test_);
}

result<std::shared_ptr<const mapped_file>> event_search::file_of(std::size_t segment) {
  if (const auto it = open_files_.find(segment); it != open_files_.end())
    return it->second;
  if (const auto it = files_.find(segment); it != files_.end())
    return it->second;
  const auto& info = *segments_[segment];
  auto file = open_segment(directory_, info);
  if (!file)
    return file;
  if (files_.size() >= max_mapped_files)
    files_.clear();
  files_[segment] = *file;
  return file;
}

outcome event_search::read(const candidate& c) {
  const auto& segment = *segments_[c.segment];
  const auto file = file_of(c.segment);
  if (!file)
    return file.error();
  const auto bytes = (*file)->bytes();
  const auto& entry = segment.index.blocks[c.block];
  auto block = block_reader::open(bytes.substr(entry.offset, entry.length));
  if (!block)
    return block.error();
  auto rows = rows_found(*block);
  if (!rows || rows->empty())
    return rows ? outcome(done{}) : rows.error();
  auto batches = block->events(*rows, reading_.names, &reading_.types);
  if (!batches)
    return batches.error();
  for (const auto& b : *batches)
    take(b);
  return done{};
}

void event_search::take(const restored_batch& found) {
  const auto& batch = *found.batch;
  for (std::size_t i = 0; i < batch.events.size(); ++i) {
    const auto& ev = batch.events[i];
    if (hits_.size() >= asked_.limit && ev.time <= hits_.begin()->first)
      continue;
    if (!has_entities(batch, ev, asked_) || !ids_.insert(model::event_id(batch, ev)).second)
      continue;
    hits_.emplace(ev.time, hit{found.batch, i, found.known});
    if (hits_.size() > asked_.limit)
      hits_.erase(hits_.begin());
  }
}

found_events event_search::finish(bool render) {
  for (auto it = hits_.rbegin(); it != hits_.rend(); ++it) {
    const auto& [batch, index, known] = it->second;
    const auto& ev = batch->events[index];
    found_event found;
    found.time = ev.time;
    found.id = model::event_id(*batch, ev);
    found.type = type_text(ev.type);
    found.batch = batch;
    found.index = index;
    if (render && reading_.render)
      found.json = reading_.render(*batch, ev, known);
    out_.all.push_back(std::move(found));
  }
  return std::move(out_);
}

} // namespace soc::lake
