#include "connectors/sources/common/origin_batches.hpp"

namespace soc::sources {

namespace {

constexpr unix_ns oldest_batch_ns = 50 * ns_per_ms;
/// Senders may forge their addresses: no more origins than this wait side by side.
constexpr std::size_t max_origins = 512;

} // namespace

origin_batches::origin_batches(std::shared_ptr<const model::connector_context> context, handoff_queue& queue,
                               source_counts_ptr counts)
    : context_(std::move(context)), queue_(queue), counts_(std::move(counts)) {}

batch_builder& origin_batches::of(const std::string& origin) {
  const auto found = batches_.find(origin);
  return found != batches_.end() ? found->second : batches_.try_emplace(origin, context_, origin).first->second;
}

bool origin_batches::hand_on(batch_builder& batch) {
  return batch.empty() || queue_.push(batch.peek()) ? (batch.take(), true) : false;
}

bool origin_batches::add(const std::string& origin, std::string_view record, unix_ns now) {
  auto& batch = of(origin);
  const bool taken = !batch.full() || hand_on(batch);
  batch.add(record, 0, now);
  return taken;
}

void origin_batches::add_or_drop(const std::string& origin, std::string_view record, unix_ns now) {
  if (batches_.size() >= max_origins)
    flush(now);
  const bool crowded = batches_.size() >= max_origins && batches_.count(origin) == 0;
  if (crowded || (of(origin).full() && !hand_on(of(origin)))) {
    count(counts_->dropped_records);
    count(counts_->dropped_bytes, record.size());
    return;
  }
  of(origin).add(record, 0, now);
}

bool origin_batches::flush(unix_ns now) {
  bool all_taken = true;
  for (auto at = batches_.begin(); at != batches_.end();) {
    auto& batch = at->second;
    const bool due = batch.full() || now - batch.begun_at() >= oldest_batch_ns || batches_.size() >= max_origins ||
                     queue_.bytes() == 0;
    const bool taken = due && hand_on(batch);
    all_taken = all_taken && (taken || !due);
    at = taken ? batches_.erase(at) : std::next(at);
  }
  return all_taken;
}

} // namespace soc::sources
