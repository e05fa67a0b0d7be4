// Documents found in a stream, however it is cut.
#include "ingest/core/json_splitter.hpp"

#include <boost/test/unit_test.hpp>

#include <vector>

using namespace soc;

namespace {

std::vector<std::string> split_json(std::string_view bytes, std::size_t chunk) {
  std::vector<std::string> out;
  const auto take = [&](std::string_view document, std::uint64_t position) {
    BOOST_REQUIRE(bytes.substr(position, document.size()) == document);
    out.emplace_back(document);
  };
  ingest::json_splitter splitter;
  for (std::size_t at = 0; at < bytes.size(); at += chunk)
    splitter.feed(bytes.substr(at, chunk), take);
  splitter.finish(take);
  return out;
}

void expect_documents(std::string_view bytes, const std::vector<std::string>& expected) {
  for (std::size_t chunk = 1; chunk <= bytes.size(); ++chunk)
    BOOST_TEST(split_json(bytes, chunk) == expected, boost::test_tools::per_element());
}

} // namespace

BOOST_AUTO_TEST_SUITE(json_splitting)

BOOST_AUTO_TEST_CASE(a_long_broken_line_is_split_in_the_same_way_however_it_is_cut) {
  const auto bytes = R"({"a":1} )" + std::string(5000, 'x') + "}\n{\"b\":2}\n";
  const auto whole = split_json(bytes, bytes.size());
  for (const std::size_t chunk : {1, 7, 1000, 4096, 4097, 5000})
    BOOST_TEST(split_json(bytes, chunk) == whole, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_document_that_is_too_long_is_handed_on_in_the_same_parts_however_it_is_cut) {
  const auto bytes = R"({"a":")" + std::string(300, 'x') + "\"}\n{\"b\":2}\n";
  const auto parts = [&](std::size_t chunk) {
    std::vector<std::string> out;
    const auto take = [&](std::string_view document, std::uint64_t) { out.emplace_back(document); };
    ingest::json_splitter splitter(100);
    for (std::size_t at = 0; at < bytes.size(); at += chunk)
      splitter.feed(std::string_view(bytes).substr(at, chunk), take);
    splitter.finish(take);
    return out;
  };
  BOOST_TEST(parts(bytes.size()).front().size() == 100U);
  for (const std::size_t chunk : {1, 50, 101, 250})
    BOOST_TEST(parts(chunk) == parts(bytes.size()), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(one_document_a_line) {
  expect_documents("{\"a\":1}\n{\"b\":\"}\\\"{\"}\r\n\n{\"c\":3}", {"{\"a\":1}", "{\"b\":\"}\\\"{\"}", "{\"c\":3}"});
}

BOOST_AUTO_TEST_CASE(pretty_printed_documents_follow_one_another) {
  expect_documents("{\n  \"a\": {\n    \"b\": []\n  }\n}\n{\n  \"c\": 1\n}\n",
                   {"{\n  \"a\": {\n    \"b\": []\n  }\n}", "{\n  \"c\": 1\n}"});
}

BOOST_AUTO_TEST_CASE(the_elements_of_an_array) {
  expect_documents(" [ {\"a\":1},\n{\"b\":[{}]} , 7 ] ", {"{\"a\":1}", "{\"b\":[{}]}", "7"});
}

BOOST_AUTO_TEST_CASE(a_byte_order_mark_is_skipped) {
  expect_documents("\xEF\xBB\xBF{\"a\":1}\n", {"{\"a\":1}"});
}

BOOST_AUTO_TEST_CASE(a_broken_line_does_not_swallow_its_neighbours) {
  expect_documents("{\"a\":1\n{\"b\":2}\nnot json\n{\"c\":\"open\n{\"d\":4}\n",
                   {"{\"a\":1", "{\"b\":2}", "not json", "{\"c\":\"open", "{\"d\":4}"});
}

BOOST_AUTO_TEST_CASE(what_is_cut_at_the_end_is_handed_on) {
  expect_documents("{\"a\":1}\n{\"b\":", {"{\"a\":1}", "{\"b\":"});
}

BOOST_AUTO_TEST_SUITE_END()
