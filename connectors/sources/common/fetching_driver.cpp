#include "connectors/sources/common/fetching_driver.hpp"

#include <utility>

namespace soc::sources {

namespace {
const std::string place_key = "place";
} // namespace

bool fetch_session::hand_on(model::raw_batch_ptr batch, std::string place, std::function<void()> on_durable) {
  const auto size = batch ? batch->bytes.size() : 0;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stopped_ || entries_.empty() || bytes_ + size <= max_bytes_; });
    if (stopped_)
      return false;
    bytes_ += size;
    entries_.push_back({std::move(batch), std::move(place), std::move(on_durable)});
  }
  wake_();
  return true;
}

bool fetch_session::sleep(std::chrono::nanoseconds duration) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, duration, [&] { return stopped_; });
  return !stopped_;
}

bool fetch_session::stopped() const {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

std::optional<fetch_session::entry> fetch_session::pop() {
  std::optional<entry> out;
  {
    const std::lock_guard lock(mutex_);
    if (entries_.empty() || stopped_)
      return std::nullopt;
    out = std::move(entries_.front());
    entries_.pop_front();
    bytes_ -= out->batch ? out->batch->bytes.size() : 0;
  }
  changed_.notify_all();
  return out;
}

void fetch_session::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
}

fetching_driver::fetching_driver(std::size_t max_queue_bytes, std::function<outcome()> prepare, work run,
                                 std::function<void()> interrupt)
    : max_queue_bytes_(max_queue_bytes), prepare_(std::move(prepare)), run_(std::move(run)),
      interrupt_(std::move(interrupt)) {}

fetching_driver::~fetching_driver() {
  stop();
}

outcome fetching_driver::start(const checkpoint_map& stored, std::function<void()> wake) {
  if (const auto prepared = prepare_(); !prepared)
    return prepared;
  std::string place;
  for (const auto& [key, bytes] : stored)
    if (key == place_key)
      place = bytes;
  session_ = std::make_unique<fetch_session>(max_queue_bytes_, std::move(wake));
  thread_ = std::thread([this, place] { run_(*session_, place); });
  return done{};
}

model::raw_batch_ptr fetching_driver::next(std::uint64_t ticket) {
  while (session_) {
    auto entry = session_->pop();
    if (!entry)
      return nullptr;
    if (entry->batch) {
      window_.sent(ticket, std::move(entry->place));
      if (entry->on_durable)
        on_durable_[ticket] = std::move(entry->on_durable);
      return entry->batch;
    }
    const auto mark = next_mark_++;
    window_.sent(mark, std::move(entry->place));
    if (auto place = window_.acknowledged(mark); place && !place->empty())
      to_store_ = std::move(*place);
  }
  return nullptr;
}

checkpoint_map fetching_driver::take_place() {
  if (to_store_.empty())
    return {};
  return {{place_key, std::exchange(to_store_, {})}};
}

checkpoint_map fetching_driver::settled(std::uint64_t ticket) {
  if (const auto known = on_durable_.find(ticket); known != on_durable_.end()) {
    known->second();
    on_durable_.erase(known);
  }
  if (auto place = window_.acknowledged(ticket); place && !place->empty())
    to_store_ = std::move(*place);
  return take_place();
}

checkpoint_map fetching_driver::tick(unix_ns) {
  return take_place();
}

void fetching_driver::stop() {
  if (session_)
    session_->stop();
  if (thread_.joinable()) {
    interrupt_();
    thread_.join();
  }
}

} // namespace soc::sources
