#include "connectors/sources/common/request_signing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace soc::sources {

namespace {

const EVP_MD* openssl_digest(hash_kind kind) {
  return kind == hash_kind::sha1 ? EVP_sha1() : kind == hash_kind::sha256 ? EVP_sha256() : EVP_sha512();
}

std::string digest_text(const EVP_MD* kind, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), hash.data(), &size, kind, nullptr);
  return {reinterpret_cast<const char*>(hash.data()), size};
}

/// "20130524T000000Z"
std::string basic_time(unix_ns now) {
  std::string out;
  for (const char c : format_rfc3339(now - now % ns_per_s).substr(0, 19))
    if (c != '-' && c != ':')
      out += c;
  return out + "Z";
}

std::string extended_time(unix_ns now) {
  return format_rfc3339(now - now % ns_per_s).substr(0, 19) + "Z";
}

/// "Wed, 21 Oct 2015 07:28:00 GMT"
std::string http_date(unix_ns now) {
  static constexpr std::array<const char*, 7> days{"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
  static constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto text = extended_time(now);
  const auto day = static_cast<std::size_t>((now / ns_per_s / 86'400) % 7);
  const auto month = static_cast<std::size_t>(std::stoi(text.substr(5, 2)) - 1);
  return fmt::format("{}, {} {} {} {} GMT", days[day], text.substr(8, 2), months[month], text.substr(0, 4),
                     text.substr(11, 8));
}

std::string host_of(const std::string& base) {
  const auto start = base.find("://");
  const auto from = start == std::string::npos ? 0 : start + 3;
  return base.substr(from, base.find('/', from) - from);
}

void set_url(fetch_request& request, const std::string& base, const std::string& path, const std::string& query) {
  request.url = base + path + (query.empty() ? "" : "?" + query);
}

struct canonical_headers {
  std::string text, names;
};

canonical_headers canonical(const std::vector<std::pair<std::string, std::string>>& headers) {
  std::map<std::string, std::string> sorted;
  for (const auto& [name, value] : headers) {
    auto lower = name;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    sorted[lower] = value;
  }
  canonical_headers out;
  for (const auto& [name, value] : sorted) {
    out.text += name + ":" + value + "\n";
    out.names += (out.names.empty() ? "" : ";") + name;
  }
  return out;
}

} // namespace

std::string hmac_of(hash_kind kind, std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned int size = 0;
  HMAC(openssl_digest(kind), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), hash.data(), &size);
  return {reinterpret_cast<const char*>(hash.data()), size};
}

std::string hex_of(std::string_view bytes) {
  std::string out;
  for (const unsigned char c : bytes)
    out += fmt::format("{:02x}", c);
  return out;
}

std::string sha256_hex(std::string_view text) {
  return hex_of(digest_text(EVP_sha256(), text));
}

std::string base64_of(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::string encoded_query(query_list query) {
  for (auto& [name, value] : query) {
    name = percent_encoded(name);
    value = percent_encoded(value);
  }
  std::sort(query.begin(), query.end());
  std::string out;
  for (const auto& [name, value] : query)
    out += (out.empty() ? "" : "&") + name + "=" + value;
  return out;
}

void sign_aws(fetch_request& request, const std::string& base, const std::string& path, const query_list& query,
              const aws_scope& scope, const signing_key& key, unix_ns now) {
  const auto time = basic_time(now), day = time.substr(0, 8);
  const auto encoded_path = percent_encoded(path.empty() ? "/" : path, true);
  const auto query_text = encoded_query(query);
  set_url(request, base, encoded_path, query_text);
  const auto body_hash = sha256_hex(request.body);
  request.headers.emplace_back("Host", host_of(base));
  request.headers.emplace_back("X-Amz-Date", time);
  if (scope.service == "s3")
    request.headers.emplace_back("X-Amz-Content-Sha256", body_hash);
  if (!key.session_token.empty())
    request.headers.emplace_back("X-Amz-Security-Token", key.session_token);
  const auto headers = canonical(request.headers);
  const auto canonical_path = scope.service == "s3" ? encoded_path : percent_encoded(encoded_path, true);
  const auto what = fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, canonical_path, query_text, headers.text,
                                headers.names, body_hash);
  const auto where = fmt::format("{}/{}/{}/aws4_request", day, scope.region, scope.service);
  const auto to_sign = fmt::format("AWS4-HMAC-SHA256\n{}\n{}\n{}", time, where, sha256_hex(what));
  auto secret = hmac_of(hash_kind::sha256, "AWS4" + key.secret, day);
  for (const auto& part : {scope.region, scope.service, std::string("aws4_request")})
    secret = hmac_of(hash_kind::sha256, secret, part);
  request.headers.emplace_back("Authorization",
                               fmt::format("AWS4-HMAC-SHA256 Credential={}/{},SignedHeaders={},Signature={}", key.id,
                                           where, headers.names, hex_of(hmac_of(hash_kind::sha256, secret, to_sign))));
}

void sign_alibaba_rpc(fetch_request& request, const std::string& base, query_list query, const signing_key& key,
                      unix_ns now, const std::string& nonce) {
  query.emplace_back("AccessKeyId", key.id);
  if (std::none_of(query.begin(), query.end(), [](const auto& parameter) { return parameter.first == "Format"; }))
    query.emplace_back("Format", "JSON");
  query.emplace_back("SignatureMethod", "HMAC-SHA1");
  query.emplace_back("SignatureVersion", "1.0");
  query.emplace_back("SignatureNonce", nonce);
  query.emplace_back("Timestamp", extended_time(now));
  if (!key.session_token.empty())
    query.emplace_back("SecurityToken", key.session_token);
  const auto text = encoded_query(query);
  const auto to_sign = request.method + "&%2F&" + percent_encoded(text);
  const auto signature = base64_of(hmac_of(hash_kind::sha1, key.secret + "&", to_sign));
  set_url(request, base, "/", text + "&Signature=" + percent_encoded(signature));
}

void sign_alibaba_log(fetch_request& request, const std::string& base, const std::string& path, query_list query,
                      const signing_key& key, unix_ns now) {
  const auto date = http_date(now);
  std::sort(query.begin(), query.end());
  std::string resource = path;
  for (const auto& [name, value] : query)
    resource += (resource == path ? "?" : "&") + name + "=" + value;
  std::map<std::string, std::string> log_headers{{"x-log-apiversion", "0.6.0"},
                                                 {"x-log-bodyrawsize", std::to_string(request.body.size())},
                                                 {"x-log-signaturemethod", "hmac-sha1"}};
  if (!key.session_token.empty())
    log_headers["x-acs-security-token"] = key.session_token;
  std::string md5, type;
  if (!request.body.empty()) {
    auto hex = hex_of(digest_text(EVP_md5(), request.body));
    std::transform(hex.begin(), hex.end(), hex.begin(),
                   [](char c) { return c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c; });
    md5 = hex;
    type = "application/json";
    request.headers.emplace_back("Content-MD5", md5);
    request.headers.emplace_back("Content-Type", type);
  }
  std::string canonical;
  for (const auto& [name, value] : log_headers) {
    canonical += name + ":" + value + "\n";
    request.headers.emplace_back(name, value);
  }
  const auto to_sign = request.method + "\n" + md5 + "\n" + type + "\n" + date + "\n" + canonical + resource;
  request.headers.emplace_back("Date", date);
  request.headers.emplace_back("Authorization",
                               "LOG " + key.id + ":" + base64_of(hmac_of(hash_kind::sha1, key.secret, to_sign)));
  set_url(request, base, percent_encoded(path, true), encoded_query(query));
}

} // namespace soc::sources
