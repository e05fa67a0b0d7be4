#include "actor/sources/fixture.hpp"
#include "connectors/sources/http/raw_pull.hpp"

namespace soc::sources::testing {

struct test_ack {
  std::uint64_t message = 0;
};
struct test_reject {
  std::uint64_t message = 0;
  std::string reason;
};
struct test_progress {
  std::uint64_t message = 0;
};
using test_puller = accepts<test_ack, test_reject, test_progress>;
struct test_pulled {
  std::uint64_t sequence = 0;
  std::string payload;
  std::uint64_t message = 0;
  ref<test_puller> puller;
};
using test_consumer = raw_consumer<test_pulled, test_ack, test_reject, test_progress>;

struct puller_log {
  std::vector<std::uint64_t> acked, rejected, progressed;
};
inline caf::behavior logging_puller(caf::event_based_actor*, std::shared_ptr<puller_log> log) {
  return {[log](const test_ack& m) { log->acked.push_back(m.message); },
          [log](const test_reject& m) { log->rejected.push_back(m.message); },
          [log](const test_progress& m) { log->progressed.push_back(m.message); }};
}

} // namespace soc::sources::testing

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::sources::testing::test_ack)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::sources::testing::test_reject)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::sources::testing::test_progress)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(soc::sources::testing::test_pulled)

using namespace soc;
using namespace soc::sources;
using namespace soc::sources::testing;

namespace soc::sources::testing {

struct raw_fixture : source_fixture {
  std::shared_ptr<puller_log> log = std::make_shared<puller_log>();
  caf::actor puller = system.spawn(logging_puller, log);

  void begin(std::size_t credit_batches = 4) {
    source = spawn_observed(system, {.path = "node/raw", .clock = clock.get()}, test_consumer::run,
                            environment(credit_batches));
    scheduler.run();
  }
  ~raw_fixture() { caf::anon_send_exit(puller, caf::exit_reason::user_shutdown); }

  void pull(std::uint64_t sequence, std::uint64_t message, const std::string& text) {
    model::raw_batch batch;
    batch.context = environment(1).context;
    batch.add(text);
    answer(test_pulled{sequence, wire::to_bytes(batch), message, ref<test_puller>(puller)});
  }
};

} // namespace soc::sources::testing

BOOST_FIXTURE_TEST_SUITE(raw_consumers, raw_fixture)

BOOST_AUTO_TEST_CASE(a_message_is_acknowledged_once_its_batch_is_durable) {
  begin();
  pull(1, 10, "a");
  BOOST_TEST(log->acked.empty());
  answer(batch_done{first->all[0].ticket});
  BOOST_TEST(log->acked == std::vector<std::uint64_t>{10}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_message_delivered_again_while_it_is_worked_on_is_not_worked_on_twice) {
  begin();
  pull(1, 10, "a");
  pull(1, 11, "a");
  BOOST_TEST(first->all.size() + second->all.size() == 1U);
  answer(batch_done{first->all[0].ticket});
  BOOST_TEST(log->acked == std::vector<std::uint64_t>{11}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_no_message_of_ours_is_rejected_with_a_reason) {
  begin();
  answer(test_pulled{1, "junk", 10, ref<test_puller>(puller)});
  BOOST_TEST(log->rejected == std::vector<std::uint64_t>{10}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(work_that_takes_long_is_reported_and_over_the_credit_it_waits) {
  begin(1);
  pull(1, 10, "a");
  pull(2, 11, "b");
  BOOST_TEST(second->all.empty());
  pass(std::chrono::seconds{2});
  BOOST_TEST(log->progressed.size() >= 2U);
  answer(batch_done{first->all[0].ticket});
  BOOST_TEST(second->all.size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
