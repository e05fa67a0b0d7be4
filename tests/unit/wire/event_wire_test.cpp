#include "wire/event_wire.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <rapidcheck.h>

using namespace soc;
using namespace soc::model;

namespace {

slot event_slot(arena& memory, const field_dictionary& dictionary, std::string_view name, value data) {
  const auto text = memory.copy(name);
  return {dictionary.find(name), static_cast<std::uint32_t>(text.size()), text.data(), data};
}

dictionary_ptr event_dictionary() {
  auto names = std::make_shared<field_dictionary>();
  names->intern("src_ip");
  names->intern("src_endpoint.ip");
  return names;
}

event_batch sample_events() {
  static const log_type nginx{"nginx", "access", "", "nginx", "", "webserver"};
  auto context = std::make_shared<connector_context>();
  context->connector = "web";
  context->tenant = "acme";
  context->region = "eu";
  auto raw = std::make_shared<raw_batch>();
  raw->context = context;
  raw->origin = "/var/log/a.log";
  raw->received_at = 42;
  raw->add("GET / 1", 100);
  raw->add(std::string_view("GET \0\xFF 2", 9), 108);
  event_batch batch;
  batch.raw = raw;
  batch.dictionary = event_dictionary();
  auto* nested = batch.memory.make_array<value>(2);
  nested[0] = value::of_int(-7);
  nested[1] = value::of_real(0.5);
  for (std::uint32_t i = 0; i < 2; ++i) {
    auto* native = batch.memory.make_array<slot>(3);
    native[0] = event_slot(batch.memory, *batch.dictionary, "src_ip", value::of_string("192.0.2.1"));
    native[1] = event_slot(batch.memory, *batch.dictionary, "not.interned", value::of_list({nested, 2}));
    native[2] = event_slot(batch.memory, *batch.dictionary, "flag", i == 0 ? value::of_bool(true) : value());
    auto* ocsf = batch.memory.make_array<slot>(1);
    ocsf[0] = event_slot(batch.memory, *batch.dictionary, "src_endpoint.ip", value::of_string("192.0.2.1"));
    batch.events.push_back({&nginx, raw->record(i), {native, 3}, {ocsf, 1}, 1'700'000'000 + i, 4002, i, true});
  }
  return batch;
}

void check_equal_slots(std::span<const slot> a, std::span<const slot> b) {
  BOOST_REQUIRE_EQUAL(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    BOOST_TEST(a[i].name() == b[i].name());
    BOOST_TEST(a[i].id == b[i].id);
    BOOST_TEST((a[i].data == b[i].data));
  }
}

} // namespace

BOOST_AUTO_TEST_SUITE(event_wire)

BOOST_AUTO_TEST_CASE(events_survive_the_wire_with_ids_slots_and_raw_bytes) {
  const auto batch = sample_events();
  const auto bytes = wire::encode(batch);
  BOOST_REQUIRE(bytes);
  const auto back = wire::decode_events(*bytes, event_dictionary());
  BOOST_REQUIRE(back);
  const auto& read = **back;
  BOOST_REQUIRE_EQUAL(read.events.size(), 2U);
  BOOST_TEST(read.raw->context->tenant == "acme");
  BOOST_TEST(read.raw->received_at == 42);
  for (std::size_t i = 0; i < 2; ++i) {
    BOOST_TEST(event_id(read, read.events[i]) == event_id(batch, batch.events[i]));
    BOOST_TEST(read.events[i].raw == batch.events[i].raw);
    BOOST_TEST(read.events[i].class_uid == 4002U);
    BOOST_TEST(read.events[i].mapped);
    BOOST_TEST(read.events[i].type->sigma_category == "webserver");
    check_equal_slots(read.events[i].native, batch.events[i].native);
    check_equal_slots(read.events[i].ocsf, batch.events[i].ocsf);
  }
}

BOOST_AUTO_TEST_CASE(lists_nested_too_deep_become_text) {
  auto batch = sample_events();
  value deep = value::of_int(1);
  for (int i = 0; i < 40; ++i) {
    auto* inner = batch.memory.make_array<value>(1);
    inner[0] = deep;
    deep = value::of_list({inner, 1});
  }
  auto* native = batch.memory.make_array<slot>(1);
  native[0] = event_slot(batch.memory, *batch.dictionary, "deep", deep);
  batch.events[0].native = {native, 1};
  const auto back = wire::decode_events(*wire::encode(batch), nullptr);
  BOOST_REQUIRE(back);
  BOOST_TEST((*back)->events[0].native[0].data.to_text() == "1");
}

BOOST_AUTO_TEST_CASE(damaged_batches_never_throw) {
  const auto bytes = *wire::encode(sample_events());
  BOOST_TEST(rc::check("decode of damaged batches", [&](std::uint32_t at, std::uint8_t flip, std::uint32_t size) {
    auto damaged = bytes.substr(0, size % 4 == 0 ? size % bytes.size() : bytes.size());
    if (!damaged.empty())
      damaged[at % damaged.size()] = static_cast<char>(damaged[at % damaged.size()] ^ flip);
    (void)wire::decode_events(damaged, nullptr);
  }));
}

BOOST_AUTO_TEST_SUITE_END()
