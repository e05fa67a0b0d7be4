#include "connectors/sources/kafka/kafka_driver.hpp"
#include "unit/sources/test_client.hpp"

#include <algorithm>
#include <deque>
#include <librdkafka/rdkafka_mock.h>
#include <rapidcheck.h>
#include <set>

using namespace soc;
using namespace soc::sources;
using namespace soc::sources::testing;

namespace {

/// librdkafka's own broker for tests: the real wire protocol, in this process.
class mock_kafka {
public:
  mock_kafka() {
    char why[512];
    auto* conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "client.id", "mock-host", why, sizeof why);
    rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t*, int, const char*, const char*) {});
    host_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    BOOST_REQUIRE(host_ != nullptr);
    cluster_ = rd_kafka_mock_cluster_new(host_, 1);
    BOOST_REQUIRE(cluster_ != nullptr);
    rd_kafka_mock_topic_create(cluster_, "logs", 3, 1);
    auto* producing = rd_kafka_conf_new();
    rd_kafka_conf_set(producing, "bootstrap.servers", brokers().c_str(), why, sizeof why);
    rd_kafka_conf_set_log_cb(producing, [](const rd_kafka_t*, int, const char*, const char*) {});
    producer_ = rd_kafka_new(RD_KAFKA_PRODUCER, producing, why, sizeof why);
  }
  ~mock_kafka() {
    rd_kafka_destroy(producer_);
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(host_);
  }
  std::string brokers() const { return rd_kafka_mock_cluster_bootstraps(cluster_); }

  void produce(int from, int to) {
    for (int i = from; i < to; ++i) {
      const auto text = "message " + std::to_string(i);
      rd_kafka_producev(producer_, RD_KAFKA_V_TOPIC("logs"), RD_KAFKA_V_PARTITION(i % 3),
                        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                        RD_KAFKA_V_VALUE(const_cast<char*>(text.data()), text.size()), RD_KAFKA_V_END);
    }
    BOOST_REQUIRE(rd_kafka_flush(producer_, 10'000) == RD_KAFKA_RESP_ERR_NO_ERROR);
  }

  /// What the group has committed over all partitions.
  std::int64_t committed(const std::string& group) const {
    char why[512];
    auto* conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", brokers().c_str(), why, sizeof why);
    rd_kafka_conf_set(conf, "group.id", group.c_str(), why, sizeof why);
    auto* asking = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    auto* list = rd_kafka_topic_partition_list_new(3);
    for (int p = 0; p < 3; ++p)
      rd_kafka_topic_partition_list_add(list, "logs", p);
    std::int64_t sum = 0;
    if (rd_kafka_committed(asking, list, 10'000) == RD_KAFKA_RESP_ERR_NO_ERROR)
      for (int p = 0; p < 3; ++p)
        sum += std::max<std::int64_t>(0, list->elems[p].offset);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(asking);
    return sum;
  }

private:
  rd_kafka_t* host_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
  rd_kafka_t* producer_ = nullptr;
};

class running_kafka {
public:
  running_kafka(const mock_kafka& kafka, const std::string& group) : counts(std::make_shared<source_counts>()) {
    kafka_options options;
    options.brokers = {kafka.brokers()};
    options.topics = {"logs"};
    options.group = group;
    auto context = std::make_shared<model::connector_context>();
    context->connector = "bus";
    driver = std::make_unique<kafka_driver>(options, context, counts, std::make_shared<system_clock_source>());
    const auto started = driver->start({}, [] {});
    BOOST_REQUIRE_MESSAGE(started, (started ? "" : started.error().what));
  }
  void take() {
    while (const auto batch = driver->next(++ticket_)) {
      in_flight.push_back(ticket_);
      origins.insert(batch->origin);
      for (std::size_t i = 0; i < batch->records.size(); ++i)
        messages.emplace_back(batch->record(i));
    }
  }
  bool got(std::size_t count) {
    return eventually(
        [&] {
          take();
          return messages.size() >= count;
        },
        std::chrono::seconds{20});
  }
  void settle_all() {
    for (const auto ticket : std::exchange(in_flight, {}))
      driver->settled(ticket);
    driver->tick(0);
  }

  source_counts_ptr counts;
  std::unique_ptr<kafka_driver> driver;
  std::vector<std::string> messages;
  std::set<std::string> origins;
  std::deque<std::uint64_t> in_flight;

private:
  std::uint64_t ticket_ = 0;
};

} // namespace

BOOST_AUTO_TEST_SUITE(kafka_sources)

BOOST_AUTO_TEST_CASE(every_message_arrives_once_and_offsets_follow_what_is_durable) {
  mock_kafka kafka;
  kafka.produce(0, 3000);
  running_kafka s(kafka, "offsets");
  BOOST_TEST(s.got(3000));
  BOOST_TEST(std::set<std::string>(s.messages.begin(), s.messages.end()).size() == 3000U);
  BOOST_TEST(s.messages.size() == 3000U);
  BOOST_TEST(s.origins == (std::set<std::string>{"logs/0", "logs/1", "logs/2"}), boost::test_tools::per_element());
  s.driver->tick(0);
  BOOST_TEST(kafka.committed("offsets") == 0);
  s.settle_all();
  BOOST_TEST(eventually([&] { return kafka.committed("offsets") == 3000; }));
}

BOOST_AUTO_TEST_CASE(a_consumer_that_ends_commits_what_is_durable_and_no_more) {
  mock_kafka kafka;
  kafka.produce(0, 300);
  {
    running_kafka s(kafka, "ending");
    BOOST_TEST(s.got(300));
    for (const auto ticket : s.in_flight)
      s.driver->settled(ticket);
    s.in_flight.clear();
    kafka.produce(300, 600);
    BOOST_TEST(s.got(600));
  }
  BOOST_TEST(kafka.committed("ending") == 300);
}

BOOST_AUTO_TEST_CASE(without_credit_messages_wait_and_none_is_lost) {
  mock_kafka kafka;
  kafka.produce(0, 300);
  running_kafka s(kafka, "stuck");
  BOOST_TEST(s.got(300));
  for (int i = 0; i < 20; ++i)
    s.driver->tick(0); // no next() in between
  kafka.produce(300, 900);
  for (int i = 0; i < 20; ++i)
    s.driver->tick(0);
  BOOST_TEST(s.got(900));
  BOOST_TEST(std::set<std::string>(s.messages.begin(), s.messages.end()).size() == 900U);
}

BOOST_AUTO_TEST_CASE(only_an_unbroken_run_of_a_partition_is_committed) {
  BOOST_TEST(rc::check([] {
    partition_progress progress;
    const auto order = *rc::gen::arbitrary<std::vector<bool>>();
    std::vector<std::uint64_t> tickets;
    for (std::size_t i = 0; i < order.size(); ++i) {
      progress.sent(i, {"t", 0}, static_cast<std::int64_t>(i + 1));
      tickets.push_back(i);
    }
    std::stable_partition(tickets.begin(), tickets.end(), [&](std::uint64_t t) { return order[t]; });
    std::set<std::uint64_t> done;
    std::int64_t committed = 0;
    for (const auto ticket : tickets) {
      done.insert(ticket);
      if (const auto moved = progress.settled(ticket))
        committed = moved->second;
      std::uint64_t run = 0;
      while (done.count(run) > 0)
        ++run;
      RC_ASSERT(committed == static_cast<std::int64_t>(run));
    }
    RC_ASSERT(progress.in_flight() == 0U);
  }));
}

BOOST_AUTO_TEST_CASE(answers_for_a_partition_that_was_taken_away_change_nothing) {
  partition_progress progress;
  progress.sent(1, {"t", 0}, 10);
  progress.sent(2, {"t", 1}, 20);
  progress.revoked({"t", 0});
  BOOST_TEST(!progress.settled(1));
  BOOST_TEST((progress.settled(2) == std::pair<topic_partition, std::int64_t>({"t", 1}, 20)));
}

BOOST_AUTO_TEST_SUITE_END()
