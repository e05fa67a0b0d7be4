#include "connectors/targets/http/http_driver.hpp"

#include "connectors/targets/secrets.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace soc::targets {

using response::authentication;
using response::call_outcome;
using response::component_call;
using response::http_request;
using response::http_response;

namespace {

constexpr std::size_t max_answer_bytes = 4U << 20;
constexpr long connect_timeout_ms = 3000;

struct curl_easy_closer {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using curl_easy = std::unique_ptr<CURL, curl_easy_closer>;

struct curl_list_closer {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using curl_list = std::unique_ptr<curl_slist, curl_list_closer>;

/// One handle a worker thread: it keeps the connection open.
CURL* thread_handle() {
  thread_local curl_easy handle(curl_easy_init());
  if (handle)
    curl_easy_reset(handle.get());
  return handle.get();
}

std::size_t take_body(char* bytes, std::size_t size, std::size_t count, void* into) {
  auto& response = *static_cast<http_response*>(into);
  if (response.body.size() + size * count > max_answer_bytes)
    return 0; // ends the transfer
  response.body.append(bytes, size * count);
  return size * count;
}

std::size_t take_header(char* bytes, std::size_t size, std::size_t count, void* into) {
  const std::string line(bytes, size * count);
  const auto colon = line.find(':');
  if (colon != std::string::npos) {
    auto name = line.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) {
      return c < 0x80 ? static_cast<char>(std::tolower(c)) : static_cast<char>(c);
    });
    const auto first = line.find_first_not_of(" \t", colon + 1);
    const auto last = line.find_last_not_of(" \t\r\n");
    static_cast<http_response*>(into)->headers[name] =
        first == std::string::npos || last < first ? "" : line.substr(first, last - first + 1);
  }
  return size * count;
}

curl_list header_list(const http_request& request) {
  curl_slist* list = nullptr;
  for (const auto& [name, value] : request.headers)
    list = curl_slist_append(list, (name + ": " + value).c_str());
  list = curl_slist_append(list, "Expect:");
  return curl_list(list);
}

/// The request surely did not reach the target.
bool never_left(CURLcode code) {
  return code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_COULDNT_CONNECT ||
         code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION;
}

void set_options(CURL* handle, const http_request& request, const curl_slist* headers, http_response& response,
                 long timeout_ms) {
  curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L); // a redirect would carry the secret elsewhere
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, std::min(connect_timeout_ms, timeout_ms));
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, timeout_ms);
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(handle, CURLOPT_USERAGENT, "agentic-soc");
  curl_easy_setopt(handle, CURLOPT_PROXY, "");
  if (request.has_body) {
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  }
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &response);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &response);
}

std::string base64(const std::string& bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

} // namespace

std::string hmac_signature(const std::string& secret, const std::string& time, const std::string& body,
                           const std::string& prefix) {
  const auto message = time.empty() ? body : time + "." + body;
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(message.data()), message.size(), hash, &size);
  std::string out = prefix;
  for (unsigned int i = 0; i < size; ++i)
    out += fmt::format("{:02x}", hash[i]);
  return out;
}

http_driver::http_driver(std::shared_ptr<const clock_source> clock) : clock_(std::move(clock)) {
  static std::once_flag once; // libcurl wants it before the first thread uses it
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

outcome http_driver::sign(const component_call& what, http_request& request) const {
  const auto& auth = what.component->auth;
  if (auth.how == authentication::kind::none)
    return done{};
  const auto secret = credential(*what.instance, auth.secret);
  if (!secret)
    return secret.error();
  if (secret->find_first_of("\r\n") != std::string::npos)
    return failure{ec::invalid_input, "the credential holds a line break"};
  if (auth.how == authentication::kind::bearer)
    request.headers.emplace_back("Authorization", "Bearer " + *secret);
  else if (auth.how == authentication::kind::api_key)
    request.headers.emplace_back(auth.header, *secret);
  else if (auth.how == authentication::kind::basic) {
    const auto user = credential(*what.instance, auth.user);
    if (!user)
      return user.error();
    request.headers.emplace_back("Authorization", "Basic " + base64(*user + ":" + *secret));
  } else {
    const auto time = auth.time_header.empty() ? std::string{} : std::to_string(clock_->now() / ns_per_s);
    if (!time.empty())
      request.headers.emplace_back(auth.time_header, time);
    request.headers.emplace_back(auth.header, hmac_signature(*secret, time, request.body, auth.prefix));
  }
  return done{};
}

call_outcome http_driver::call(const component_call& what) {
  using kind = call_outcome::kind;
  auto request = response::request_of(what);
  if (!request)
    return {kind::failed, nullptr, request.error().what};
  if (const auto signed_well = sign(what, *request); !signed_well)
    return {kind::failed, nullptr, signed_well.error().what};
  auto* handle = thread_handle();
  if (handle == nullptr)
    return {kind::transient, nullptr, "no HTTP client"};
  http_response response;
  const auto headers = header_list(*request);
  set_options(handle, *request, headers.get(), response,
              static_cast<long>(what.component->actions.at(what.action).timeout_ms));
  const auto code = curl_easy_perform(handle);
  if (code != CURLE_OK)
    return {never_left(code) ? kind::transient : kind::unknown, nullptr, curl_easy_strerror(code)};
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  response.status = static_cast<int>(status);
  return response::outcome_of(what, response);
}

} // namespace soc::targets
