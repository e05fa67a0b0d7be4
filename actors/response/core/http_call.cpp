#include "response/core/http_call.hpp"

#include "base/json_template.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::response {

using nlohmann::json;

namespace {

constexpr std::size_t max_detail_bytes = 300;

json encoded_texts(const json& value) {
  if (!value.is_structured())
    return percent_encoded(json_to_text(value));
  json out = value.is_array() ? json::array() : json::object();
  for (const auto& item : value.items())
    if (value.is_array())
      out.push_back(encoded_texts(item.value()));
    else
      out[item.key()] = encoded_texts(item.value());
  return out;
}

json call_scope(const component_call& call) {
  return {{"params", call.parameters},
          {"instance", {{"name", call.instance->name}, {"settings", call.instance->settings}}},
          {"call", {{"idempotency_key", call.idempotency_key}, {"task_id", call.task_id}, {"reason", call.reason}}}};
}

std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
  return text;
}

bool transient_by_default(int status) {
  return status == 408 || status == 425 || status == 429 || status == 500 || (status >= 502 && status <= 504);
}

bool holds(const std::optional<json_condition>& condition, const json& scope, bool otherwise) {
  return condition ? condition->matches(scope) : otherwise;
}

/// Where the reference ended, so that nobody reads a whole page of HTML.
std::string said(const http_response& response) {
  auto text = response.body.substr(0, max_detail_bytes);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return text.empty() ? fmt::format("HTTP {}", response.status) : fmt::format("HTTP {}: {}", response.status, text);
}

} // namespace

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain)
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

result<http_request> request_of(const component_call& call) {
  const auto at = call.component->actions.find(call.action);
  if (at == call.component->actions.end() || !at->second.http)
    return failure{ec::invalid_input, fmt::format("'{}' is no HTTP action", call.action)};
  const auto& exchange = *at->second.http;
  const auto names = call_scope(call);
  const auto encoded = encoded_texts(names);
  http_request out;
  out.method = exchange.method;
  auto path = expand(exchange.path, encoded);
  if (!path)
    return path.error();
  out.url = call.instance->endpoint;
  if (out.url.ends_with('/'))
    out.url.pop_back();
  out.url += json_to_text(*path);
  char separator = '?';
  for (const auto& [name, value] : exchange.query) {
    auto text = expand(value, encoded);
    if (!text)
      return text.error();
    out.url += separator + percent_encoded(name) + "=" + json_to_text(*text);
    separator = '&';
  }
  for (const auto& [name, value] : exchange.headers) {
    auto text = expand(value, names);
    if (!text)
      return text.error();
    out.headers.emplace_back(name, one_line(json_to_text(*text)));
  }
  if (!exchange.body.is_null()) {
    auto body = expand(exchange.body, names);
    if (!body)
      return body.error();
    out.body = body->dump(-1, ' ', false, json::error_handler_t::replace);
    out.has_body = true;
    out.headers.emplace_back("Content-Type", "application/json");
  }
  return out;
}

call_outcome outcome_of(const component_call& call, const http_response& response) {
  const auto& action = call.component->actions.at(call.action);
  const auto& exchange = *action.http;
  auto body = json::parse(response.body, nullptr, false);
  if (body.is_discarded())
    body = response.body;
  const json scope{
      {"status", response.status}, {"headers", response.headers}, {"body", body}, {"params", call.parameters}};
  call_outcome out;
  if (holds(exchange.success, scope, response.status >= 200 && response.status < 300)) {
    out.what = call_outcome::kind::succeeded;
    const auto output = exchange.output.is_null() ? result<json>(body) : expand(exchange.output, scope);
    if (output)
      out.output = *output;
    else
      out = {call_outcome::kind::failed, nullptr, "the answer lacks what was expected: " + output.error().what};
    return out;
  }
  if (exchange.missing && exchange.missing->matches(scope))
    return {call_outcome::kind::succeeded, json{{"missing", true}}, "it was not there"};
  out.what = holds(exchange.transient, scope, transient_by_default(response.status)) ? call_outcome::kind::transient
                                                                                     : call_outcome::kind::failed;
  out.detail = said(response);
  return out;
}

} // namespace soc::response
