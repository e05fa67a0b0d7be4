#include "connectors/targets/http/signing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace soc::targets {

using response::authentication;
using response::form_encoded;
using response::name_values;
using response::percent_encoded;

namespace {

const EVP_MD* digest_named(const std::string& name) {
  return name == "sha1" ? EVP_sha1() : name == "sha512" ? EVP_sha512() : EVP_sha256();
}

std::string hash_of(const EVP_MD* how, const std::string& text) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), out, &size, how, nullptr);
  return {reinterpret_cast<const char*>(out), size};
}

std::string hmac_of(const EVP_MD* how, const std::string& key, const std::string& text) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(how, key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
       out, &size);
  return {reinterpret_cast<const char*>(out), size};
}

std::string hex(const std::string& bytes) {
  std::string out;
  for (const char c : bytes)
    out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

std::string sha256_hex(const std::string& text) {
  return hex(hash_of(EVP_sha256(), text));
}

std::string hmac_sha256(const std::string& key, const std::string& text) {
  return hmac_of(EVP_sha256(), key, text);
}

std::string utc(unix_ns time, const char* format) {
  const std::time_t s = time / ns_per_s;
  std::tm parts{};
  gmtime_r(&s, &parts);
  char out[40];
  return {out, std::strftime(out, sizeof out, format, &parts)};
}

std::string lower_name(std::string text) {
  for (auto& c : text)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Encoded entries in order of their names, then values.
std::string canonical_query(const name_values& query) {
  std::vector<std::pair<std::string, std::string>> sorted;
  for (const auto& [name, value] : query)
    sorted.emplace_back(percent_encoded(name), percent_encoded(value));
  std::sort(sorted.begin(), sorted.end());
  std::string out;
  for (const auto& [name, value] : sorted)
    out += (out.empty() ? "" : "&") + name + "=" + value;
  return out;
}

struct canonical_headers {
  std::string lines, names; ///< "host:x\n…", "host;x-date"
};

template <class Choose>
canonical_headers canonical_headers_of(const http_request& request, Choose wanted) {
  std::map<std::string, std::string> chosen{{"host", request.host()}};
  for (const auto& [name, value] : request.headers)
    if (wanted(lower_name(name)))
      chosen[lower_name(name)] = trimmed(value);
  canonical_headers out;
  for (const auto& [name, value] : chosen) {
    if (!wanted(name))
      continue;
    out.lines += name + ":" + value + "\n";
    out.names += (out.names.empty() ? "" : ";") + name;
  }
  return out;
}

std::string path_encoded_again(const std::string& path) {
  std::string out;
  for (const char c : path)
    out += c == '/' ? "/" : percent_encoded(std::string_view(&c, 1));
  return out;
}

std::string header_value(const http_request& request, const std::string& lower) {
  for (const auto& [name, value] : request.headers)
    if (lower_name(name) == lower)
      return value;
  return {};
}

/// "{name}" replaced; what is put in is not looked at again.
std::string filled(const std::string& pattern, const std::map<std::string, std::string>& values) {
  std::string out;
  for (std::size_t i = 0; i < pattern.size();) {
    const auto end = pattern[i] == '{' ? pattern.find('}', i) : std::string::npos;
    const auto at = end == std::string::npos ? values.end() : values.find(pattern.substr(i + 1, end - i - 1));
    if (at == values.end()) {
      out += pattern[i++];
      continue;
    }
    out += at->second;
    i = end + 1;
  }
  return out;
}

void put_field(http_request& request, const std::string& name, const nlohmann::json& value) {
  if (!request.json_body.is_object())
    request.json_body = nlohmann::json::object();
  request.json_body[name] = value;
  request.body = request.json_body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (!request.has_body)
    request.headers.emplace_back("Content-Type", "application/json");
  request.has_body = true;
}

} // namespace

std::string base64_of(const std::string& bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::string hmac_signature(const std::string& secret, const std::string& time, const std::string& body,
                           const std::string& prefix) {
  return prefix + hex(hmac_sha256(secret, time.empty() ? body : time + "." + body));
}

void sign_by_hmac(http_request& request, const authentication& auth, const signer& by) {
  const auto time = std::to_string(auth.milliseconds ? by.now / ns_per_ms : by.now / ns_per_s);
  if (!auth.time_body.empty())
    put_field(request, auth.time_body, time);
  if (!auth.time_header.empty())
    request.headers.emplace_back(auth.time_header, time);
  if (!auth.time_query.empty())
    request.query.emplace_back(auth.time_query, time);
  if (!auth.nonce_header.empty())
    request.headers.emplace_back(auth.nonce_header, by.nonce);
  const auto* how = digest_named(auth.hash);
  const std::map<std::string, std::string> values{
      {"secret", by.secret},  {"time", time},
      {"nonce", by.nonce},    {"method", request.method},
      {"path", request.path}, {"query", form_encoded(request.query)},
      {"body", request.body}, {"body_hash", hex(hash_of(how, request.body))},
      {"newline", "\n"}};
  const auto message = filled(auth.message, values);
  const auto bytes =
      auth.how == authentication::kind::hash ? hash_of(how, message) : hmac_of(how, filled(auth.key, values), message);
  const auto text = auth.prefix + (auth.base64 ? base64_of(bytes) : hex(bytes));
  if (!auth.body.empty())
    put_field(request, auth.body, text);
  else if (!auth.query.empty())
    request.query.emplace_back(auth.query, text);
  else
    request.headers.emplace_back(auth.header, text);
}

void sign_aws_sigv4(http_request& request, const signer& by) {
  const auto date = utc(by.now, "%Y%m%d"), time = utc(by.now, "%Y%m%dT%H%M%SZ");
  const auto payload = sha256_hex(request.body);
  request.headers.emplace_back("X-Amz-Date", time);
  if (!by.session_token.empty())
    request.headers.emplace_back("X-Amz-Security-Token", by.session_token);
  if (by.service == "s3")
    request.headers.emplace_back("X-Amz-Content-Sha256", payload);
  const auto headers = canonical_headers_of(request, [](const std::string&) { return true; });
  const auto path = by.service == "s3" ? request.path : path_encoded_again(request.path);
  const auto canonical = request.method + "\n" + path + "\n" + canonical_query(request.query) + "\n" + headers.lines +
                         "\n" + headers.names + "\n" + payload;
  const auto scope = fmt::format("{}/{}/{}/aws4_request", date, by.region, by.service);
  const auto to_sign = "AWS4-HMAC-SHA256\n" + time + "\n" + scope + "\n" + sha256_hex(canonical);
  auto key = hmac_sha256("AWS4" + by.secret, date);
  for (const auto& part : {by.region, by.service, std::string("aws4_request")})
    key = hmac_sha256(key, part);
  request.headers.emplace_back("Authorization",
                               fmt::format("AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}",
                                           by.access_key, scope, headers.names, hex(hmac_sha256(key, to_sign))));
}

void sign_alibaba_acs3(http_request& request, const signer& by) {
  const auto payload = sha256_hex(request.body);
  request.headers.emplace_back("x-acs-date", utc(by.now, "%Y-%m-%dT%H:%M:%SZ"));
  request.headers.emplace_back("x-acs-signature-nonce", by.nonce);
  request.headers.emplace_back("x-acs-content-sha256", payload);
  if (!by.session_token.empty())
    request.headers.emplace_back("x-acs-security-token", by.session_token);
  const auto headers = canonical_headers_of(request, [](const std::string& name) {
    return name == "host" || name == "content-type" || name.starts_with("x-acs-");
  });
  const auto canonical = request.method + "\n" + request.path + "\n" + canonical_query(request.query) + "\n" +
                         headers.lines + "\n" + headers.names + "\n" + payload;
  const auto signature = hex(hmac_sha256(by.secret, "ACS3-HMAC-SHA256\n" + sha256_hex(canonical)));
  request.headers.emplace_back("Authorization",
                               fmt::format("ACS3-HMAC-SHA256 Credential={},SignedHeaders={},Signature={}",
                                           by.access_key, headers.names, signature));
}

void sign_alibaba_rpc(http_request& request, const signer& by) {
  name_values common{{"AccessKeyId", by.access_key},   {"Format", "JSON"},
                     {"SignatureMethod", "HMAC-SHA1"}, {"SignatureNonce", by.nonce},
                     {"SignatureVersion", "1.0"},      {"Timestamp", utc(by.now, "%Y-%m-%dT%H:%M:%SZ")}};
  if (!by.session_token.empty())
    common.emplace_back("SecurityToken", by.session_token);
  for (auto& entry : common) // what the component says itself stays
    if (std::none_of(request.query.begin(), request.query.end(), [&](const auto& q) { return q.first == entry.first; }))
      request.query.push_back(std::move(entry));
  const auto to_sign = request.method + "&%2F&" + percent_encoded(canonical_query(request.query));
  request.query.emplace_back("Signature", base64_of(hmac_of(EVP_sha1(), by.secret + "&", to_sign)));
}

void sign_tencent_tc3(http_request& request, const signer& by) {
  const auto date = utc(by.now, "%Y-%m-%d"), time = std::to_string(by.now / ns_per_s);
  if (header_value(request, "content-type").empty())
    request.headers.emplace_back("Content-Type", "application/json; charset=utf-8");
  auto headers = canonical_headers_of(request, [](const std::string& name) {
    return name == "host" || name == "content-type" || name == "x-tc-action";
  });
  headers.lines = lower_name(headers.lines); // values too, by the specification
  const auto canonical = request.method + "\n" + request.path + "\n" + canonical_query(request.query) + "\n" +
                         headers.lines + "\n" + headers.names + "\n" + sha256_hex(request.body);
  const auto scope = fmt::format("{}/{}/tc3_request", date, by.service);
  const auto to_sign = "TC3-HMAC-SHA256\n" + time + "\n" + scope + "\n" + sha256_hex(canonical);
  auto key = hmac_sha256("TC3" + by.secret, date);
  for (const auto& part : {by.service, std::string("tc3_request")})
    key = hmac_sha256(key, part);
  request.headers.emplace_back("X-TC-Timestamp", time);
  if (!by.session_token.empty())
    request.headers.emplace_back("X-TC-Token", by.session_token);
  request.headers.emplace_back("Authorization",
                               fmt::format("TC3-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}",
                                           by.access_key, scope, headers.names, hex(hmac_sha256(key, to_sign))));
}

void sign_huawei_sdk(http_request& request, const signer& by) {
  const auto time = utc(by.now, "%Y%m%dT%H%M%SZ");
  request.headers.emplace_back("X-Sdk-Date", time);
  if (!by.session_token.empty())
    request.headers.emplace_back("X-Security-Token", by.session_token);
  const auto headers = canonical_headers_of(request, [](const std::string&) { return true; });
  const auto path = request.path.ends_with('/') ? request.path : request.path + "/";
  const auto canonical = request.method + "\n" + path + "\n" + canonical_query(request.query) + "\n" + headers.lines +
                         "\n" + headers.names + "\n" + sha256_hex(request.body);
  const auto to_sign = "SDK-HMAC-SHA256\n" + time + "\n" + sha256_hex(canonical);
  request.headers.emplace_back("Authorization",
                               fmt::format("SDK-HMAC-SHA256 Access={}, SignedHeaders={}, Signature={}", by.access_key,
                                           headers.names, hex(hmac_sha256(by.secret, to_sign))));
}

} // namespace soc::targets
