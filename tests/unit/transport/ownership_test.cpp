#include "transport/ownership.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <map>
#include <rapidcheck.h>

using namespace soc::transport;

namespace {

std::vector<std::string> node_names(std::size_t count, const std::string& salt) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < count; ++i)
    out.push_back("node-" + salt + std::to_string(i));
  return out;
}

std::string ownership_salt(std::uint32_t number) {
  return std::to_string(number) + "-";
}

} // namespace

BOOST_AUTO_TEST_SUITE(ownership)

BOOST_AUTO_TEST_CASE(nobody_owns_without_nodes) {
  BOOST_TEST(owner_of("k", {}).empty());
}

BOOST_AUTO_TEST_CASE(the_order_of_nodes_does_not_matter) {
  BOOST_TEST(rc::check("same owner for any order", [](const std::string& key, std::uint32_t salt) {
    const auto nodes = node_names(*rc::gen::inRange(1, 12), ownership_salt(salt));
    auto turned = nodes;
    std::rotate(turned.begin(), turned.begin() + static_cast<long>(turned.size() / 2), turned.end());
    RC_ASSERT(owner_of(key, nodes) == owner_of(key, turned));
  }));
}

BOOST_AUTO_TEST_CASE(only_the_keys_of_a_dead_node_move) {
  BOOST_TEST(rc::check("others keep their keys", [](const std::vector<std::string>& keys, std::uint32_t salt) {
    const auto nodes = node_names(*rc::gen::inRange(2, 12), ownership_salt(salt));
    const auto dead = *rc::gen::elementOf(nodes);
    auto living = nodes;
    living.erase(std::find(living.begin(), living.end(), dead));
    for (const auto& key : keys) {
      const std::string before(owner_of(key, nodes));
      const std::string after(owner_of(key, living));
      RC_ASSERT(after != dead);
      RC_ASSERT(before == dead || before == after);
    }
  }));
}

BOOST_AUTO_TEST_CASE(a_node_that_joins_takes_keys_only_for_itself) {
  BOOST_TEST(rc::check("nothing moves between old nodes", [](const std::vector<std::string>& keys, std::uint32_t salt) {
    const auto nodes = node_names(*rc::gen::inRange(1, 12), ownership_salt(salt));
    auto more = nodes;
    more.push_back("joined");
    for (const auto& key : keys)
      RC_ASSERT(owner_of(key, more) == "joined" || owner_of(key, more) == owner_of(key, nodes));
  }));
}

BOOST_AUTO_TEST_CASE(keys_are_spread_evenly) {
  for (const std::size_t count : {2U, 3U, 5U, 8U}) {
    const auto nodes = node_names(count, "b");
    std::map<std::string, int> owned;
    constexpr int keys = 20'000;
    for (int i = 0; i < keys; ++i)
      ++owned[std::string(owner_of("incident-" + std::to_string(i), nodes))];
    const double fair = static_cast<double>(keys) / static_cast<double>(count);
    for (const auto& [node, number] : owned) {
      BOOST_TEST(number > 0.9 * fair);
      BOOST_TEST(number < 1.1 * fair);
    }
    BOOST_TEST(owned.size() == count);
  }
}

BOOST_AUTO_TEST_SUITE_END()
