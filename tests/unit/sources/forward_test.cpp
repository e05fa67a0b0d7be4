#include "connectors/sources/forward/chunk_batches.hpp"
#include "connectors/sources/forward/forward_messages.hpp"
#include "connectors/sources/forward/msgpack.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/evp.h>
#include <rapidcheck.h>

using namespace soc;
using namespace soc::sources;

namespace {

using bytes = std::string;

bytes text(std::string_view t) {
  return std::string(1, static_cast<char>(0xd9)) + static_cast<char>(t.size()) + std::string(t);
}
bytes map_of(std::initializer_list<std::pair<bytes, bytes>> pairs) {
  bytes out(1, static_cast<char>(0x80 | pairs.size()));
  for (const auto& [key, value] : pairs)
    out += key + value;
  return out;
}
bytes list_of(std::initializer_list<bytes> items) {
  bytes out(1, static_cast<char>(0x90 | items.size()));
  for (const auto& item : items)
    out += item;
  return out;
}
bytes number(std::uint32_t n) {
  bytes out(1, static_cast<char>(0xce));
  for (int shift = 24; shift >= 0; shift -= 8)
    out += static_cast<char>(n >> shift);
  return out;
}
bytes packed(const bytes& inner) {
  return bytes(1, static_cast<char>(0xc5)) + static_cast<char>(inner.size() >> 8) +
         static_cast<char>(inner.size() & 0xff) + inner;
}

std::string joined(const result<forward_message>& read) {
  if (!read)
    return "refused: " + read.error().what;
  std::string out;
  for (const auto& record : read->records)
    out += record + "|";
  return out + read->chunk;
}

const bytes record = map_of({{text("log"), text("hello\n")}, {text("stream"), text("stdout")}});

} // namespace

BOOST_AUTO_TEST_SUITE(forward_protocol)

BOOST_AUTO_TEST_CASE(every_mode_of_the_protocol_gives_records_with_their_time_and_tag) {
  const forward_rules rules;
  const std::string first = R"({"time":1748779200,"source":"app.x","event":{"log":"hello\n","stream":"stdout"}}|)";
  BOOST_TEST(joined(read_forward(list_of({text("app.x"), number(1748779200), record}), rules)) == first);
  const auto entry = list_of({number(1748779200), record});
  const auto option = map_of({{text("chunk"), text("c1")}});
  BOOST_TEST(joined(read_forward(list_of({text("app.x"), list_of({entry, entry}), option}), rules)) ==
             first + first + "c1");
  BOOST_TEST(joined(read_forward(list_of({text("app.x"), packed(entry + entry), option}), rules)) ==
             first + first + "c1");
}

BOOST_AUTO_TEST_CASE(times_may_be_whole_or_exact_or_with_metadata) {
  const forward_rules rules;
  bytes exact(1, static_cast<char>(0xd7));
  exact += '\0';
  exact += number(1748779200).substr(1) + number(500000000).substr(1);
  BOOST_TEST(joined(read_forward(list_of({text("t"), exact, map_of({})}), rules)) ==
             R"({"time":1748779200.500000000,"source":"t","event":{}}|)");
  const auto entry = list_of({list_of({exact, map_of({})}), map_of({})});
  BOOST_TEST(joined(read_forward(list_of({text("t"), list_of({entry})}), rules)) ==
             R"({"time":1748779200.500000000,"source":"t","event":{}}|)");
}

BOOST_AUTO_TEST_CASE(the_text_of_a_field_may_be_the_record) {
  forward_rules rules;
  rules.message_key = "log";
  BOOST_TEST(joined(read_forward(list_of({text("t"), number(1), record}), rules)) ==
             R"({"time":1,"source":"t","event":"hello","fields":{"stream":"stdout"}}|)");
  BOOST_TEST(joined(read_forward(list_of({text("t"), number(1), map_of({{text("m"), text("x")}})}), rules)) ==
             R"({"time":1,"source":"t","event":{"m":"x"}}|)");
}

BOOST_AUTO_TEST_CASE(a_record_that_names_its_text_twice_is_read_or_refused) {
  forward_rules rules;
  rules.message_key = "log";
  const auto cut = bytes("\x93") + text("t") + number(1) + "\x82" + text("log") + text("x") + text("log");
  BOOST_TEST(joined(read_forward(cut, rules)).substr(0, 8) == "refused:");
  BOOST_TEST(joined(read_forward(cut + list_of({number(2)}), rules)) ==
             R"({"time":1,"source":"t","event":"x","fields":{"log":[2]}}|)");
}

BOOST_AUTO_TEST_CASE(what_is_no_message_is_refused) {
  const forward_rules rules;
  for (const auto& bad : {bytes("\xc0"), list_of({text("t")}), list_of({number(1), number(1), record}),
                          list_of({text("t"), number(1), number(2)}), list_of({text("t"), list_of({number(1)})}),
                          list_of({text("t"), packed("\xc1\xc1")}), list_of({text("t"), text("x"), text("y")})})
    BOOST_TEST(joined(read_forward(bad, rules)).substr(0, 8) == "refused:");
}

BOOST_AUTO_TEST_CASE(any_bytes_end_or_are_cut_or_broken_and_never_read_past) {
  BOOST_TEST(rc::check([] {
    const auto any = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
    msgpack_extent_scan whole;
    const auto extent = whole.look(any);
    msgpack_extent_scan piecewise;
    auto last = msgpack_extent::cut;
    std::size_t given = 0;
    while (given < any.size() && last == msgpack_extent::cut)
      last = piecewise.look(std::string_view(any).substr(0, ++given));
    RC_ASSERT(any.empty() || last == extent);
    if (extent == msgpack_extent::whole) {
      RC_ASSERT(whole.size() == piecewise.size());
      msgpack_reader reader(any);
      RC_ASSERT(reader.skip());
      RC_ASSERT(reader.at() == whole.size());
    }
    (void)read_forward(any, {});
  }));
}

BOOST_AUTO_TEST_CASE(a_ping_is_answered_by_whether_it_knows_the_key) {
  const auto digest = [](const std::string& t) {
    unsigned char hash[64];
    unsigned int size = 0;
    EVP_Digest(t.data(), t.size(), hash, &size, EVP_sha512(), nullptr);
    std::string hex;
    for (unsigned int i = 0; i < size; ++i) {
      static constexpr char digits[] = "0123456789abcdef";
      hex += digits[hash[i] >> 4];
      hex += digits[hash[i] & 15];
    }
    return hex;
  };
  const auto ping = [&](const std::string& key) {
    return list_of({text("PING"), text("client"), text("salt"), text(digest("saltclient" + std::string("nonce") + key)),
                    text(""), text("")});
  };
  const auto good = answer_ping(ping("key"), "nonce", "key", "soc");
  BOOST_TEST_REQUIRE(static_cast<bool>(good));
  BOOST_TEST(good->accepted);
  BOOST_TEST(good->text.find(digest("saltsocnoncekey")) != std::string::npos);
  BOOST_TEST(!answer_ping(ping("other"), "nonce", "key", "soc")->accepted);
  BOOST_TEST(!answer_ping(list_of({text("PONG")}), "nonce", "key", "soc"));
}

BOOST_AUTO_TEST_CASE(a_chunk_is_acknowledged_when_all_of_its_batches_are_durable) {
  handoff_queue queue(
      64 << 20, [] {}, [] {});
  int woken = 0;
  chunk_batches batches(std::make_shared<model::connector_context>(), queue, [&] { ++woken; });
  const std::vector<std::string> many(3, std::string(700'000, 'x'));
  batches.add("peer", many, {7, "big"}, 1);
  batches.add("peer", {"y"}, {7, "small"}, 1);
  BOOST_TEST(batches.flush());
  std::vector<std::uint64_t> tickets;
  for (std::uint64_t ticket = 1; batches.next(ticket); ++ticket)
    tickets.push_back(ticket);
  BOOST_TEST_REQUIRE(tickets.size() == 2U);
  batches.settled(2);
  auto due = batches.take_due();
  BOOST_TEST_REQUIRE(due.size() == 1U);
  BOOST_TEST(due[0].chunk == "small");
  batches.settled(2); // said twice
  batches.settled(1);
  due = batches.take_due();
  BOOST_TEST_REQUIRE(due.size() == 1U);
  BOOST_TEST(due[0].chunk == "big");
  BOOST_TEST(due[0].connection == 7U);
  BOOST_TEST(woken == 2);
}

BOOST_AUTO_TEST_CASE(a_chunk_without_records_is_acknowledged_at_once) {
  handoff_queue queue(
      1 << 20, [] {}, [] {});
  chunk_batches batches(std::make_shared<model::connector_context>(), queue, [] {});
  batches.add("peer", {}, {1, "empty"}, 1);
  BOOST_TEST(batches.take_due().size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
