// Looking into one member of a document must give what parsing all of it gives.
#include "ingest/core/json_string.hpp"
#include "ingest/core/record_context.hpp"

#include <boost/test/unit_test.hpp>

#include <rapidcheck.h>

using namespace soc;

namespace {

rc::Gen<std::string> any_value(int depth);

rc::Gen<std::string> any_space() {
  return rc::gen::element<std::string>("", "", " ", "\n ", "\t");
}

/// {…} with keys that hold dots and brackets, or come twice.
rc::Gen<std::string> any_object(int depth) {
  return rc::gen::exec([depth] {
    std::string out = "{";
    const int n = *rc::gen::inRange(0, 5);
    for (int i = 0; i < n; ++i) {
      out += (i > 0 ? "," : "") + *any_space();
      out += "\"" + *rc::gen::element<std::string>("a", "b", "ab", "a.b", "a[0]", "b.a", "c") + "\"" + *any_space() +
             ":" + *any_space();
      out += *any_value(depth - 1) + *any_space();
    }
    return out + "}";
  });
}

rc::Gen<std::string> any_value(int depth) {
  const auto plain = rc::gen::element<std::string>("1", "-7", "0", "-0", "1.50", "2e3", "true", "null", "\"x\"", "\"\"",
                                                   "\"a b\"", "\"q\\\"\\\\\"", "\"{]\"", "[]", "{}");
  if (depth <= 0)
    return plain;
  return rc::gen::exec([=] {
    switch (*rc::gen::inRange(0, 4)) {
    case 0:
      return *any_object(depth);
    case 1: {
      std::string out = "[";
      const int n = *rc::gen::inRange(0, 4);
      for (int i = 0; i < n; ++i)
        out += (i > 0 ? "," : "") + *any_space() + *any_value(depth - 1) + *any_space();
      return out + "]";
    }
    default:
      return *plain;
    }
  });
}

struct both_ways {
  std::shared_ptr<model::field_dictionary> names = std::make_shared<model::field_dictionary>();
  ingest::json_decoder decoder{names};
  ingest::json_trees whole, members;
  arena memory;
  std::string text;

  bool take(const std::string& document) {
    text = document;
    text.reserve(text.size() + ingest::json_decoder::padding);
    std::vector<model::slot> slots;
    if (decoder.decode(text, memory, slots))
      return false;
    whole.clear();
    members.clear();
    whole.add({{}, text});
    members.add({{}, text}, decoder.members());
    return true;
  }
  static std::string found(ingest::json_trees& trees, std::string_view path) {
    simdjson::dom::element at;
    return trees.find(path, at) ? simdjson::minify(at) : "nothing";
  }
};

constexpr std::string_view paths[] = {"a",        "b",    "ab", "a.b",    "a.b.a", "a[0]", "a[0].b",
                                      "a[1].a.b", "b[2]", "c",  "a.b[0]", "b.a.b", "d"};

} // namespace

BOOST_AUTO_TEST_SUITE(json_members)

BOOST_AUTO_TEST_CASE(a_member_alone_gives_what_the_whole_document_gives) {
  both_ways lab;
  int found = 0;
  BOOST_TEST(rc::check([&] {
    RC_PRE(lab.take(*any_object(3)));
    for (const auto path : paths) {
      const auto wanted = both_ways::found(lab.whole, path);
      RC_ASSERT(both_ways::found(lab.members, path) == wanted);
      found += wanted == "nothing" ? 0 : 1;
    }
  }));
  BOOST_TEST(found > 50);
}

BOOST_AUTO_TEST_CASE(white_space_is_left_out_as_a_parser_does) {
  both_ways lab;
  // Documents of which nothing can be shown this way are thrown away and not counted: the law is shown a hundred times.
  BOOST_TEST(rc::check([&] {
    RC_PRE(lab.take(R"({"a": )" + *any_object(2) + R"(, "b" :[)" + *any_object(2) + "\n] }"));
    int compact = 0;
    for (const auto path : paths) {
      std::string_view text;
      if (!lab.members.find_text(path, lab.memory, text))
        continue;
      ++compact;
      RC_ASSERT(both_ways::found(lab.whole, path) == std::string(text));
    }
    RC_PRE(compact > 0);
  }));
}

BOOST_AUTO_TEST_CASE(a_member_that_takes_more_than_leaving_out_is_left_to_the_parser) {
  arena memory;
  std::string_view out;
  for (const std::string text :
       {R"(["a\n"])", "[1.0]", "[1e2]", "[-0]", "[01]", "[1234567890123456789]", "[nul]", "[+1]"}) {
    auto padded = text;
    padded.reserve(text.size() + 64);
    BOOST_TEST(!ingest::compact_json(padded, memory, out), text);
  }
  std::string plain = "{ \"a b\" : [ 1 , -2, true ,null ] }";
  plain.reserve(plain.size() + 64);
  BOOST_REQUIRE(ingest::compact_json(plain, memory, out));
  BOOST_TEST(out == "{\"a b\":[1,-2,true,null]}");
}

BOOST_AUTO_TEST_SUITE_END()
