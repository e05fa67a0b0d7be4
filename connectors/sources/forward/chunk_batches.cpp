#include "connectors/sources/forward/chunk_batches.hpp"

#include <utility>

namespace soc::sources {

void chunk_batches::add(const std::string& origin, const std::vector<std::string>& records, chunk_ack ack,
                        unix_ns now) {
  const auto pending = ack.chunk.empty() ? nullptr : std::make_shared<pending_ack>(pending_ack{std::move(ack)});
  auto it = open_.find(origin);
  if (it == open_.end())
    it = open_.emplace(origin, open_batch{batch_builder(context_, origin), {}}).first;
  auto& open = it->second;
  bool noted = false;
  for (const auto& record : records) {
    if (pending && !noted) {
      const std::lock_guard lock(mutex_);
      ++pending->batches;
      open.acks.push_back(pending);
      noted = true;
    }
    open.builder.add(record, 0, now);
    if (open.builder.full()) {
      close(open);
      noted = false;
    }
  }
  if (pending)
    release(pending);
}

void chunk_batches::close(open_batch& open) {
  if (open.builder.empty())
    return;
  auto batch = open.builder.take();
  {
    const std::lock_guard lock(mutex_);
    waiting_[batch.get()] = std::exchange(open.acks, {});
  }
  closed_.push_back(std::move(batch));
}

bool chunk_batches::flush() {
  for (auto& [origin, open] : open_)
    close(open);
  open_.clear();
  while (!closed_.empty()) {
    if (!queue_.push(closed_.front()))
      return false;
    closed_.pop_front();
  }
  return true;
}

model::raw_batch_ptr chunk_batches::next(std::uint64_t ticket) {
  auto batch = queue_.pop();
  if (!batch)
    return nullptr;
  const std::lock_guard lock(mutex_);
  if (const auto it = waiting_.find(batch.get()); it != waiting_.end()) {
    in_flight_[ticket] = std::move(it->second);
    waiting_.erase(it);
  }
  return batch;
}

void chunk_batches::release(const pending_ptr& ack) {
  {
    const std::lock_guard lock(mutex_);
    if (--ack->batches > 0)
      return;
    due_.push_back(ack->ack);
  }
  on_ack_();
}

void chunk_batches::settled(std::uint64_t ticket) {
  std::vector<pending_ptr> acks;
  {
    const std::lock_guard lock(mutex_);
    const auto it = in_flight_.find(ticket);
    if (it == in_flight_.end())
      return;
    acks = std::move(it->second);
    in_flight_.erase(it);
  }
  for (const auto& ack : acks)
    release(ack);
}

std::vector<chunk_ack> chunk_batches::take_due() {
  const std::lock_guard lock(mutex_);
  return std::exchange(due_, {});
}

} // namespace soc::sources
