// sources/common/fetching_driver.hpp - a source that goes and gets its records: one thread fetches and hands batches
// over a bounded queue, each with the place it ends at; a place is stored once everything before it is durable. Owned
// by one actor.
#pragma once
#include "connectors/sources/common/ack_window.hpp"
#include "connectors/sources/common/source_driver.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

namespace soc::sources {

/// What the fetching thread sees. Its calls return false once the source is to stop: then return.
class fetch_session {
public:
  fetch_session(std::size_t max_queue_bytes, std::function<void()> wake)
      : max_bytes_(max_queue_bytes), wake_(std::move(wake)) {}

  /// Waits until there is room. `place`: where to go on when everything up to here is durable; empty = says nothing.
  /// `on_durable` is called in the actor's turn, once, when the batch is.
  bool hand_on(model::raw_batch_ptr batch, std::string place, std::function<void()> on_durable = {});
  /// A place without records before it.
  bool reached(std::string place) { return hand_on(nullptr, std::move(place)); }
  bool sleep(std::chrono::nanoseconds duration);
  bool stopped() const;

private:
  friend class fetching_driver;
  struct entry {
    model::raw_batch_ptr batch;
    std::string place;
    std::function<void()> on_durable;
  };
  std::optional<entry> pop();
  void stop();

  const std::size_t max_bytes_;
  const std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<entry> entries_;
  std::size_t bytes_ = 0;
  bool stopped_ = false;
};

class fetching_driver final : public source_driver {
public:
  /// Runs in the thread until the session says stop. `place`: as stored last, empty at the very first start.
  using work = std::function<void(fetch_session& session, const std::string& place)>;

  /// `prepare` runs before the thread is started: a failure is the source's. `interrupt` makes a blocking call inside
  /// `run` return; called once, by the actor.
  fetching_driver(std::size_t max_queue_bytes, std::function<outcome()> prepare, work run,
                  std::function<void()> interrupt);
  ~fetching_driver() override;

  outcome start(const checkpoint_map& stored, std::function<void()> wake) override;
  model::raw_batch_ptr next(std::uint64_t ticket) override;
  checkpoint_map settled(std::uint64_t ticket) override;
  checkpoint_map tick(unix_ns now) override;
  void stop() override;

private:
  checkpoint_map take_place();

  std::size_t max_queue_bytes_;
  std::function<outcome()> prepare_;
  work run_;
  std::function<void()> interrupt_;
  std::unique_ptr<fetch_session> session_;
  std::thread thread_;
  ack_window<std::string> window_;
  std::map<std::uint64_t, std::function<void()>> on_durable_; ///< by ticket
  std::string to_store_;
  std::uint64_t next_mark_ = std::uint64_t{1} << 63; ///< tickets of places without records
};

} // namespace soc::sources
