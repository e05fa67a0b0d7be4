#include "connectors/targets/http/http_transport.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <memory>
#include <mutex>

namespace soc::targets {

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
    list = curl_slist_append(list, (value.empty() ? name + ";" : name + ": " + value).c_str()); // ";": sent empty
  list = curl_slist_append(list, "Expect:");
  return curl_list(list);
}

/// The request surely did not reach the target.
bool never_left(CURLcode code) {
  return code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_COULDNT_CONNECT ||
         code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION;
}

void set_tls(CURL* handle, const tls_files& tls) {
  if (!tls.ca_file.empty())
    curl_easy_setopt(handle, CURLOPT_CAINFO, tls.ca_file.c_str());
  const auto blob = [&](CURLoption option, const std::string& text) {
    curl_blob value{const_cast<char*>(text.data()), text.size(), CURL_BLOB_COPY};
    if (!text.empty())
      curl_easy_setopt(handle, option, &value);
  };
  blob(CURLOPT_SSLCERT_BLOB, tls.client_certificate);
  blob(CURLOPT_SSLKEY_BLOB, tls.client_key);
}

void set_options(CURL* handle, const http_request& request, const curl_slist* headers, http_response& response,
                 long timeout_ms) {
  curl_easy_setopt(handle, CURLOPT_URL, request.url().c_str()); // curl copies it
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

} // namespace

result<http_response> send_request(const http_request& request, const tls_files& tls, long timeout_ms) {
  static std::once_flag once; // libcurl wants it before the first thread uses it
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  auto* handle = thread_handle();
  if (handle == nullptr)
    return failure{ec::unavailable, "no HTTP client"};
  http_response response;
  const auto headers = header_list(request);
  set_options(handle, request, headers.get(), response, std::max(1L, timeout_ms));
  set_tls(handle, tls);
  const auto code = curl_easy_perform(handle);
  if (code != CURLE_OK)
    return failure{never_left(code) ? ec::unavailable : ec::timed_out, curl_easy_strerror(code)};
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  response.status = static_cast<int>(status);
  return response;
}

} // namespace soc::targets
