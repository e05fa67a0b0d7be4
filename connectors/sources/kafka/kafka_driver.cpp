#include "connectors/sources/kafka/kafka_driver.hpp"

#include "connectors/sources/common/credentials.hpp"
#include "connectors/sources/common/line_splitter.hpp"
#include "runtime/secrets.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <utility>

namespace soc::sources {

namespace {

constexpr std::size_t error_text_bytes = 512;
/// How long the partitions of a node that was killed wait for another (librdkafka's own default: 45 s).
constexpr const char* session_timeout_ms = "10000";
constexpr std::size_t max_kafka_record_bytes = 16U << 20;
/// A consumer that does not poll is put out of its group; without credit it polls paused.
constexpr int ticks_until_paused = 5;

topic_partition partition_of(const rd_kafka_topic_partition_t& p) {
  return {p.topic, p.partition};
}

using partition_list =
    std::unique_ptr<rd_kafka_topic_partition_list_t, decltype(&rd_kafka_topic_partition_list_destroy)>;

partition_list make_list(std::size_t size) {
  return {rd_kafka_topic_partition_list_new(static_cast<int>(size)), rd_kafka_topic_partition_list_destroy};
}

} // namespace

kafka_driver::kafka_driver(kafka_options options, std::shared_ptr<const model::connector_context> context,
                           source_counts_ptr counts, std::shared_ptr<const clock_source> clock)
    : options_(std::move(options)), context_(std::move(context)), counts_(std::move(counts)), clock_(std::move(clock)) {
}

// Closing the consumer calls rebalance(): everything else must still be there.
kafka_driver::~kafka_driver() {
  stop();
  ahead_.clear();
  if (queue_)
    rd_kafka_queue_cb_event_enable(queue_.get(), nullptr, nullptr);
  queue_.reset();
  if (consumer_)
    rd_kafka_consumer_close(consumer_.get());
  consumer_.reset();
}

outcome kafka_driver::configure(rd_kafka_conf_t* conf) const {
  std::string password;
  if (!options_.password.empty()) {
    auto secret = read_secret(options_.password);
    if (!secret)
      return secret.error();
    password = std::move(secret).take();
  }
  const auto group = options_.group.empty() ? "soc-" + context_->connector : options_.group;
  const std::vector<std::pair<const char*, std::string>> settings{
      {"bootstrap.servers", fmt::format("{}", fmt::join(options_.brokers, ","))},
      {"group.id", group},
      {"client.id", "soc-" + context_->connector},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"auto.offset.reset", options_.from_end ? "latest" : "earliest"},
      {"queued.max.messages.kbytes", std::to_string(options_.queue_bytes / 1024)},
      {"fetch.wait.max.ms", "50"},
      {"session.timeout.ms", session_timeout_ms},
      {"security.protocol", options_.security},
      {"sasl.mechanisms", options_.security.rfind("sasl_", 0) == 0 ? options_.sasl_mechanism : ""},
      {"sasl.username", options_.username},
      {"sasl.password", password},
      {"ssl.ca.location", options_.tls_ca},
      {"ssl.certificate.location", options_.tls_certificate},
      {"ssl.key.location", options_.tls_key}};
  char why[error_text_bytes] = "";
  for (const auto& [name, value] : settings)
    if (!value.empty() && rd_kafka_conf_set(conf, name, value.c_str(), why, sizeof why) != RD_KAFKA_CONF_OK)
      return failure{ec::invalid_input, std::string("kafka setting ") + name + " is refused"};
  return done{};
}

outcome kafka_driver::start(const checkpoint_map&, std::function<void()> wake) {
  wake_ = std::move(wake);
  std::unique_ptr<rd_kafka_conf_t, decltype(&rd_kafka_conf_destroy)> conf(rd_kafka_conf_new(), rd_kafka_conf_destroy);
  if (const auto configured = configure(conf.get()); !configured)
    return configured;
  rd_kafka_conf_set_opaque(conf.get(), this);
  rd_kafka_conf_set_rebalance_cb(conf.get(), on_rebalance);
  // Brokers that are away are librdkafka's to find again; its complaints must not reach stderr unasked.
  rd_kafka_conf_set_log_cb(conf.get(), [](const rd_kafka_t*, int, const char*, const char*) {});
  char why[error_text_bytes] = "";
  consumer_.reset(rd_kafka_new(RD_KAFKA_CONSUMER, conf.get(), why, sizeof why));
  if (!consumer_)
    return failure{ec::invalid_input, std::string("kafka: ") + why};
  [[maybe_unused]] const auto* owned_by_the_consumer = conf.release();
  rd_kafka_poll_set_consumer(consumer_.get());
  queue_.reset(rd_kafka_queue_get_consumer(consumer_.get()));
  rd_kafka_queue_cb_event_enable(
      queue_.get(), [](rd_kafka_t*, void* self) { static_cast<kafka_driver*>(self)->wake_(); }, this);
  return subscribe();
}

outcome kafka_driver::subscribe() {
  const auto topics = make_list(options_.topics.size());
  for (const auto& topic : options_.topics)
    rd_kafka_topic_partition_list_add(topics.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  if (const auto error = rd_kafka_subscribe(consumer_.get(), topics.get()))
    return failure{ec::invalid_input, std::string("kafka topics: ") + rd_kafka_err2str(error)};
  return done{};
}

void kafka_driver::on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions,
                                void* self) {
  static_cast<kafka_driver*>(self)->rebalance(what, partitions);
}

// Called by poll() and stop(), so in the actor's turn. What is still in flight of a partition that goes is read again
// by whoever gets it, from the offset committed here.
void kafka_driver::rebalance(rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions) {
  if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    rd_kafka_assign(consumer_.get(), partitions);
    counts_->open = static_cast<std::uint64_t>(partitions->cnt);
    return;
  }
  commit();
  for (int i = 0; i < partitions->cnt; ++i)
    progress_.revoked(partition_of(partitions->elems[i]));
  open_.reset();
  ahead_.clear();
  rd_kafka_assign(consumer_.get(), nullptr);
  counts_->open = 0;
}

model::raw_batch_ptr kafka_driver::next(std::uint64_t ticket) {
  if (stopped_ || !consumer_)
    return nullptr;
  ticks_unread_ = 0;
  pause(false);
  for (;;) {
    if (ahead_.empty() && !poll())
      return close_batch(ticket);
    auto& message = *ahead_.front();
    const bool other =
        open_ && !message.err && open_->from != topic_partition{rd_kafka_topic_name(message.rkt), message.partition};
    if (other || (open_ && open_->builder.full()))
      if (auto batch = close_batch(ticket))
        return batch;
    take(message);
    ahead_.pop_front();
  }
}

// A rebalance may happen inside, and empty what is ahead.
bool kafka_driver::poll() {
  message_ptr message(rd_kafka_consumer_poll(consumer_.get(), 0), rd_kafka_message_destroy);
  if (message)
    ahead_.push_back(std::move(message));
  return !ahead_.empty();
}

void kafka_driver::take(rd_kafka_message_t& message) {
  if (message.err) {
    if (message.err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      count(counts_->errors);
      spdlog::warn("connector {}: kafka: {}", context_->connector, rd_kafka_message_errstr(&message));
    }
    return;
  }
  if (!open_) {
    topic_partition from{rd_kafka_topic_name(message.rkt), message.partition};
    auto origin = from.topic + "/" + std::to_string(from.partition);
    open_.emplace(open_batch{std::move(from), batch_builder(context_, std::move(origin)), 0});
  }
  add_records(message);
  open_->next_offset = message.offset + 1;
}

void kafka_driver::add_records(const rd_kafka_message_t& message) {
  const std::string_view text(static_cast<const char*>(message.payload), message.payload ? message.len : 0);
  const auto position = static_cast<std::uint64_t>(message.offset);
  const auto now = clock_->now();
  if (!options_.split_lines) {
    if (!text.empty()) // a tombstone is no record
      open_->builder.add(text.substr(0, max_kafka_record_bytes), position, now);
    return;
  }
  line_splitter splitter(max_kafka_record_bytes);
  std::vector<model::raw_record> lines;
  const auto consumed = splitter.split(text, 0, lines);
  for (const auto& line : lines)
    open_->builder.add(text.substr(line.offset, line.length), position, now);
  if (const auto last = text.substr(consumed); !last.empty())
    open_->builder.add(last, position, now);
}

model::raw_batch_ptr kafka_driver::close_batch(std::uint64_t ticket) {
  if (!open_ || open_->builder.empty()) {
    open_.reset(); // only tombstones: the next batch's offset covers them
    return nullptr;
  }
  progress_.sent(ticket, open_->from, open_->next_offset);
  auto batch = open_->builder.take();
  open_.reset();
  return batch;
}

checkpoint_map kafka_driver::settled(std::uint64_t ticket) {
  if (auto moved = progress_.settled(ticket))
    to_commit_[moved->first] = moved->second;
  return {};
}

checkpoint_map kafka_driver::tick(unix_ns) {
  commit();
  hold_while_stuck();
  return {};
}

void kafka_driver::hold_while_stuck() {
  if (!consumer_ || ++ticks_unread_ < ticks_until_paused)
    return;
  pause(true);
  poll(); // nothing of a paused partition comes; what was on its way already is kept
}

void kafka_driver::pause(bool paused) {
  if (std::exchange(paused_, paused) == paused)
    return;
  rd_kafka_topic_partition_list_t* assigned = nullptr;
  if (rd_kafka_assignment(consumer_.get(), &assigned) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return;
  const partition_list list(assigned, rd_kafka_topic_partition_list_destroy);
  paused ? rd_kafka_pause_partitions(consumer_.get(), list.get())
         : rd_kafka_resume_partitions(consumer_.get(), list.get());
}

void kafka_driver::commit() {
  if (!consumer_ || to_commit_.empty())
    return;
  const auto list = make_list(to_commit_.size());
  for (const auto& [where, offset] : to_commit_)
    rd_kafka_topic_partition_list_add(list.get(), where.topic.c_str(), where.partition)->offset = offset;
  // At a rebalance and at the end it must have reached the broker before the partitions go; else it may take its time.
  const auto error = rd_kafka_commit(consumer_.get(), list.get(), stopped_ ? 0 : 1);
  if (error && error != RD_KAFKA_RESP_ERR__NO_OFFSET)
    count(counts_->errors);
  to_commit_.clear();
}

void kafka_driver::stop() {
  stopped_ = true;
}

} // namespace soc::sources
