// sources/common/request_signing.hpp - signatures of outgoing requests: AWS Signature Version 4
// (docs.aws.amazon.com/IAM/latest/UserGuide, "Create a signed request"), Alibaba Cloud's request signatures (RPC
// signature version 1.0 and Log Service's header signature), plain HMAC. Pure: time and nonce are passed in.
#pragma once
#include "base/time.hpp"
#include "connectors/sources/common/http_client.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace soc::sources {

struct signing_key {
  std::string id, secret, session_token; ///< the token may be empty
};

using query_list = std::vector<std::pair<std::string, std::string>>; ///< not encoded yet

/// "a=b&c=d", encoded, in the order of signatures.
std::string encoded_query(query_list query);

struct aws_scope {
  std::string region, service;
};
/// Adds Host, X-Amz-Date, X-Amz-Content-Sha256 and Authorization to `request`, whose URL is `base` + encoded path +
/// query. `path` is encoded by this, once: as S3 wants it ("s3"), or twice for the canonical request, as the others do.
void sign_aws(fetch_request& request, const std::string& base, const std::string& path, const query_list& query,
              const aws_scope& scope, const signing_key& key, unix_ns now);

/// Alibaba Cloud RPC APIs: adds Signature… to the query and sets the URL.
void sign_alibaba_rpc(fetch_request& request, const std::string& base, query_list query, const signing_key& key,
                      unix_ns now, const std::string& nonce);

/// Alibaba Cloud Log Service (SLS): x-log-* headers, Date, Authorization "LOG id:signature". Sets the URL.
void sign_alibaba_log(fetch_request& request, const std::string& base, const std::string& path, query_list query,
                      const signing_key& key, unix_ns now);

enum class hash_kind { sha1, sha256, sha512 };
std::string hmac_of(hash_kind kind, std::string_view key, std::string_view text); ///< bytes
std::string sha256_hex(std::string_view text);
std::string hex_of(std::string_view bytes);
std::string base64_of(std::string_view bytes);

} // namespace soc::sources
