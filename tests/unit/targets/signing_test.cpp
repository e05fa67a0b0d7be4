#include "connectors/targets/http/signing.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace soc;
using namespace soc::targets;

http_request request_to(const std::string& method, const std::string& host, const std::string& path,
                        response::name_values query) {
  http_request out;
  out.method = method;
  out.origin = "https://" + host;
  out.path = path;
  out.query = std::move(query);
  return out;
}

signer signer_at(const std::string& time, const std::string& access_key, const std::string& secret) {
  signer out;
  out.access_key = access_key;
  out.secret = secret;
  out.now = *parse_rfc3339(time);
  return out;
}

std::string header_of(const http_request& request, const std::string& name) {
  for (const auto& [key, value] : request.headers)
    if (key == name)
      return value;
  return {};
}

std::string tail_after(const std::string& text, const std::string& mark) {
  const auto at = text.find(mark);
  return at == std::string::npos ? "" : text.substr(at + mark.size());
}

} // namespace

BOOST_AUTO_TEST_SUITE(signing_suite)

// AWS Signature Version 4 test suite, get-vanilla and get-vanilla-query-order-key-case.
BOOST_AUTO_TEST_CASE(aws_requests_are_signed_as_in_the_vendors_test_suite) {
  auto by = signer_at("2015-08-30T12:36:00Z", "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
  by.region = "us-east-1";
  by.service = "service";
  auto request = request_to("GET", "example.amazonaws.com", "/", {});
  sign_aws_sigv4(request, by);
  BOOST_TEST(
      header_of(request, "Authorization") ==
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, "
      "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  auto ordered = request_to("GET", "example.amazonaws.com", "/", {{"Param2", "value2"}, {"Param1", "value1"}});
  sign_aws_sigv4(ordered, by);
  BOOST_TEST(tail_after(header_of(ordered, "Authorization"), "Signature=") ==
             "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
}

// Alibaba Cloud, "V3 version request body & signature mechanism": the RunInstances example.
BOOST_AUTO_TEST_CASE(alibaba_v3_requests_are_signed_as_in_the_vendors_example) {
  auto by = signer_at("2023-10-26T10:22:32Z", "YourAccessKeyId", "YourAccessKeySecret");
  by.nonce = "3156853299f313e23d1673dc12e1703d";
  auto request =
      request_to("POST", "ecs.cn-shanghai.aliyuncs.com", "/",
                 {{"RegionId", "cn-shanghai"}, {"ImageId", "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"}});
  request.headers = {{"x-acs-action", "RunInstances"}, {"x-acs-version", "2014-05-26"}};
  sign_alibaba_acs3(request, by);
  BOOST_TEST(tail_after(header_of(request, "Authorization"), "Signature=") ==
             "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0");
}

// Alibaba Cloud, "RPC mechanism": the DescribeRegions example.
BOOST_AUTO_TEST_CASE(alibaba_rpc_requests_are_signed_as_in_the_vendors_example) {
  auto by = signer_at("2016-02-23T12:46:24Z", "testid", "testsecret");
  by.nonce = "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf";
  auto request = request_to("GET", "ecs.aliyuncs.com", "/",
                            {{"Action", "DescribeRegions"}, {"Format", "XML"}, {"Version", "2014-05-26"}});
  sign_alibaba_rpc(request, by);
  BOOST_TEST(request.query.back().first == "Signature");
  BOOST_TEST(request.query.back().second == "OLeaidS1JvxuMvnyHOwuJ+uX5qY=");
}

// Tencent Cloud API, "Signature v3": the DescribeInstances example.
BOOST_AUTO_TEST_CASE(tencent_requests_are_signed_as_in_the_vendors_example) {
  auto by =
      signer_at("2019-02-25T16:44:25Z", "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE");
  by.service = "cvm";
  auto request = request_to("POST", "cvm.tencentcloudapi.com", "/", {});
  request.headers = {{"Content-Type", "application/json; charset=utf-8"}};
  request.body = R"({"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]})";
  sign_tencent_tc3(request, by);
  BOOST_TEST(header_of(request, "X-TC-Timestamp") == "1551113065");
  BOOST_TEST(tail_after(header_of(request, "Authorization"), "Signature=") ==
             "72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168");
}

BOOST_AUTO_TEST_CASE(huawei_requests_carry_date_access_key_and_signed_headers) {
  auto request = request_to("GET", "service.region.example.com", "/v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpcs",
                            {{"limit", "2"}, {"marker", "13551d6b-755d-4757-b956-536f674975c0"}});
  request.headers = {{"Content-Type", "application/json"}};
  sign_huawei_sdk(
      request, signer_at("2019-11-15T03:36:55Z", "QTWAOYTTINDUT2QVKYUC", "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc"));
  BOOST_TEST(header_of(request, "X-Sdk-Date") == "20191115T033655Z");
  BOOST_TEST(header_of(request, "Authorization") ==
             "SDK-HMAC-SHA256 Access=QTWAOYTTINDUT2QVKYUC, SignedHeaders=content-type;host;x-sdk-date, "
             "Signature=7be6668032f70418fcc22abc52071e57aff61b84a1d2381bb430d6870f4f6ebe");
}

BOOST_AUTO_TEST_CASE(a_robots_signature_goes_into_the_query_or_the_body) {
  response::authentication auth;
  auth.how = response::authentication::kind::hmac;
  auth.base64 = true;
  auth.milliseconds = true;
  auth.message = "{time}{newline}{secret}";
  auth.query = "sign";
  auth.time_query = "timestamp";
  auto by = signer_at("2024-01-01T00:00:00Z", "", "hush");
  auto request = request_to("POST", "oapi.dingtalk.example", "/robot/send", {});
  sign_by_hmac(request, auth, by);
  BOOST_TEST(request.query[0].second == "1704067200000");
  BOOST_TEST(request.query[1].first == "sign");
  BOOST_TEST(request.query[1].second.size() == 44U);
  auth.query = auth.time_query = "";
  auth.body = "sign";
  auth.time_body = "timestamp";
  request.json_body = {{"msg_type", "text"}};
  request.has_body = true;
  sign_by_hmac(request, auth, by);
  const auto body = nlohmann::json::parse(request.body);
  BOOST_TEST(body["timestamp"] == "1704067200000");
  BOOST_TEST(body["sign"].get<std::string>().size() == 44U);
  BOOST_TEST(body["msg_type"] == "text");
}

BOOST_AUTO_TEST_SUITE_END()
