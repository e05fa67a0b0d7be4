#include "connectors/sources/http/json_values.hpp"
#include "connectors/sources/http/push_request.hpp"
#include "connectors/sources/http/raw_messages.hpp"
#include "wire/raw_wire.hpp"

#include <boost/test/unit_test.hpp>

#include <rapidcheck.h>
#include <zlib.h>

using namespace soc;
using namespace soc::sources;
using boost::test_tools::per_element;
using views = std::vector<std::string_view>;

namespace {

std::string gzipped(const std::string& text) {
  z_stream z{};
  deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&z, text.size()) + 32, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

http_request post(const std::string& target, std::string body) {
  http_request request;
  request.method = "POST";
  request.target = target;
  request.body = std::move(body);
  request.peer = "192.0.2.7";
  return request;
}

std::vector<std::string> records_of(const push_decision& decision) {
  return {decision.pushed.records.begin(), decision.pushed.records.end()};
}

std::shared_ptr<const model::connector_context> web_context() {
  auto context = std::make_shared<model::connector_context>();
  context->connector = "web";
  context->tenant = "acme";
  context->vendor = "nginx";
  return context;
}

} // namespace

BOOST_AUTO_TEST_SUITE(pushed_requests)

BOOST_AUTO_TEST_CASE(json_lines_arrays_and_documents_give_their_records) {
  const push_rules rules;
  BOOST_TEST(records_of(read_push(rules, post("/ingest", "{\"a\":1}\n{\"a\":2}\n"))) ==
                 (std::vector<std::string>{"{\"a\":1}", "{\"a\":2}"}),
             per_element());
  BOOST_TEST(records_of(read_push(rules, post("/ingest", " [ {\"a\":[1,\"]\"]} , {\"b\":\"}\\\"\"} ] "))) ==
                 (std::vector<std::string>{"{\"a\":[1,\"]\"]}", "{\"b\":\"}\\\"\"}"}),
             per_element());
  BOOST_TEST(records_of(read_push(rules, post("/ingest", "{\n  \"a\": {\n }\n}"))) ==
                 std::vector<std::string>{"{\n  \"a\": {\n }\n}"},
             per_element());
  BOOST_TEST(records_of(read_push(rules, post("/ingest", "GET / 200\r\nGET /x 404"))) ==
                 (std::vector<std::string>{"GET / 200", "GET /x 404"}),
             per_element());
}

BOOST_AUTO_TEST_CASE(text_that_only_begins_like_json_is_kept_as_lines) {
  BOOST_TEST(records_of(read_push({}, post("/ingest", "[notice] started\n{broken\n"))) ==
                 (std::vector<std::string>{"[notice] started", "{broken"}),
             per_element());
  BOOST_TEST(records_of(read_push({}, post("/ingest", "[notice] started\n[error] 42 [core]\n"))) ==
                 (std::vector<std::string>{"[notice] started", "[error] 42 [core]"}),
             per_element());
  BOOST_TEST(records_of(read_push({}, post("/ingest", "{fw01} accepted\n"))) ==
                 std::vector<std::string>{"{fw01} accepted"},
             per_element());
}

BOOST_AUTO_TEST_CASE(collector_events_are_unwrapped_unless_the_wrapper_says_more_than_the_host) {
  const std::string timed = R"({"time":1.5,"host":"web-02","event":{"k":[3]}})";
  const auto out = read_push({}, post("/services/collector/event",
                                      R"({"event":"a \"quoted\" line","host":"web-01"}{"event":{"k":[1,2]}})" + timed));
  BOOST_TEST(out.has_records);
  BOOST_TEST(records_of(out) == (std::vector<std::string>{"a \"quoted\" line", "{\"k\":[1,2]}", timed}), per_element());
  BOOST_TEST(out.pushed.hosts == (std::vector<std::string>{"web-01", "", "web-02"}), per_element());
}

BOOST_AUTO_TEST_CASE(collector_events_that_are_none_are_refused_in_the_collector_s_words) {
  const auto broken = read_push({}, post("/services/collector", "{\"event\":"));
  BOOST_TEST(broken.response.status == 400);
  BOOST_TEST(broken.response.body == R"({"text":"Invalid data format","code":6})");
  BOOST_TEST(read_push({}, post("/services/collector", "{\"host\":\"x\"}")).response.body ==
             R"({"text":"Event field is required","code":12})");
  BOOST_TEST(read_push({}, post("/services/collector/raw", "")).response.status == 400);
}

BOOST_AUTO_TEST_CASE(only_a_known_token_is_let_in) {
  push_rules rules;
  rules.tokens.add("s3cret");
  auto request = post("/ingest", "x");
  BOOST_TEST(read_push(rules, request).response.status == 401);
  for (const auto* wrong : {"Bearer s3cre", "Bearer s3cret2", "Splunk", "Basic s3cret", "Bearer "}) {
    request.authorization = wrong;
    BOOST_TEST(read_push(rules, request).response.status >= 401);
  }
  for (const auto* right : {"Bearer s3cret", "Splunk s3cret", "bearer  s3cret"}) {
    request.authorization = right;
    BOOST_TEST(read_push(rules, request).has_records);
  }
}

BOOST_AUTO_TEST_CASE(compressed_bodies_are_inflated_within_the_limit) {
  push_rules rules;
  rules.limits.max_body_bytes = 1000;
  auto request = post("/ingest", gzipped("one\ntwo\n"));
  request.content_encoding = "gzip";
  BOOST_TEST(records_of(read_push(rules, request)) == (std::vector<std::string>{"one", "two"}), per_element());
  request.body = gzipped(std::string(100'000'000, 'a'));
  BOOST_TEST(read_push(rules, request).response.status == 413);
  request.body = gzipped("one\ntwo\n").substr(0, 12);
  BOOST_TEST(read_push(rules, request).response.status == 400);
  request.body = "no gzip at all";
  BOOST_TEST(read_push(rules, request).response.status == 400);
  request.content_encoding = "br";
  BOOST_TEST(read_push(rules, request).response.status == 415);
}

BOOST_AUTO_TEST_CASE(what_is_not_there_is_said) {
  BOOST_TEST(read_push({}, post("/elsewhere", "x")).response.status == 404);
  http_request get;
  get.method = "GET";
  get.target = "/services/collector/health";
  BOOST_TEST(read_push({}, get).response.status == 200);
  get.target = "/ingest";
  BOOST_TEST(read_push({}, get).response.status == 405);
}

BOOST_AUTO_TEST_CASE(junk_in_the_place_of_json_neither_crashes_nor_hangs) {
  BOOST_TEST(rc::check([] {
    const auto text = *rc::gen::container<std::string>(
        rc::gen::element('{', '}', '[', ']', '"', '\\', ',', ':', ' ', '\n', 'e', '\xff', '\0'));
    views values;
    if (json_values(text, values))
      for (const auto value : values)
        RC_ASSERT(!value.empty());
    read_push({}, post("/services/collector", text));
    read_push({}, post("/ingest", text));
  }));
  BOOST_TEST(json_value_end(std::string(100'000, '['), 0) == 0U);
}

BOOST_AUTO_TEST_CASE(records_become_messages_that_the_consumer_reads_back) {
  pushed_records pushed;
  pushed.texts = {"one", std::string("b\0\xff", 3)};
  pushed.records = {pushed.texts[0], pushed.texts[1]};
  const auto messages = raw_messages(web_context(), pushed, "192.0.2.7", "", 42);
  BOOST_TEST_REQUIRE(messages.size() == 1U);
  BOOST_TEST(messages[0].subject == "soc.acme.raw.web");
  const auto batch = wire::read_raw_batch(messages[0].payload);
  BOOST_REQUIRE(static_cast<bool>(batch));
  BOOST_TEST((*batch)->record(0) == "one");
  BOOST_TEST((*batch)->record(1) == pushed.texts[1]);
  BOOST_TEST((*batch)->origin == "192.0.2.7");
  BOOST_TEST((*batch)->received_at == 42);
  BOOST_TEST((*batch)->context->vendor == "nginx");
  BOOST_TEST(!wire::read_raw_batch(messages[0].payload.substr(0, 40)));
  BOOST_TEST(!wire::read_raw_batch("junk"));
}

BOOST_AUTO_TEST_CASE(the_same_request_gets_the_same_ids_and_another_one_others) {
  pushed_records pushed;
  pushed.texts = {"one", "two"};
  pushed.records = {pushed.texts[0], pushed.texts[1]};
  const auto id = [&](const std::string& key, unix_ns at) {
    return raw_messages(web_context(), pushed, "192.0.2.7", key, at)[0].message_id;
  };
  BOOST_TEST(id("", 1) == id("", 2));
  BOOST_TEST(id("a", 1) != id("b", 1));
  pushed.records = {"onet", "wo"};
  BOOST_TEST(id("", 1) !=
             raw_messages(web_context(), {nullptr, {}, {"onetw", "o"}, {}}, "192.0.2.7", "", 1)[0].message_id);
}

BOOST_AUTO_TEST_CASE(no_message_is_larger_than_the_bus_takes) {
  const std::string record(300'000, 'x');
  pushed_records pushed;
  for (int i = 0; i < 10; ++i) {
    pushed.records.push_back(record);
    pushed.hosts.push_back(i % 2 == 0 ? "even" : "odd");
  }
  const auto messages = raw_messages(web_context(), pushed, "192.0.2.7", "", 1);
  BOOST_TEST(messages.size() == 4U);
  for (const auto& message : messages)
    BOOST_TEST(message.payload.size() <= max_raw_message_bytes);
}

BOOST_AUTO_TEST_SUITE_END()
