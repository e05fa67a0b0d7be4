#include "connectors/sources/s3/s3_notification.hpp"
#include "connectors/sources/s3/s3_progress.hpp"
#include "connectors/sources/s3/s3_reader.hpp"

#include <boost/test/unit_test.hpp>

#include <zlib.h>

using namespace soc;
using namespace soc::sources;

namespace {

std::string gzipped_object(std::string_view text) {
  z_stream z{};
  deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(text.size() + 128, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(out.size() - z.avail_out);
  deflateEnd(&z);
  return out;
}

/// The records of an object that comes in pieces of `chunk` bytes, one after the other with '|' between; "!" and why
/// when it breaks.
struct object_reading {
  s3_options options;
  std::uint64_t skip = 0;
  std::vector<std::uint64_t> ends;

  std::string read(std::string_view bytes, std::size_t chunk = 7) {
    auto context = std::make_shared<model::connector_context>();
    std::string out;
    s3_reader reader(options, context, "b/k", skip, std::make_shared<source_counts>(),
                     [&](model::raw_batch_ptr batch, std::uint64_t records) {
                       for (std::size_t i = 0; i < batch->records.size(); ++i)
                         out += std::string(batch->record(i)) + "|";
                       ends.push_back(records);
                       return true;
                     });
    for (std::size_t at = 0; at < bytes.size(); at += chunk)
      if (!reader.feed(bytes.substr(at, chunk), 1))
        return out + "!" + reader.why();
    return reader.finish(1) ? out : out + "!" + reader.why();
  }
};

const std::string page = R"(<?xml version="1.0"?><ListBucketResult><Name>b</Name><EncodingType>url</EncodingType>
<IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b</NextContinuationToken>
<Contents><Key>logs/a%20b%2Fc</Key><LastModified>2025-01-01T00:00:00.000Z</LastModified><ETag>&quot;x1&quot;</ETag>
<Size>12</Size></Contents><Contents><Key>logs/d</Key><ETag>"x2"</ETag><Size>0</Size></Contents></ListBucketResult>)";

} // namespace

BOOST_AUTO_TEST_SUITE(s3_source)

BOOST_AUTO_TEST_CASE(a_listing_is_read_with_its_encodings) {
  const auto listing = read_listing(page);
  BOOST_TEST_REQUIRE(static_cast<bool>(listing));
  BOOST_TEST(listing->truncated);
  BOOST_TEST(listing->next == "a&b");
  BOOST_TEST_REQUIRE(listing->objects.size() == 2U);
  BOOST_TEST(listing->objects[0].key == "logs/a b/c");
  BOOST_TEST(listing->objects[0].etag == "\"x1\"");
  BOOST_TEST(listing->objects[0].size == 12U);
}

BOOST_AUTO_TEST_CASE(what_is_no_listing_is_refused) {
  BOOST_TEST(!read_listing("<Error><Code>AccessDenied</Code></Error>"));
  BOOST_TEST(!read_listing("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"));
  BOOST_TEST(!read_listing("<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>"));
}

BOOST_AUTO_TEST_CASE(a_notification_names_its_objects_bare_in_sns_and_as_an_event) {
  const std::string bare =
      R"({"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":)"
      R"({"key":"logs/a+b%2Bc.gz","size":5,"eTag":"x1"}}},{"eventName":"ObjectRemoved:Delete","s3":{"bucket":{"name":"b"},"object":{"key":"d"}}}]})";
  std::string inner;
  for (const char c : bare)
    inner += c == '"' ? std::string("\\\"") : std::string(1, c);
  const std::string event =
      R"({"version":"0","detail-type":"Object Created","source":"aws.s3","detail":{"bucket":{"name":"b"},"object":{"key":"logs/a b+c.gz","size":5,"etag":"x1"}}})";
  for (const auto& text : {bare, R"({"Type":"Notification","MessageId":"1","Message":")" + inner + "\"}", event}) {
    const auto notices = read_notification(text);
    BOOST_TEST_REQUIRE(static_cast<bool>(notices), text);
    BOOST_TEST_REQUIRE(notices->size() == 1U, text);
    BOOST_TEST((*notices)[0].bucket == "b");
    BOOST_TEST((*notices)[0].object.key == "logs/a b+c.gz");
    BOOST_TEST((*notices)[0].object.etag == "\"x1\"");
    BOOST_TEST((*notices)[0].object.size == 5U);
  }
}

BOOST_AUTO_TEST_CASE(a_message_that_names_no_new_object_is_told_from_one_that_is_no_notification) {
  for (const auto* text :
       {R"({"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"})", R"({"Records":[]})",
        R"({"detail-type":"Object Deleted","detail":{"bucket":{"name":"b"},"object":{"key":"k"}}})"}) {
    const auto notices = read_notification(text);
    BOOST_TEST_REQUIRE(static_cast<bool>(notices), text);
    BOOST_TEST(notices->empty(), text);
  }
  for (const auto* text : {"", "[]", "hello", R"({"a":1})", R"({"Type":"Notification","Message":"hello"})",
                           R"({"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"}}}]})",
                           R"({"Records":[{"eventName":"ObjectCreated:Put","s3":7}]})"})
    BOOST_TEST(!read_notification(text), text);
}

BOOST_AUTO_TEST_CASE(a_key_is_below_a_prefix_whatever_time_the_prefix_stands_for) {
  BOOST_TEST(is_below("p/2025/01/02/x", "p/%Y/%m/%d/"));
  BOOST_TEST(is_below("p/x", ""));
  BOOST_TEST(is_below("100%/x", "100%%/"));
  BOOST_TEST(!is_below("p/2025/1/02/x", "p/%Y/%m/%d/"));
  BOOST_TEST(!is_below("p/20", "p/%Y"));
  BOOST_TEST(!is_below("q/2025/", "p/%Y/"));
}

BOOST_AUTO_TEST_CASE(a_prefix_with_a_time_stands_for_every_hour_or_day) {
  const auto at = [](const char* text) { return *parse_rfc3339(text); };
  const auto days = prefixes_between("p/%Y/%m/%d/", at("2024-12-31T23:10:00Z"), at("2025-01-02T00:00:00Z"));
  BOOST_TEST(days == (std::vector<std::string>{"p/2024/12/31/", "p/2025/01/01/", "p/2025/01/02/"}),
             boost::test_tools::per_element());
  BOOST_TEST(prefixes_between("%H", at("2025-01-01T22:59:59Z"), at("2025-01-02T01:00:00Z")).size() == 4U);
  BOOST_TEST(prefixes_between("plain%%", 5, 5).front() == "plain%");
  BOOST_TEST(is_prefix_pattern("a%Yb%%"));
  BOOST_TEST(!is_prefix_pattern("a%q"));
  BOOST_TEST(!is_prefix_pattern("a%"));
}

BOOST_AUTO_TEST_CASE(progress_knows_what_is_read_in_either_order_and_survives_as_a_text) {
  s3_progress progress;
  const s3_object a{"p/a", "1", 1}, b{"p/b", "1", 1}, changed{"p/a", "2", 1};
  progress.finish("p/", b, false);
  BOOST_TEST(progress.after("p/", false) == "p/b");
  BOOST_TEST(progress.is_done("p/", a, false));
  BOOST_TEST(!progress.is_done("p/", {"p/c", "1", 1}, false));
  progress.finish("q/", a, true);
  BOOST_TEST(progress.after("q/", true) == "");
  BOOST_TEST(progress.is_done("q/", a, true));
  BOOST_TEST(!progress.is_done("q/", changed, true));
  progress.advance(b, 17);
  const auto again = s3_progress::read(progress.text());
  BOOST_TEST(again.records_of(b) == 17U);
  BOOST_TEST(again.records_of({"p/b", "2", 1}) == 0U);
  BOOST_TEST(again.is_done("q/", a, true));
  BOOST_TEST(again.text() == progress.text());
  BOOST_TEST(s3_progress::read("no text of ours").after("p/", false) == "");
}

BOOST_AUTO_TEST_CASE(lines_come_out_of_plain_and_compressed_objects_alike) {
  object_reading r;
  BOOST_TEST(r.read("one\ntwo\r\n\nthree") == "one|two|three|");
  BOOST_TEST(r.read(gzipped_object("one\ntwo\nthree\n")) == "one|two|three|");
  BOOST_TEST(r.read(gzipped_object("one\n") + gzipped_object("two\n"), 1) == "one|two|");
  BOOST_TEST(r.read("x") == "x|");
  BOOST_TEST(r.read("") == "");
}

BOOST_AUTO_TEST_CASE(the_list_of_an_envelope_is_taken_apart_without_holding_it) {
  object_reading r;
  r.options.max_record_bytes = 4096;
  std::string body = "{ \"Records\" : [", wanted;
  for (int i = 0; i < 5000; ++i) {
    body += (i > 0 ? ",\n" : "") + std::string("{\"n\":") + std::to_string(i) + ",\"t\":[\"]}\"]}";
    wanted += "{\"n\":" + std::to_string(i) + ",\"t\":[\"]}\"]}|";
  }
  BOOST_TEST(r.read(body + "]}", 1000) == wanted);
  BOOST_TEST(r.read(gzipped_object(body + "]}"), 1000) == wanted);
}

BOOST_AUTO_TEST_CASE(records_handed_on_before_are_left_out) {
  object_reading r;
  r.skip = 2;
  BOOST_TEST(r.read("one\ntwo\nthree\nfour\n") == "three|four|");
  BOOST_TEST(r.ends.back() == 4U);
}

BOOST_AUTO_TEST_CASE(a_header_row_goes_before_every_batch) {
  object_reading r;
  r.options.format = s3_format::csv;
  BOOST_TEST(r.read("a,b\n1,2\n3,4\n") == "a,b|1,2|3,4|");
  r.skip = 1;
  BOOST_TEST(r.read("a,b\n1,2\n3,4\n") == "a,b|3,4|");
}

BOOST_AUTO_TEST_CASE(a_cut_or_broken_compression_is_said) {
  object_reading r;
  const auto whole = gzipped_object("one\ntwo\nthree\n");
  BOOST_TEST(r.read(std::string_view(whole).substr(0, whole.size() - 9)).find('!') != std::string::npos);
  auto broken = whole;
  broken[14] = static_cast<char>(broken[14] ^ 0x55);
  BOOST_TEST(r.read(broken).find('!') != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
