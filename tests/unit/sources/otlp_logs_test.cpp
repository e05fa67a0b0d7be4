#include "connectors/sources/http/push_request.hpp"
#include "connectors/sources/otlp/otlp_logs.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <rapidcheck.h>

using namespace soc::sources;

namespace {

std::string varint_of(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7)
    out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
  return out;
}
std::string field_of(std::uint32_t number, const std::string& bytes) {
  return varint_of(number << 3 | 2) + varint_of(bytes.size()) + bytes;
}
std::string fixed64_of(std::uint32_t number, std::uint64_t value) {
  std::string out = varint_of(number << 3 | 1);
  for (int i = 0; i < 8; ++i)
    out.push_back(static_cast<char>(value >> (8 * i)));
  return out;
}
std::string text_value(const std::string& text) {
  return field_of(1, text);
}
std::string pair_of(const std::string& key, const std::string& value) {
  return field_of(1, key) + field_of(2, value);
}

/// One log record of host web-01, as a collector sends it.
std::string protobuf_request() {
  const auto record = fixed64_of(1, 1'700'000'000'000'000'000) + varint_of(2 << 3) + varint_of(9) +
                      field_of(3, "INFO") + field_of(5, text_value("GET /")) +
                      field_of(6, pair_of("http.status", varint_of(3 << 3) + varint_of(404))) +
                      field_of(9, std::string("\x01\xab", 2));
  return field_of(1, field_of(1, field_of(1, pair_of("host.name", text_value("web-01")))) +
                         field_of(2, field_of(1, field_of(1, "nginx")) + field_of(2, record)));
}

constexpr const char* json_request = R"({"resourceLogs":[{"resource":{"attributes":[{"key":"host.name","value":
{"stringValue":"web-01"}}]},"scopeLogs":[{"scope":{"name":"nginx"},"logRecords":[{"timeUnixNano":"1700000000000000000",
"severityNumber":9,"severityText":"INFO","body":{"stringValue":"GET /"},"attributes":[{"key":"http.status","value":
{"intValue":"404"}}],"traceId":"01ab"}]}]}]})";

} // namespace

BOOST_AUTO_TEST_SUITE(otlp)

BOOST_AUTO_TEST_CASE(protobuf_and_json_give_the_same_record) {
  const auto from_protobuf = read_otlp_protobuf(protobuf_request(), false);
  const auto from_json = read_otlp_json(json_request, false);
  BOOST_REQUIRE(static_cast<bool>(from_protobuf));
  BOOST_REQUIRE(static_cast<bool>(from_json));
  BOOST_TEST_REQUIRE(from_protobuf->records.size() == 1U);
  BOOST_TEST_REQUIRE(from_json->records.size() == 1U);
  const auto record = nlohmann::json::parse(from_protobuf->records[0]);
  BOOST_TEST((record == nlohmann::json::parse(from_json->records[0])));
  BOOST_TEST(record["attributes"]["http.status"] == 404);
  BOOST_TEST(record["resource"]["host.name"] == "web-01");
  BOOST_TEST(record["trace_id"] == "01ab");
  BOOST_TEST(from_protobuf->hosts[0] == "web-01");
}

BOOST_AUTO_TEST_CASE(the_text_of_the_body_may_be_the_record) {
  BOOST_TEST(read_otlp_protobuf(protobuf_request(), true)->records[0] == "GET /");
  BOOST_TEST(read_otlp_json(json_request, true)->records[0] == "GET /");
}

BOOST_AUTO_TEST_CASE(a_request_cut_anywhere_is_refused_or_read_but_never_crashes) {
  const auto whole = protobuf_request();
  for (std::size_t size = 1; size < whole.size(); ++size)
    BOOST_TEST(!read_otlp_protobuf(std::string_view(whole).substr(0, size), false));
  BOOST_TEST(rc::check([] {
    const auto junk = *rc::gen::arbitrary<std::string>();
    (void)read_otlp_protobuf(junk, false);
    (void)read_otlp_json(junk, true);
  }));
}

BOOST_AUTO_TEST_CASE(values_nested_without_end_are_cut_off) {
  std::string value = text_value("x");
  for (int i = 0; i < 5000; ++i)
    value = field_of(5, field_of(1, value));
  BOOST_TEST(static_cast<bool>(read_otlp_protobuf(field_of(1, field_of(2, field_of(2, field_of(5, value)))), false)));
  std::string text = R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":)";
  for (int i = 0; i < 5000; ++i)
    text += R"({"arrayValue":{"values":[)";
  text += R"({"stringValue":"x"})";
  for (int i = 0; i < 5000; ++i)
    text += "]}}";
  BOOST_TEST(static_cast<bool>(read_otlp_json(text + "}]}]}]}", false)));
}

BOOST_AUTO_TEST_CASE(an_exporter_is_answered_in_its_own_form) {
  push_rules rules;
  rules.path = "/v1/logs";
  rules.otlp = true;
  http_request request;
  request.method = "POST";
  request.target = "/v1/logs";
  request.content_type = "application/x-protobuf";
  request.body = protobuf_request();
  const auto pushed = read_push(rules, request);
  BOOST_TEST(pushed.has_records);
  BOOST_TEST(stored_response(pushed.kind, 1).content_type == "application/x-protobuf");
  request.content_type = "application/json; charset=utf-8";
  BOOST_TEST(read_push(rules, request).response.status == 400);
  request.body = json_request;
  BOOST_TEST(stored_response(read_push(rules, request).kind, 1).body == "{}");
  request.target = "/services/collector";
  BOOST_TEST(read_push(rules, request).response.status == 404);
}

BOOST_AUTO_TEST_SUITE_END()
