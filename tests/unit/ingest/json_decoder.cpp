#include "ingest/core/json_decoder.hpp"

#include "model/event.hpp"

#include <boost/test/unit_test.hpp>

#include <cstring>

using namespace soc;

namespace {

/// Decodes and prints "name=value;…" so that a test says what it wants in one line.
struct json_reader {
  std::shared_ptr<model::field_dictionary> names = std::make_shared<model::field_dictionary>();
  ingest::json_options options;
  arena memory;
  std::vector<model::slot> slots;
  ingest::json_failure failure;

  std::string read(std::string text) {
    ingest::json_decoder decoder(names, options);
    slots.clear();
    text.reserve(text.size() + ingest::json_decoder::padding);
    kept = std::move(text);
    if (auto failed = decoder.decode(kept, memory, slots)) {
      failure = *failed;
      return "failed";
    }
    std::string out;
    for (const auto& s : slots) {
      out += std::string(s.name()) + "=" + (s.data.is_list() ? "[" + s.data.to_text() + "]" : s.data.to_text()) + ";";
    }
    return out;
  }
  std::string kept;
};

} // namespace

BOOST_AUTO_TEST_SUITE(json_decoding)

BOOST_AUTO_TEST_CASE(nested_names_are_joined_and_lists_of_maps_flattened) {
  json_reader r;
  BOOST_TEST(r.read(R"({"a":{"b":1,"c":{"d":"x"}},"l":[1,"x",[2]],"m":[{"e":1},{"e":2,"f":{"g":3}}]})") ==
             "a.b=1;a.c.d=x;l=[1, x, 2];m.e=[1, 2];m.f.g=[3];");
}

BOOST_AUTO_TEST_CASE(scalars_keep_their_kinds) {
  json_reader r;
  BOOST_TEST(r.read(R"({"i":-5,"r":2.5,"t":true,"n":null,"s":"","e":{},"l":[]})") ==
             "i=-5;r=2.5;t=true;n=;s=;e={};l=[];");
  BOOST_TEST(static_cast<int>(r.slots[0].data.kind()) == static_cast<int>(model::value_kind::integer));
  BOOST_TEST(static_cast<int>(r.slots[1].data.kind()) == static_cast<int>(model::value_kind::real));
  BOOST_TEST(r.slots[3].data.is_null());
}

BOOST_AUTO_TEST_CASE(numbers_beyond_64_bits_keep_their_digits) {
  json_reader r;
  BOOST_TEST(r.read(R"({"a":18446744073709551615, "b":123456789012345678901234567890 })") ==
             "a=18446744073709551615;b=123456789012345678901234567890;");
}

BOOST_AUTO_TEST_CASE(escapes_are_undone) {
  json_reader r;
  BOOST_TEST(r.read(R"({"p":"C:\\a\\\"b\"\/\b\f\n\r\t","u":"\u00e9\ud83d\ude00\ud800x","k\"\u0041":1})") ==
             "p=C:\\a\\\"b\"/\b\f\n\r\t;u=\xc3\xa9\xf0\x9f\x98\x80\xef\xbf\xbdx;k\"A=1;");
}

BOOST_AUTO_TEST_CASE(invalid_utf8_is_read_as_replacement_characters) {
  json_reader r;
  BOOST_TEST(r.read("{\"a\":\"x\xff\xfey\"}") == "a=x\xef\xbf\xbd\xef\xbf\xbdy;");
}

BOOST_AUTO_TEST_CASE(unknown_names_are_skipped_on_demand) {
  json_reader r;
  r.names->intern("a.b");
  r.names->intern("l.x");
  r.options.keep_unknown = false;
  BOOST_TEST(r.read(R"({"z":"\\","a":{"b":"y","q":[1,{"r":2}]},"l":[{"x":1,"y":2}],"o":{}})") == "a.b=y;l.x=[1];");
  BOOST_TEST(r.slots[0].id == r.names->find("a.b"));
}

BOOST_AUTO_TEST_CASE(only_wanted_names_are_read_also_without_their_blanks) {
  json_reader r;
  auto wanted = std::make_shared<std::vector<bool>>();
  for (const auto* name : {"a", "ThreatName", "l.x"}) {
    const auto id = r.names->intern(name);
    wanted->resize(id + 1);
    (*wanted)[id] = true;
  }
  r.names->intern("b");
  r.options.keep_unknown = false;
  r.options.wanted = wanted;
  BOOST_TEST(r.read(R"({"a":"x","b":"y","z":"\\","Threat Name":"t","l":[{"x":1,"y":2}],"b":{"a":3}})") ==
             "a=x;ThreatName=t;l.x=[1];");
}

BOOST_AUTO_TEST_CASE(what_is_too_deep_stays_json_text) {
  json_reader r;
  r.options.max_depth = 2;
  BOOST_TEST(r.read(R"({"a":{"b":{"c":{"d":1}},"l":[[{"x":1}]]}})") == "a.b.c={\"d\":1};a.l=[[{\"x\":1}]];");
}

BOOST_AUTO_TEST_CASE(malformed_documents_are_failures_with_a_place) {
  for (const char* text :
       {"", "{", "[1]", "7", "{\"a\":}", "{\"a\":1", "{\"a\":1}}", "{\"a\":1} {\"b\":2}", "{\"a\":tru}",
        "{\"a\":\"\\q\"}", "{\"a\":1 \"b\":2}", "{\"a\":\"x\ny\"}", "{\"a\":[1,}", "{\"a\":1x}"}) {
    json_reader r;
    BOOST_TEST(r.read(text) == "failed", text);
    BOOST_TEST(r.slots.empty());
    BOOST_TEST(!r.failure.reason.empty());
  }
}

BOOST_AUTO_TEST_CASE(too_many_fields_are_a_failure) {
  json_reader r;
  r.options.max_fields = 2;
  BOOST_TEST(r.read(R"({"a":1,"b":2,"c":3})") == "failed");
  BOOST_TEST(r.failure.reason.find("more than 2 fields") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(names_of_nested_keys_take_no_more_than_a_multiple_of_the_document) {
  json_reader r;
  std::string leaves;
  for (int i = 0; i < 5000; ++i)
    leaves += "\"a\":1,";
  const auto document = "{\"" + std::string(3000, 'k') + "\":{" + leaves + "\"z\":1}}";
  BOOST_TEST(r.read(document) == "failed");
  BOOST_TEST(r.failure.reason.find("many times the document's size") != std::string::npos);
  BOOST_TEST(r.memory.reserved_bytes() < 64 * document.size());
  BOOST_TEST(r.read("{\"" + std::string(4000, 'k') + "\":{\"" + std::string(200, 'l') + "\":1}}") == "failed");
  BOOST_TEST(r.failure.reason.find("longer than 4096 bytes") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(long_names_are_found_and_kept_like_short_ones) {
  json_reader r;
  const std::string known(300, 'k'), unknown(5000, 'u');
  const auto id = r.names->intern("a." + known);
  BOOST_TEST(r.read("{\"a\":{\"" + known + "\":1},\"" + unknown + "\":2}") == "a." + known + "=1;" + unknown + "=2;");
  BOOST_TEST(r.slots[0].id == id);
}

BOOST_AUTO_TEST_SUITE_END()
