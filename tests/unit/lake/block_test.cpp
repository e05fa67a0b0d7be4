// Blocks: what goes in comes out, by row, by entity, by condition; damage is found.
#include "events.hpp"
#include "lake/core/column.hpp"

#include <boost/test/unit_test.hpp>

#include <numeric>
#include <rapidcheck.h>

using namespace soc;
using namespace soc::lake;
using namespace soc::test;
using model::value;

namespace {

std::vector<std::uint32_t> all_rows(const block_reader& block) {
  std::vector<std::uint32_t> rows(block.entry().rows);
  std::iota(rows.begin(), rows.end(), 0U);
  return rows;
}

/// Values of every kind, in lists too.
rc::Gen<value> any_value(arena& memory, int depth) {
  const auto text = rc::gen::map(rc::gen::arbitrary<std::string>(),
                                 [&memory](const std::string& s) { return value::of_string(memory.copy(s)); });
  const auto plain =
      rc::gen::oneOf(text, rc::gen::just(value{}), rc::gen::map(rc::gen::arbitrary<bool>(), value::of_bool),
                     rc::gen::map(rc::gen::arbitrary<std::int64_t>(), value::of_int),
                     rc::gen::map(rc::gen::inRange(-1000, 1000), [](int n) { return value::of_real(n / 8.0); }));
  if (depth == 0)
    return plain;
  const auto list = rc::gen::map(rc::gen::container<std::vector<value>>(any_value(memory, depth - 1)),
                                 [&memory](const std::vector<value>& items) {
                                   auto* at = memory.make_array<value>(items.size());
                                   std::copy(items.begin(), items.end(), at);
                                   return value::of_list({at, items.size()});
                                 });
  return rc::gen::oneOf(plain, list);
}

void require_equal(const model::event_batch& a, const model::event& x, const model::event_batch& b,
                   const model::event& y) {
  RC_ASSERT(model::event_id(a, x) == model::event_id(b, y));
  RC_ASSERT(x.raw == y.raw && x.time == y.time && x.class_uid == y.class_uid && x.mapped == y.mapped);
  RC_ASSERT(x.type->vendor == y.type->vendor && x.type->name == y.type->name);
  for (const bool is_ocsf : {false, true}) {
    const auto left = is_ocsf ? x.ocsf : x.native, right = is_ocsf ? y.ocsf : y.native;
    RC_ASSERT(left.size() == right.size());
    for (std::size_t i = 0; i < left.size(); ++i)
      RC_ASSERT(left[i].name() == right[i].name() && left[i].data == right[i].data);
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(a_column_gives_back_any_values) {
  BOOST_TEST(rc::check([] {
    arena memory;
    const auto values = *rc::gen::oneOf(
        rc::gen::container<std::vector<value>>(any_value(memory, 2)),
        rc::gen::container<std::vector<value>>(rc::gen::map(rc::gen::inRange(0, 3), value::of_int)),
        rc::gen::container<std::vector<value>>(rc::gen::map(rc::gen::arbitrary<std::int64_t>(), value::of_int)),
        rc::gen::container<std::vector<value>>(rc::gen::map(
            rc::gen::inRange(0, 5), [&](int n) { return value::of_string(memory.copy(std::string(n, 'x'))); })));
    std::string bytes;
    encode_column(values, bytes);
    const auto read = decode_column(bytes, values.size(), memory);
    RC_ASSERT(read);
    RC_ASSERT(std::equal(read->begin(), read->end(), values.begin(), values.end()));
  }));
}

BOOST_AUTO_TEST_CASE(a_column_that_is_cut_or_changed_never_reads_past_its_bytes) {
  BOOST_TEST(rc::check([](const std::vector<std::string>& texts, std::uint8_t by) {
    arena memory;
    std::vector<value> values;
    for (const auto& t : texts)
      values.push_back(value::of_string(t));
    std::string bytes;
    encode_column(values, bytes);
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      (void)decode_column(std::string_view(bytes).substr(0, cut), values.size(), memory);
      auto changed = bytes;
      changed[cut] = static_cast<char>(changed[cut] ^ by);
      (void)decode_column(changed, values.size(), memory);
    }
  }));
}

BOOST_AUTO_TEST_CASE(a_block_gives_back_the_events_it_was_made_of) {
  BOOST_TEST(rc::check([] {
    event_maker a("default", "/a"), b("other", "/b");
    const auto count = *rc::gen::inRange(1, 30);
    for (int i = 0; i < count; ++i) {
      auto& maker = *rc::gen::arbitrary<bool>() ? a : b;
      std::vector<test_field> fields;
      for (int n = *rc::gen::inRange(0, 6); n > 0; --n)
        fields.push_back({*rc::gen::arbitrary<bool>(),
                          *rc::gen::element<std::string>("msg", "a", "b", "file.path", "unknown to all"),
                          *any_value(maker.batch->memory, 1)});
      maker.add(*rc::gen::arbitrary<std::int32_t>(), *rc::gen::arbitrary<std::string>(), fields);
    }
    const std::vector<std::shared_ptr<model::event_batch>> in{a.finish(), b.finish()};
    const auto made = block_of(in);
    auto block = block_reader::open(made.frame);
    RC_ASSERT(block);
    RC_ASSERT(block->verify());
    const auto out = block->events(all_rows(*block), a.names, nullptr);
    RC_ASSERT(out);
    std::vector<std::pair<const model::event_batch*, const model::event*>> before, after(made.entry.rows);
    for (const auto& batch : in)
      for (const auto& ev : batch->events)
        before.emplace_back(batch.get(), &ev);
    for (const auto& batch : *out)
      for (std::size_t i = 0; i < batch.rows.size(); ++i)
        after[batch.rows[i]] = {batch.batch.get(), &batch.batch->events[i]};
    RC_ASSERT(before.size() == after.size());
    for (std::size_t i = 0; i < before.size(); ++i)
      require_equal(*before[i].first, *before[i].second, *after[i].first, *after[i].second);
  }));
}

BOOST_AUTO_TEST_CASE(rows_are_found_by_every_name_of_an_entity) {
  event_maker make;
  make.simple(10, "203.0.113.9", "one");
  make.add(20, "two", {{true, "device.hostname", make.text("WEB-1")}, {true, "file.path", make.text("/tmp/X")}});
  make.simple(30, "::ffff:203.0.113.9", "three");
  auto made = block_of({make.finish()});
  auto block = block_reader::open(made.frame);
  BOOST_REQUIRE(block);
  const auto rows = [&](const char* asked) { return *block->rows_with(entity_query::of(asked).terms); };
  using numbers = std::vector<std::uint32_t>;
  BOOST_TEST(rows("ip:203.0.113.9") == (numbers{0, 2}), boost::test_tools::per_element());
  BOOST_TEST(rows("203.0.113.9") == (numbers{0, 2}), boost::test_tools::per_element());
  BOOST_TEST(rows("file:/tmp/x") == (numbers{1}), boost::test_tools::per_element());
  BOOST_TEST(rows("file:web-1|/tmp/X") == (numbers{1}), boost::test_tools::per_element());
  BOOST_TEST(rows("host:web-1") == (numbers{0, 1, 2}), boost::test_tools::per_element());
  BOOST_TEST(rows("user:web-1").empty());
  BOOST_TEST(may_hold(made.entry.filter, entity_query::of("ip:203.0.113.9").terms[0]));
  BOOST_TEST(!may_hold(made.entry.filter, entity_query::of("ip:203.0.113.10").terms[0]));
}

BOOST_AUTO_TEST_CASE(a_filter_has_every_term_and_few_others) {
  BOOST_TEST(rc::check([](const std::vector<entity_term>& terms) {
    const auto filter = make_filter(terms);
    for (const auto term : terms)
      RC_ASSERT(may_hold(filter, term));
  }));
  std::vector<entity_term> terms(20'000);
  std::iota(terms.begin(), terms.end(), 0U);
  const auto filter = make_filter(terms);
  int wrong = 0;
  for (entity_term t = 20'000; t < 120'000; ++t)
    wrong += may_hold(filter, t) ? 1 : 0;
  BOOST_TEST(wrong < 2'000); // of 100,000
}

BOOST_AUTO_TEST_CASE(a_condition_sees_the_fields_it_asked_for_and_no_others) {
  event_maker make;
  for (int i = 0; i < 10; ++i)
    make.simple(i, "203.0.113." + std::to_string(i), i % 3 == 0 ? "bad" : "fine");
  const auto made = block_of({make.finish()});
  auto block = block_reader::open(made.frame);
  BOOST_REQUIRE(block);
  projection fields;
  fields.native = {"msg"};
  const auto rows = block->matching({1, 3, 4, 6}, fields, *make.names, [&](const model::event& ev) {
    BOOST_TEST(ev.native.size() == 1u);
    BOOST_TEST(ev.ocsf.empty());
    return ev.native_value(make.names->find("msg")).text() == "bad";
  });
  BOOST_REQUIRE(rows);
  BOOST_TEST(*rows == (std::vector<std::uint32_t>{3, 6}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(rows_are_told_apart_by_time_and_tenant) {
  event_maker a("alpha"), b("beta");
  for (int i = 0; i < 4; ++i) {
    a.simple(i * 10, "10.0.0.1", "a");
    b.simple(i * 10, "10.0.0.1", "b");
  }
  const auto made = block_of({a.finish(), b.finish()});
  auto block = block_reader::open(made.frame);
  BOOST_REQUIRE(block);
  BOOST_TEST(block->rows_within(10, 30, "beta", nullptr)->size() == 2u);
  BOOST_TEST(block->rows_within(10, 30, "", nullptr)->size() == 4u);
  const std::vector<std::uint32_t> among{0, 1, 2};
  BOOST_TEST(block->rows_within(10, 100, "alpha", &among)->size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_block_with_one_byte_changed_is_refused_or_reads_the_same) {
  event_maker make;
  for (int i = 0; i < 20; ++i)
    make.simple(i, "203.0.113.7", "message " + std::to_string(i));
  const auto made = block_of({make.finish()});
  for (std::size_t at = 0; at < made.frame.size(); ++at) {
    auto damaged = made.frame;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    auto block = block_reader::open(damaged);
    BOOST_TEST((!block || !block->verify()));
  }
}

BOOST_AUTO_TEST_CASE(a_builder_knows_how_many_columns_its_block_has) {
  event_maker make;
  make.add(1, "", {{false, "a", make.text("x")}, {true, "a", make.text("x")}});
  make.add(2, "", {{false, "a", make.text("y")}, {false, "b", make.text("y")}});
  const auto batch = make.finish();
  block_builder builder(1);
  for (const auto& ev : batch->events)
    builder.add(*batch, ev, {});
  BOOST_TEST(builder.columns() == 3u);
  (void)builder.finish();
  BOOST_TEST(builder.columns() == 0u);
}

BOOST_AUTO_TEST_CASE(equal_fields_are_kept_once) {
  event_maker once, twice;
  for (int i = 0; i < 500; ++i) {
    std::string noise;
    for (int n = 0; n < 20; ++n)
      noise += static_cast<char>('a' + (i * 7919 + n * 104729) % 9973 % 26);
    once.add(i, "", {{false, "a", once.text(noise)}});
    twice.add(i, "", {{false, "a", twice.text(noise)}, {true, "b", twice.text(noise)}});
  }
  const auto small = block_of({once.finish()}).frame.size(), large = block_of({twice.finish()}).frame.size();
  BOOST_TEST(large < small + 200);
}
