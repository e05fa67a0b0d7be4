#include "transport/node_view.hpp"

#include <boost/test/unit_test.hpp>

using namespace soc::transport;
using namespace std::chrono_literals;

namespace {

const node_view::time_point v0{1h};

node_info known_as(const std::string& name, const std::string& incarnation = "1") {
  node_info out;
  out.node = name;
  out.incarnation = incarnation;
  return out;
}

using name_list = std::vector<std::string>;

/// A view that has been connected for long.
node_view view_of_a() {
  node_view view(known_as("a"), 5s);
  view.set_connected(true, v0 - 1h);
  return view;
}

} // namespace

BOOST_AUTO_TEST_SUITE(view_of_the_nodes)

BOOST_AUTO_TEST_CASE(a_node_is_never_without_itself) {
  auto view = view_of_a();
  BOOST_TEST(!view.check(v0 + 1h));
  BOOST_TEST(view.living() == name_list{"a"});
}

BOOST_AUTO_TEST_CASE(a_heartbeat_brings_a_node_to_life_once) {
  auto view = view_of_a();
  BOOST_TEST(view.hear(known_as("b"), v0));
  BOOST_TEST(!view.hear(known_as("b"), v0 + 1s));
  BOOST_TEST(view.living() == (name_list{"a", "b"}));
}

BOOST_AUTO_TEST_CASE(a_silent_node_is_dead_after_the_span_and_not_before) {
  auto view = view_of_a();
  view.hear(known_as("b"), v0);
  BOOST_TEST(!view.check(v0 + 4999ms));
  BOOST_TEST(view.check(v0 + 5s));
  BOOST_TEST(view.living() == name_list{"a"});
  BOOST_TEST(view.all(v0 + 5s).size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_node_that_says_good_bye_is_gone_at_once) {
  auto view = view_of_a();
  view.hear(known_as("b"), v0);
  auto leaving = known_as("b");
  leaving.leaving = true;
  BOOST_TEST(view.hear(leaving, v0 + 1s));
  BOOST_TEST(view.living() == name_list{"a"});
}

BOOST_AUTO_TEST_CASE(a_node_that_restarts_counts_as_a_change) {
  auto view = view_of_a();
  view.hear(known_as("b", "1"), v0);
  BOOST_TEST(view.hear(known_as("b", "2"), v0 + 1s));
}

BOOST_AUTO_TEST_CASE(nobody_dies_while_the_connection_is_away_nor_right_after) {
  auto view = view_of_a();
  view.hear(known_as("b"), v0);
  view.set_connected(false, v0 + 1s);
  BOOST_TEST(!view.check(v0 + 1h));
  view.set_connected(true, v0 + 1h);
  BOOST_TEST(!view.check(v0 + 1h + 4s));
  BOOST_TEST(view.check(v0 + 1h + 5s));
}

BOOST_AUTO_TEST_CASE(an_old_entry_of_the_book_does_not_live) {
  auto view = view_of_a();
  BOOST_TEST(!view.hear(known_as("b"), v0, 6s));
  BOOST_TEST(view.living() == name_list{"a"});
  BOOST_TEST(view.hear(known_as("c"), v0, 2s));
}

BOOST_AUTO_TEST_CASE(a_description_survives_as_json) {
  auto info = known_as("node-b", "77");
  info.version = "0.1.0";
  info.started_at = 42;
  info.addresses = {{"http", "127.0.0.1:9600"}};
  info.leaving = true;
  const auto back = parse_node_info(to_json(info));
  BOOST_REQUIRE(back);
  BOOST_TEST((*back == info));
}

BOOST_AUTO_TEST_CASE(what_is_no_description_is_refused) {
  for (const auto* text : {"", "{}", "[1]", R"({"node":7})", R"({"node":"a.b"})", R"({"node":"a","addresses":[1]})"})
    BOOST_TEST(!parse_node_info(text));
}

BOOST_AUTO_TEST_SUITE_END()
