// targets/http/signing.hpp - signatures over a request: the generic HMAC and hash schemes, AWS Signature Version 4,
// Alibaba ACS3-HMAC-SHA256 and RPC (signature version 1.0), Tencent TC3-HMAC-SHA256, Huawei SDK-HMAC-SHA256. Functions
// of their arguments: time and nonce are passed in, credentials are never kept.
//
// Sources: AWS General Reference "Signing AWS API requests"; Alibaba Cloud "V3 version request body & signature
// mechanism" and "RPC mechanism"; Tencent Cloud API "Signature v3"; Huawei Cloud API Gateway "AK/SK signing algorithm".
#pragma once
#include "response/core/http_call.hpp"

namespace soc::targets {

/// The resolved credentials of one call, and what makes it unique.
struct signer {
  std::string access_key, secret, session_token; ///< session_token: empty = none
  std::string service, region;
  unix_ns now = 0;
  std::string nonce;
};

using response::http_request;

/// Adds time, nonce and the signature where `auth` says.
void sign_by_hmac(http_request& request, const response::authentication& auth, const signer& by);
void sign_aws_sigv4(http_request& request, const signer& by);
void sign_alibaba_acs3(http_request& request, const signer& by);
void sign_alibaba_rpc(http_request& request, const signer& by);
void sign_tencent_tc3(http_request& request, const signer& by);
void sign_huawei_sdk(http_request& request, const signer& by);

/// "<prefix><hex of HMAC-SHA256(secret, [time '.'] body)>": the value of a webhook's signature header.
std::string hmac_signature(const std::string& secret, const std::string& time, const std::string& body,
                           const std::string& prefix);
std::string base64_of(const std::string& bytes);

} // namespace soc::targets
