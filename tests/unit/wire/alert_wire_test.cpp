#include "unit/wire/samples.hpp"
#include "wire/alert_wire.hpp"

#include <boost/test/unit_test.hpp>

#include <rapidcheck.h>

using namespace soc;
using namespace soc::wire;

BOOST_AUTO_TEST_SUITE(alert_wire)

BOOST_AUTO_TEST_CASE(an_alert_survives_the_wire_in_every_field) {
  const auto bytes = encode(samples::full_alert());
  BOOST_REQUIRE(bytes);
  const auto back = decode_alert(*bytes);
  BOOST_REQUIRE(back);
  BOOST_TEST(samples::same(*back, samples::full_alert()));
}

BOOST_AUTO_TEST_CASE(a_payload_at_any_address_is_read) {
  const auto bytes = encode(samples::full_alert());
  for (std::size_t shift = 0; shift < 8; ++shift) {
    const std::string shifted = std::string(shift, 'x') + *bytes;
    BOOST_TEST(static_cast<bool>(decode_alert(std::string_view(shifted).substr(shift))));
  }
}

BOOST_AUTO_TEST_CASE(a_batch_keeps_its_order) {
  std::vector<model::alert_ptr> alerts;
  for (int i = 0; i < 20; ++i) {
    auto a = samples::full_alert();
    a.id = "alert-" + std::to_string(i);
    alerts.push_back(std::make_shared<const model::alert>(a));
  }
  const auto bytes = encode(alerts);
  BOOST_REQUIRE(bytes);
  const auto back = decode_alerts(*bytes);
  BOOST_REQUIRE(back);
  BOOST_REQUIRE_EQUAL(back->size(), alerts.size());
  for (std::size_t i = 0; i < alerts.size(); ++i)
    BOOST_TEST(samples::same(*(*back)[i], *alerts[i]));
}

BOOST_AUTO_TEST_CASE(every_prefix_of_a_message_ends_in_a_failure_or_an_alert) {
  const auto bytes = encode(samples::full_alert());
  std::size_t refused = 0;
  for (std::size_t size = 0; size < bytes->size(); ++size)
    if (!decode_alert(std::string_view(*bytes).substr(0, size)))
      ++refused;
  BOOST_TEST(refused > bytes->size() / 2);
}

BOOST_AUTO_TEST_CASE(junk_never_throws) {
  BOOST_TEST(rc::check("decode of any bytes", [](const std::string& junk) {
    (void)decode_alert(junk);
    (void)decode_alerts(junk);
  }));
}

BOOST_AUTO_TEST_CASE(a_flipped_byte_never_throws) {
  const auto bytes = *encode(samples::full_alert());
  BOOST_TEST(rc::check("decode of damaged messages", [&](std::uint32_t at, std::uint8_t flip) {
    auto damaged = bytes;
    damaged[at % damaged.size()] = static_cast<char>(damaged[at % damaged.size()] ^ flip);
    (void)decode_alert(damaged);
  }));
}

BOOST_AUTO_TEST_CASE(texts_for_people_are_cut_on_a_character_boundary) {
  auto a = samples::full_alert();
  a.title.clear();
  while (a.title.size() < 2 * max_title_bytes)
    a.title += "\xE2\x82\xAC"; // three bytes
  const auto back = decode_alert(*encode(a));
  BOOST_REQUIRE(back);
  BOOST_TEST(back->title.size() <= max_title_bytes);
  BOOST_TEST(back->title.size() % 3 == 0U);
}

BOOST_AUTO_TEST_CASE(long_entity_keys_stay_distinct) {
  const std::string beginning(2 * max_entity_key_bytes, 'k');
  const auto one = bounded_key(beginning + "1"), two = bounded_key(beginning + "2");
  BOOST_TEST(one.size() <= max_entity_key_bytes);
  BOOST_TEST(one != two);
  BOOST_TEST(one == bounded_key(beginning + "1"));
  BOOST_TEST(bounded_key("short") == "short");
}

BOOST_AUTO_TEST_CASE(an_alert_without_an_id_is_refused) {
  auto a = samples::full_alert();
  a.id.clear();
  BOOST_TEST(static_cast<int>(encode(a).error().code) == static_cast<int>(ec::invalid_input));
}

BOOST_AUTO_TEST_CASE(an_overlong_id_is_refused_not_cut) {
  auto a = samples::full_alert();
  a.id.assign(max_id_bytes + 1, 'a');
  BOOST_TEST(static_cast<int>(encode(a).error().code) == static_cast<int>(ec::too_large));
}

BOOST_AUTO_TEST_CASE(the_largest_alert_fits_one_nats_message) {
  auto a = samples::full_alert();
  const std::string big(64 * 1024, 'b');
  a.title = a.description = a.rule_id = a.vendor = a.product = a.cloud = a.account = a.region = a.host = a.stage = big;
  a.tags.assign(1000, big);
  a.techniques.assign(1000, {big, big});
  a.entities.assign(1000, {model::entity_type::url, model::entity_role::target, big, big});
  a.records.assign(1000, {big, 0, big, big, big});
  const auto bytes = encode(a);
  BOOST_REQUIRE(bytes);
  BOOST_TEST(bytes->size() < (1U << 20));
  BOOST_TEST(static_cast<bool>(decode_alert(*bytes)));
}

BOOST_AUTO_TEST_SUITE_END()
