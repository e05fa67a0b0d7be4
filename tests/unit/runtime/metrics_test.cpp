// What Prometheus reads, and what the registry tells.
#include "runtime/metrics.hpp"
#include "runtime/registry.hpp"

#include <boost/test/unit_test.hpp>

#include <stdexcept>
#include <thread>

using namespace soc;

namespace {

void add_probe(actor_registry& registry, const std::string& path) {
  registry.add(path, {std::make_shared<actor_probe>(path), {}, {}, {}});
}

} // namespace

BOOST_AUTO_TEST_SUITE(metrics)

BOOST_AUTO_TEST_CASE(series_are_rendered_in_text_exposition_format) {
  metrics_board board;
  board.counter("soc_events_total", {{"connector", "web"}}, "Events read").add(3);
  board.counter("soc_events_total", {{"connector", "ssh"}}).add(4);
  board.gauge("soc_queue_bytes").set(1.5);
  BOOST_TEST(board.render() == "# HELP soc_events_total Events read\n"
                               "# TYPE soc_events_total counter\n"
                               "soc_events_total{connector=\"ssh\"} 4\n"
                               "soc_events_total{connector=\"web\"} 3\n"
                               "# TYPE soc_queue_bytes gauge\n"
                               "soc_queue_bytes 1.5\n");
}

BOOST_AUTO_TEST_CASE(label_values_cannot_break_out_of_their_quotes) {
  metrics_board board;
  board.counter("soc_x_total", {{"path", "a\"} 9\n# \\"}});
  BOOST_TEST(board.render().find("soc_x_total{path=\"a\\\"} 9\\n# \\\\\"} 0\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(histogram_buckets_are_cumulative) {
  metrics_board board;
  auto& seconds = board.histogram("soc_t_seconds", {0.1, 1}, {{"a", "b"}});
  for (const double value : {0.05, 0.1, 0.5, 7.0})
    seconds.observe(value);
  BOOST_TEST(board.render() == "# TYPE soc_t_seconds histogram\n"
                               "soc_t_seconds_bucket{a=\"b\",le=\"0.1\"} 2\n"
                               "soc_t_seconds_bucket{a=\"b\",le=\"1\"} 3\n"
                               "soc_t_seconds_bucket{a=\"b\",le=\"+Inf\"} 4\n"
                               "soc_t_seconds_sum{a=\"b\"} 7.65\n"
                               "soc_t_seconds_count{a=\"b\"} 4\n");
}

BOOST_AUTO_TEST_CASE(the_same_name_and_labels_are_the_same_series) {
  metrics_board board;
  BOOST_TEST(&board.counter("soc_a_total", {{"x", "1"}}) == &board.counter("soc_a_total", {{"x", "1"}}));
  BOOST_CHECK_THROW(board.gauge("soc_a_total"), std::logic_error);
}

BOOST_AUTO_TEST_CASE(counting_from_two_threads_loses_nothing) {
  metrics_board board;
  auto& counter = board.counter("soc_a_total");
  const auto count = [&] {
    for (int i = 0; i < 100'000; ++i)
      counter.add();
  };
  std::thread one(count), two(count);
  one.join();
  two.join();
  BOOST_TEST(counter.value() == 200'000u);
}

BOOST_AUTO_TEST_CASE(a_snapshot_is_the_subtree_with_parents_first) {
  actor_registry registry;
  for (const auto* path : {"node/a/x", "node", "node/ab", "node/a"})
    add_probe(registry, path);
  std::string paths, parents;
  for (const auto& row : registry.snapshot("node/a")) {
    paths += row.reading.path + " ";
    parents += row.parent + " ";
  }
  BOOST_TEST(paths == "node/a node/a/x ");
  BOOST_TEST(parents == "node node/a ");
  BOOST_TEST(registry.snapshot().size() == 4u);
}

BOOST_AUTO_TEST_CASE(actors_are_rendered_as_metrics) {
  actor_registry registry;
  auto probe = std::make_shared<actor_probe>("node/a");
  probe->set_kind("talker");
  probe->count_enqueued(100);
  probe->count_handled();
  registry.add("node/a", {probe, {}, {}, {}});
  const auto text = render_actor_metrics(registry);
  BOOST_TEST(text.find("soc_actor_queue_bytes{path=\"node/a\",kind=\"talker\"} 100\n") != std::string::npos);
  BOOST_TEST(text.find("soc_actor_messages_total{path=\"node/a\",kind=\"talker\"} 1\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_trace_keeps_the_newest_messages_and_numbers_them) {
  actor_probe probe("node/a");
  probe.set_tracing(true);
  for (std::size_t i = 0; i < actor_probe::trace_capacity + 10; ++i)
    probe.trace({static_cast<unix_ns>(i), "say", 0, 0, "handled"});
  std::uint64_t last = 0;
  BOOST_TEST(probe.traced_since(0, last).size() == actor_probe::trace_capacity);
  BOOST_TEST(last == actor_probe::trace_capacity + 10);
  const auto fresh = probe.traced_since(last - 3, last);
  BOOST_REQUIRE(fresh.size() == 3u);
  BOOST_TEST(fresh[2].at == static_cast<unix_ns>(actor_probe::trace_capacity + 9));
}

BOOST_AUTO_TEST_SUITE_END()
