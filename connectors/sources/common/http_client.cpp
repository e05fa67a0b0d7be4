#include "connectors/sources/common/http_client.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <mutex>

namespace soc::sources {

struct http_client::handle {
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy{curl_easy_init(), curl_easy_cleanup};
};

struct http_client::transfer {
  CURL* easy;
  const body_sink& sink;
  fetch_response& response;
  std::size_t max_body_bytes;
  const std::atomic<bool>& stopped;
  bool too_large = false, ended = false;

  static std::size_t take_body(char* bytes, std::size_t size, std::size_t count, void* self) {
    auto& t = *static_cast<transfer*>(self);
    const std::string_view piece(bytes, size * count);
    long status = 0;
    curl_easy_getinfo(t.easy, CURLINFO_RESPONSE_CODE, &status);
    if (t.sink && status >= 200 && status < 300) {
      t.ended = !t.sink(static_cast<int>(status), piece);
      return t.ended ? 0 : piece.size();
    }
    t.too_large = t.response.body.size() + piece.size() > t.max_body_bytes;
    if (t.too_large)
      return 0;
    t.response.body.append(piece);
    return piece.size();
  }

  static std::size_t take_header(char* bytes, std::size_t size, std::size_t count, void* self) {
    const std::string_view line(bytes, size * count);
    const auto colon = line.find(':');
    auto& headers = static_cast<transfer*>(self)->response.headers;
    if (colon == std::string_view::npos || headers.size() > 200)
      return line.size();
    std::string name(line.substr(0, colon));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    const auto first = line.find_first_not_of(" \t", colon + 1);
    const auto last = line.find_last_not_of(" \t\r\n");
    headers[name] =
        first == std::string_view::npos || last < first ? "" : std::string(line.substr(first, last - first + 1));
    return line.size();
  }

  static int watch(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<transfer*>(self)->stopped ? 1 : 0;
  }
};

namespace {

using header_list = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

header_list list_of(const fetch_request& request) {
  curl_slist* list = nullptr;
  for (const auto& [name, value] : request.headers)
    list = curl_slist_append(list, (value.empty() ? name + ";" : name + ": " + value).c_str());
  list = curl_slist_append(list, "Expect:");
  return {list, curl_slist_free_all};
}

bool has_line_break(const fetch_request& request) {
  const auto broken = [](const std::string& text) { return text.find_first_of("\r\n") != std::string::npos; };
  return broken(request.url) || broken(request.method) ||
         std::any_of(request.headers.begin(), request.headers.end(),
                     [&](const auto& header) { return broken(header.first) || broken(header.second); });
}

void set_request(CURL* easy, const fetch_request& request, const curl_slist* headers, const fetch_limits& limits) {
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L); // the path is part of what was signed
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits.connect_timeout.count()));
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, static_cast<long>(limits.silence.count()));
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "agentic-soc");
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  if (!limits.tls_ca.empty())
    curl_easy_setopt(easy, CURLOPT_CAINFO, limits.tls_ca.c_str());
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  }
}

} // namespace

http_client::http_client(fetch_limits limits) : limits_(std::move(limits)) {
  static std::once_flag once; // libcurl wants it before the first thread uses it
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  handle_ = std::make_unique<handle>();
}

http_client::~http_client() = default;

result<fetch_response> http_client::fetch(const fetch_request& request, const body_sink& sink) {
  auto* easy = handle_->easy.get();
  if (easy == nullptr)
    return failure{ec::internal, "no HTTP client"};
  if (stopped_)
    return failure{ec::closed, "stopped"};
  if (has_line_break(request))
    return failure{ec::invalid_input, "a line break in a request's address or headers"};
  curl_easy_reset(easy); // keeps the connection
  fetch_response response;
  transfer t{easy, sink, response, limits_.max_body_bytes, stopped_};
  const auto headers = list_of(request);
  set_request(easy, request, headers.get(), limits_);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, transfer::take_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &t);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, transfer::take_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &t);
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, transfer::watch);
  curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &t);
  const auto code = curl_easy_perform(easy);
  if (t.too_large)
    return failure{ec::too_large, "the answer is longer than " + std::to_string(limits_.max_body_bytes) + " bytes"};
  if (t.ended || stopped_)
    return failure{ec::closed, "ended"};
  if (code != CURLE_OK)
    return failure{ec::unavailable, curl_easy_strerror(code)};
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  response.status = static_cast<int>(status);
  return response;
}

std::string percent_encoded(std::string_view text, bool keep_slash) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~' || (keep_slash && c == '/');
    if (plain) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

} // namespace soc::sources
