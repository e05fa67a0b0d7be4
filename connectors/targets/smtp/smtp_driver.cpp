#include "connectors/targets/smtp/smtp_driver.hpp"

#include "base/hash.hpp"
#include "base/json_template.hpp"
#include "connectors/targets/http/signing.hpp"
#include "connectors/targets/secrets.hpp"

#include <curl/curl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <ctime>
#include <memory>

namespace soc::targets {

using nlohmann::json;
using response::call_outcome;
using response::component_call;
using kind = call_outcome::kind;

namespace {

constexpr std::size_t base64_line = 76, longest_subject = 200;

struct mail_settings {
  std::string host, from, tls, ca_file, user, password;
  std::vector<std::string> to;
  int port = 587;
};

bool is_address(const std::string& text) {
  return text.find('@') != std::string::npos && text.find_first_of(" \t\r\n<>,;\"") == std::string::npos;
}

result<mail_settings> settings_of_mail(const response::resource_instance& instance) {
  const auto& from = instance.settings;
  mail_settings out;
  out.host = from.value("host", "");
  out.port = from.value("port", out.port);
  out.from = from.value("from", "");
  out.tls = from.value("tls", "starttls");
  out.ca_file = from.value("ca_file", "");
  if (const auto to = from.find("to"); to != from.end() && to->is_array())
    for (const auto& one : *to)
      out.to.push_back(json_to_text(one));
  if (out.host.empty() || !is_address(out.from) || out.to.empty() ||
      !std::all_of(out.to.begin(), out.to.end(), is_address))
    return failure{ec::invalid_input, "the instance needs settings host, from and to (addresses)"};
  for (const auto& [name, into] : {std::pair{"user", &out.user}, {"password", &out.password}})
    if (instance.credentials.contains(name)) {
      auto text = credential(instance, name);
      if (!text)
        return text.error();
      *into = std::move(text).take();
    }
  return out;
}

/// Whole characters only: an encoded word must not cut a UTF-8 sequence.
std::string shortened(const std::string& text, std::size_t most) {
  auto end = std::min(text.size(), most);
  while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
    --end;
  return text.substr(0, end);
}

std::string encoded_words(const std::string& text) {
  constexpr std::size_t bytes_a_word = 42;
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto part = shortened(text.substr(at), bytes_a_word);
    out += (out.empty() ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?") + base64_of(part) + "?=";
    at += std::max<std::size_t>(1, part.size());
  }
  return out;
}

std::string mail_date(unix_ns time) {
  const std::time_t s = time / ns_per_s;
  std::tm parts{};
  gmtime_r(&s, &parts);
  char out[48];
  return {out, std::strftime(out, sizeof out, "%a, %d %b %Y %H:%M:%S +0000", &parts)};
}

struct upload {
  std::string text;
  std::size_t at = 0;
};

std::size_t give_text(char* into, std::size_t size, std::size_t count, void* from) {
  auto& rest = *static_cast<upload*>(from);
  const auto n = std::min(size * count, rest.text.size() - rest.at);
  std::copy_n(rest.text.data() + rest.at, n, into);
  rest.at += n;
  return n;
}

struct easy_end {
  void operator()(CURL* h) const { curl_easy_cleanup(h); }
};
struct list_end {
  void operator()(curl_slist* l) const { curl_slist_free_all(l); }
};

call_outcome outcome_of_mail(CURLcode code, CURL* handle, const upload& sent) {
  if (code == CURLE_OK)
    return {kind::succeeded, {{"sent", true}}, ""};
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  const auto said = fmt::format("{}{}", curl_easy_strerror(code), status > 0 ? fmt::format(" (SMTP {})", status) : "");
  // The server takes the mail with its answer to the whole text: before that, nothing was sent.
  if (sent.at < sent.text.size() || status >= 400)
    return {status >= 500 ? kind::failed : kind::transient, nullptr, said};
  return {kind::unknown, nullptr, said};
}

} // namespace

std::string mail_text(const std::string& from, const std::vector<std::string>& to, const json& parameters,
                      const std::string& id, unix_ns time) {
  const auto text = [&](const char* name) {
    const auto at = parameters.find(name);
    return at == parameters.end() ? std::string{} : json_to_text(*at);
  };
  const auto severity = text("severity");
  const auto subject = shortened((severity.empty() ? "" : "[" + severity + "] ") + text("title"), longest_subject);
  auto body = text("title") + "\n\n" + text("text") + "\n";
  if (const auto details = text("details"); !details.empty())
    body += "\n" + details + "\n";
  std::string out =
      fmt::format("Date: {}\r\nFrom: {}\r\nTo: {}\r\nMessage-ID: <{}@soc>\r\nSubject: {}\r\nMIME-Version: 1.0\r\n"
                  "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n",
                  mail_date(time), from, fmt::join(to, ", "), to_hex(hash128(id)), encoded_words(subject));
  const auto encoded = base64_of(body);
  for (std::size_t at = 0; at < encoded.size(); at += base64_line)
    out += encoded.substr(at, base64_line) + "\r\n";
  return out;
}

call_outcome smtp_driver::call(const component_call& what) {
  auto settings = settings_of_mail(*what.instance);
  if (!settings)
    return {kind::failed, nullptr, settings.error().what};
  const std::unique_ptr<CURL, easy_end> handle(curl_easy_init());
  upload text{mail_text(settings->from, settings->to, what.parameters, what.idempotency_key, clock_->now())};
  curl_slist* raw = nullptr;
  for (const auto& to : settings->to)
    raw = curl_slist_append(raw, to.c_str());
  const std::unique_ptr<curl_slist, list_end> to(raw);
  auto* h = handle.get();
  const auto url = fmt::format("{}://{}:{}", settings->tls == "tls" ? "smtps" : "smtp", settings->host, settings->port);
  curl_easy_setopt(h, CURLOPT_URL, url.c_str());
  curl_easy_setopt(h, CURLOPT_USE_SSL, settings->tls == "none" ? CURLUSESSL_NONE : CURLUSESSL_ALL);
  curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, static_cast<long>(what.component->actions.at(what.action).timeout_ms));
  if (!settings->ca_file.empty())
    curl_easy_setopt(h, CURLOPT_CAINFO, settings->ca_file.c_str());
  if (!settings->user.empty()) {
    curl_easy_setopt(h, CURLOPT_USERNAME, settings->user.c_str());
    curl_easy_setopt(h, CURLOPT_PASSWORD, settings->password.c_str());
  }
  curl_easy_setopt(h, CURLOPT_MAIL_FROM, settings->from.c_str());
  curl_easy_setopt(h, CURLOPT_MAIL_RCPT, to.get());
  curl_easy_setopt(h, CURLOPT_READFUNCTION, give_text);
  curl_easy_setopt(h, CURLOPT_READDATA, &text);
  curl_easy_setopt(h, CURLOPT_UPLOAD, 1L);
  return outcome_of_mail(curl_easy_perform(h), h, text);
}

} // namespace soc::targets
