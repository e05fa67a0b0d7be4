#include "connectors/sources/common/request_signing.hpp"

#include <boost/test/unit_test.hpp>

using namespace soc;
using namespace soc::sources;

namespace {

// docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
const signing_key aws_example{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", {}};
const unix_ns may_24 = 1'369'353'600 * ns_per_s;
const std::string bucket = "https://examplebucket.s3.amazonaws.com";

std::string header_of(const fetch_request& request, const std::string& name) {
  for (const auto& [known, value] : request.headers)
    if (known == name)
      return value;
  return {};
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

} // namespace

BOOST_AUTO_TEST_SUITE(request_signing)

BOOST_AUTO_TEST_CASE(an_s3_object_is_asked_for_as_in_the_documentation) {
  fetch_request request;
  request.headers = {{"Range", "bytes=0-9"}};
  sign_aws(request, bucket, "/test.txt", {}, {"us-east-1", "s3"}, aws_example, may_24);
  BOOST_TEST(request.url == bucket + "/test.txt");
  BOOST_TEST(ends_with(header_of(request, "Authorization"),
                       "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature="
                       "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"));
}

BOOST_AUTO_TEST_CASE(a_bucket_is_listed_as_in_the_documentation) {
  fetch_request request;
  sign_aws(request, bucket, "/", {{"prefix", "J"}, {"max-keys", "2"}}, {"us-east-1", "s3"}, aws_example, may_24);
  BOOST_TEST(request.url == bucket + "/?max-keys=2&prefix=J");
  BOOST_TEST(ends_with(header_of(request, "Authorization"),
                       "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
}

BOOST_AUTO_TEST_CASE(keys_with_unusual_characters_are_encoded_once) {
  fetch_request request;
  sign_aws(request, bucket, "/a b+c%/ü", {{"x y", "ä&="}}, {"us-east-1", "s3"}, aws_example, may_24);
  BOOST_TEST(request.url == bucket + "/a%20b%2Bc%25/%C3%BC?x%20y=%C3%A4%26%3D");
}

BOOST_AUTO_TEST_CASE(a_session_token_is_signed_too) {
  fetch_request request;
  sign_aws(request, bucket, "/", {}, {"us-east-1", "s3"}, {"id", "secret", "token"}, may_24);
  BOOST_TEST(header_of(request, "X-Amz-Security-Token") == "token");
  BOOST_TEST(header_of(request, "Authorization").find("x-amz-security-token") != std::string::npos);
}

// help.aliyun.com, "RPC signature mechanism", its example with DescribeRegions.
BOOST_AUTO_TEST_CASE(an_alibaba_call_is_signed_as_in_the_documentation) {
  fetch_request request;
  sign_alibaba_rpc(request, "http://ecs.aliyuncs.com",
                   {{"Action", "DescribeRegions"}, {"Version", "2014-05-26"}, {"Format", "XML"}},
                   {"testid", "testsecret", {}}, 1'456'231'584 * ns_per_s, "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf");
  BOOST_TEST(ends_with(request.url, "&Signature=OLeaidS1JvxuMvnyHOwuJ%2BuX5qY%3D"));
}

BOOST_AUTO_TEST_CASE(a_log_service_call_names_its_key_and_date) {
  fetch_request request;
  sign_alibaba_log(request, "https://p.cn-hangzhou.log.aliyuncs.com", "/logstores/x", {{"type", "log"}, {"from", "1"}},
                   {"id", "secret", {}}, 1'447'049'476 * ns_per_s);
  BOOST_TEST(request.url == "https://p.cn-hangzhou.log.aliyuncs.com/logstores/x?from=1&type=log");
  BOOST_TEST(header_of(request, "Date") == "Mon, 09 Nov 2015 06:11:16 GMT");
  const auto signature = base64_of(hmac_of(hash_kind::sha1, "secret",
                                           "GET\n\n\nMon, 09 Nov 2015 06:11:16 GMT\nx-log-apiversion:0.6.0\n"
                                           "x-log-bodyrawsize:0\nx-log-signaturemethod:hmac-sha1\n"
                                           "/logstores/x?from=1&type=log"));
  BOOST_TEST(header_of(request, "Authorization") == "LOG id:" + signature);
}

BOOST_AUTO_TEST_CASE(hashes_and_encodings_are_the_usual_ones) {
  BOOST_TEST(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  BOOST_TEST(hex_of(hmac_of(hash_kind::sha1, "key", "The quick brown fox jumps over the lazy dog")) ==
             "de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9");
  BOOST_TEST(base64_of("any carnal pleas") == "YW55IGNhcm5hbCBwbGVhcw==");
}

BOOST_AUTO_TEST_SUITE_END()
