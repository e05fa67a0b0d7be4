// sources/kafka/kafka_driver.hpp - the kafka source: a librdkafka consumer group member. Offsets are committed only
// behind what is durable; they are Kafka's to keep, the store holds none. Owned by one actor; librdkafka's threads only
// call `wake`.
#pragma once
#include "connectors/sources/common/batch_builder.hpp"
#include "connectors/sources/common/source_driver.hpp"
#include "connectors/sources/kafka/kafka_options.hpp"
#include "connectors/sources/kafka/partition_progress.hpp"

#include <deque>
#include <librdkafka/rdkafka.h>
#include <memory>
#include <optional>

namespace soc::sources {

class kafka_driver final : public source_driver {
public:
  kafka_driver(kafka_options options, std::shared_ptr<const model::connector_context> context, source_counts_ptr counts,
               std::shared_ptr<const clock_source> clock);
  ~kafka_driver() override;

  outcome start(const checkpoint_map& stored, std::function<void()> wake) override;
  model::raw_batch_ptr next(std::uint64_t ticket) override;
  checkpoint_map settled(std::uint64_t ticket) override;
  checkpoint_map tick(unix_ns now) override;
  std::chrono::milliseconds tick_every() const override { return std::chrono::milliseconds{200}; }
  void stop() override;

private:
  using message_ptr = std::unique_ptr<rd_kafka_message_t, decltype(&rd_kafka_message_destroy)>;

  /// Records of one partition, on their way into a batch.
  struct open_batch {
    topic_partition from;
    batch_builder builder;
    std::int64_t next_offset = 0;
  };
  static void on_rebalance(rd_kafka_t* consumer, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions,
                           void* self);
  outcome configure(rd_kafka_conf_t* conf) const;
  outcome subscribe();
  void rebalance(rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions);
  void take(rd_kafka_message_t& message);
  void add_records(const rd_kafka_message_t& message);
  model::raw_batch_ptr close_batch(std::uint64_t ticket);
  void commit();
  void hold_while_stuck();
  bool poll();
  void pause(bool paused);

  kafka_options options_;
  std::shared_ptr<const model::connector_context> context_;
  source_counts_ptr counts_;
  std::shared_ptr<const clock_source> clock_;
  std::function<void()> wake_;
  std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)> consumer_{nullptr, rd_kafka_destroy};
  std::unique_ptr<rd_kafka_queue_t, decltype(&rd_kafka_queue_destroy)> queue_{nullptr, rd_kafka_queue_destroy};
  std::deque<message_ptr> ahead_; ///< polled, not yet in a batch; a few
  std::optional<open_batch> open_;
  partition_progress progress_;
  std::map<topic_partition, std::int64_t> to_commit_;
  int ticks_unread_ = 0; ///< since next() was called last: there is no credit
  bool paused_ = false, stopped_ = false;
};

} // namespace soc::sources
