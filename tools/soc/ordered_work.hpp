// tools/soc/ordered_work.hpp - work done by several threads, results taken in the order the work was given. A bounded
// number of items is in flight: who adds more waits. For offline commands; the product's actors have credit instead.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace soc::cli {

template <class Item, class Result>
class ordered_work {
public:
  /// `work(worker, item)` runs on the threads, `done(result)` on the adding one.
  ordered_work(unsigned threads, std::function<Result(unsigned, const Item&)> work,
               std::function<void(const Result&)> done)
      : work_(std::move(work)), done_(std::move(done)), limit_(threads * 4) {
    for (unsigned i = 0; i < threads; ++i)
      threads_.emplace_back([this, i] { run(i); });
  }
  ~ordered_work() { finish(); }

  void add(Item item) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return added_ - taken_ < limit_ || results_.contains(taken_); });
    queue_.emplace_back(added_++, std::move(item));
    changed_.notify_all();
    take(lock);
  }

  /// All results are taken; nothing can be added afterwards.
  void finish() {
    std::unique_lock lock(mutex_);
    while (taken_ < added_) {
      changed_.wait(lock, [&] { return results_.contains(taken_); });
      take(lock);
    }
    stop_ = true;
    changed_.notify_all();
    lock.unlock();
    for (auto& t : threads_)
      t.join();
    threads_.clear();
  }

private:
  void take(std::unique_lock<std::mutex>& lock) {
    for (auto at = results_.find(taken_); at != results_.end(); at = results_.find(taken_)) {
      const auto result = std::move(at->second);
      results_.erase(at);
      ++taken_;
      lock.unlock();
      done_(result);
      lock.lock();
      changed_.notify_all();
    }
  }

  void run(unsigned worker) {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return stop_ || !queue_.empty(); });
      if (queue_.empty())
        return;
      auto [number, item] = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      auto result = work_(worker, item);
      lock.lock();
      results_.emplace(number, std::move(result));
      changed_.notify_all();
    }
  }

  std::function<Result(unsigned, const Item&)> work_;
  std::function<void(const Result&)> done_;
  std::size_t limit_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<std::uint64_t, Item>> queue_;
  std::map<std::uint64_t, Result> results_;
  std::uint64_t added_ = 0, taken_ = 0;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

} // namespace soc::cli
