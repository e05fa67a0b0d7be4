// sources/common/handoff_queue.hpp - between a thread that receives and the actor that has the credit: batches, bounded
// in bytes. Full means the receiver holds its peers or drops and counts; it never grows. Shared by the two;
// thread-safe.
#pragma once
#include "model/raw.hpp"

#include <deque>
#include <functional>
#include <mutex>

namespace soc::sources {

class handoff_queue {
public:
  /// `on_ready` is called when the queue stops being empty, `on_room` when it stops being full; both without the lock.
  handoff_queue(std::size_t max_bytes, std::function<void()> on_ready, std::function<void()> on_room)
      : max_bytes_(max_bytes), on_ready_(std::move(on_ready)), on_room_(std::move(on_room)) {}

  /// False, and nothing taken, when full. One batch always fits an empty queue.
  bool push(const model::raw_batch_ptr& batch) {
    bool was_empty = false;
    {
      const std::lock_guard lock(mutex_);
      was_empty = batches_.empty();
      if (!was_empty && bytes_ + batch->bytes.size() > max_bytes_) {
        refused_ = true;
        return false;
      }
      bytes_ += batch->bytes.size();
      batches_.push_back(batch);
    }
    if (was_empty)
      on_ready_();
    return true;
  }

  /// Null when empty.
  model::raw_batch_ptr pop() {
    model::raw_batch_ptr batch;
    bool room = false;
    {
      const std::lock_guard lock(mutex_);
      if (batches_.empty())
        return nullptr;
      batch = std::move(batches_.front());
      batches_.pop_front();
      bytes_ -= batch->bytes.size();
      room = std::exchange(refused_, false);
    }
    if (room)
      on_room_();
    return batch;
  }

  std::size_t bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }

private:
  const std::size_t max_bytes_;
  const std::function<void()> on_ready_, on_room_;
  mutable std::mutex mutex_;
  std::deque<model::raw_batch_ptr> batches_;
  std::size_t bytes_ = 0;
  bool refused_ = false;
};

} // namespace soc::sources
