#include "lake/segment_writer.hpp"

#include <fmt/format.h>

namespace soc::lake {

/// Blocks of one commit, to be written at once.
struct segment_writer::commit {
  std::string bytes;
  std::vector<block_entry> blocks;
  std::vector<std::shared_ptr<model::event_batch>> kept; ///< what the builder points into
  store_counts counts;
};

segment_writer::segment_writer(std::shared_ptr<catalog> store, std::uint32_t lane, block_sizes sizes,
                               segment_limits limits, event_completer complete)
    : store_(std::move(store)), lane_(lane), sizes_(sizes), limits_(limits), complete_(std::move(complete)) {}

void segment_writer::finish_block(commit& to) {
  if (builder_->rows() == 0)
    return;
  to.counts.events += builder_->rows();
  to.counts.raw_bytes += builder_->raw_bytes();
  auto block = builder_->finish();
  block.entry.offset = file_->size() + to.bytes.size();
  to.bytes += block.frame;
  to.blocks.push_back(std::move(block.entry));
}

void segment_writer::add(commit& to, const std::shared_ptr<model::event_batch>& batch) {
  // The batch belongs to others too: OCSF slots of lazily mapped events are made in one of our own.
  auto own = std::make_shared<model::event_batch>();
  own->raw = batch->raw;
  own->dictionary = batch->dictionary;
  own->types = batch->types;
  std::vector<entity_term> terms;
  for (const auto& ev : batch->events) {
    auto mapped = ev;
    if (!mapped.mapped && complete_)
      complete_(*own, mapped);
    terms.clear();
    add_terms(model::entities_of(*batch, mapped), terms);
    builder_->add(*batch, mapped, terms);
    if (builder_->raw_bytes() >= sizes_.target_bytes || builder_->rows() >= sizes_.target_rows ||
        builder_->columns() >= max_block_columns)
      finish_block(to);
  }
  to.kept.push_back(std::move(own));
}

outcome segment_writer::begin(unix_ns now) {
  const auto& directory = store_->directory();
  int number = 0;
  do
    segment_ = fmt::format("{}-{:013}-{}", lane_, now / ns_per_ms, number++);
  while (store_->find(segment_));
  auto file = append_file::create(path_of(directory, segment_, false));
  if (!file)
    return file.error();
  auto did = (*file)->append(segment_head);
  if (did)
    did = sync_directory(directory);
  if (!did) { // nobody else knows of it
    std::error_code ignored;
    std::filesystem::remove((*file)->path(), ignored);
    return did;
  }
  file_ = std::move(*file);
  begun_at_ = now;
  raw_bytes_ = commits_ = 0;
  store_->begin(lane_, segment_);
  return done{};
}

result<store_counts> segment_writer::store(const std::vector<std::shared_ptr<model::event_batch>>& group, unix_ns now) {
  builder_.emplace(sizes_.level);
  outcome did = file_ ? outcome(done{}) : begin(now);
  commit to;
  if (did) {
    for (const auto& batch : group)
      add(to, batch);
    finish_block(to);
    did = file_->append(to.bytes);
  }
  if (did)
    did = file_->sync();
  if (did && !store_->append(lane_, segment_, std::move(to.blocks), file_->size()))
    did = failure{ec::conflict, "segment " + segment_ + " was ended by a later writer of its lane"};
  if (!did) { // what the file holds behind its last commit is in doubt
    file_.reset();
    return did.error();
  }
  to.counts.bytes = to.bytes.size();
  raw_bytes_ += to.counts.raw_bytes;
  ++commits_;
  return to.counts;
}

bool segment_writer::is_due(unix_ns now) const {
  return file_ && (raw_bytes_ >= limits_.bytes || commits_ >= limits_.commits ||
                   now - begun_at_ >= std::chrono::nanoseconds(limits_.age).count());
}

std::string segment_writer::end() {
  file_.reset();
  return store_->end(lane_, segment_);
}

std::string segment_writer::end_earlier() {
  return store_->end(lane_);
}

} // namespace soc::lake
