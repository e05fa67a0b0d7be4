#include "response/core/http_call.hpp"

#include "base/form_text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::response {

using nlohmann::json;

namespace {

constexpr std::size_t max_detail_bytes = 300;
constexpr std::size_t max_gathered_items = 100'000;

std::string xml_escaped(std::string_view text) {
  std::string out;
  for (const char c : text)
    switch (c) {
    case '&':
      out += "&amp;";
      break;
    case '<':
      out += "&lt;";
      break;
    case '>':
      out += "&gt;";
      break;
    case '"':
      out += "&quot;";
      break;
    case '\'':
      out += "&apos;";
      break;
    default:
      out += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? ' ' : c;
    }
  return out;
}

/// Every text of the scope, as `change` makes it.
template <class Change>
json changed_texts(const json& value, Change change) {
  if (!value.is_structured())
    return change(json_to_text(value));
  json out = value.is_array() ? json::array() : json::object();
  for (const auto& item : value.items())
    if (value.is_array())
      out.push_back(changed_texts(item.value(), change));
    else
      out[item.key()] = changed_texts(item.value(), change);
  return out;
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

/// The beginning alone, so that nobody reads a whole page of HTML.
std::string said(const http_response& response) {
  auto text = response.body.substr(0, max_detail_bytes);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return text.empty() ? fmt::format("HTTP {}", response.status) : fmt::format("HTTP {}: {}", response.status, text);
}

json body_of(const http_response& response) {
  auto body = json::parse(response.body, nullptr, false);
  return body.is_discarded() ? json(response.body) : body;
}

json answered_scope(const json& names, const http_response& response) {
  json out = names;
  out["status"] = response.status;
  out["headers"] = response.headers;
  out["body"] = body_of(response);
  return out;
}

std::string dumped(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

outcome split_address(http_request& out, const std::string& address) {
  const auto scheme = address.find("://");
  if (scheme == std::string::npos)
    return failure{ec::invalid_input, "the address has no scheme"};
  const auto path = address.find_first_of("/?", scheme + 3);
  out.origin = address.substr(0, path);
  out.path = path == std::string::npos ? "" : address.substr(path);
  if (const auto mark = out.path.find('?'); mark != std::string::npos) {
    std::string_view rest = std::string_view(out.path).substr(mark + 1);
    while (!rest.empty()) { // what was written is kept as it is: it is encoded already
      const auto end = std::min(rest.find('&'), rest.size());
      const auto part = rest.substr(0, end);
      const auto equals = std::min(part.find('='), part.size());
      out.query.emplace_back(part.substr(0, equals), equals < part.size() ? part.substr(equals + 1) : "");
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    out.path.resize(mark);
  }
  return done{};
}

outcome set_address(http_request& out, const http_exchange& exchange, const std::string& endpoint,
                    const json& encoded) {
  auto tail = expand(exchange.url.empty() ? exchange.path : exchange.url, encoded);
  if (!tail)
    return tail.error();
  auto address = exchange.url.empty() ? endpoint : json_to_text(*tail);
  if (const auto split = split_address(out, address); !split)
    return split;
  if (exchange.url.empty()) {
    while (out.path.ends_with('/'))
      out.path.pop_back();
    const auto path = json_to_text(*tail);
    out.path += path.empty() || path.starts_with('/') || path.starts_with('?') ? path : "/" + path;
    http_request within;
    if (const auto mark = out.path.find('?'); mark != std::string::npos) {
      (void)split_address(within, "http://x" + out.path.substr(mark));
      out.query.insert(out.query.end(), within.query.begin(), within.query.end());
      out.path.resize(mark);
    }
  }
  for (auto& [name, value] : out.query) {
    name = form_decoded(name);
    value = form_decoded(value);
  }
  if (out.path.empty())
    out.path = "/";
  return done{};
}

outcome add_entries(name_values& out, const json& pattern, const json& names, const jq_function& jq,
                    bool leave_out_empty) {
  if (pattern.is_null())
    return done{};
  auto entries = expand_computed(pattern, names, jq);
  if (!entries)
    return entries.error();
  for (const auto& item : entries->items())
    if (auto text = json_to_text(item.value()); !leave_out_empty || !text.empty())
      out.emplace_back(item.key(), std::move(text));
  return done{};
}

bool has_header(const http_request& request, std::string_view name) {
  const auto lower = [](std::string_view text) {
    std::string out(text);
    for (auto& c : out)
      c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return out;
  };
  return std::any_of(request.headers.begin(), request.headers.end(),
                     [&](const auto& h) { return lower(h.first) == lower(name); });
}

outcome set_body(http_request& out, const http_exchange& exchange, const json& names, const jq_function& jq) {
  std::string type = exchange.content_type;
  if (!exchange.form.is_null()) {
    name_values entries;
    if (const auto added = add_entries(entries, exchange.form, names, jq, true); !added)
      return added;
    out.body = form_encoded(entries);
    type = "application/x-www-form-urlencoded";
  } else if (!exchange.text.empty()) {
    const bool xml = type.find("xml") != std::string::npos;
    auto text = expand(exchange.text, xml ? changed_texts(names, xml_escaped) : names);
    if (!text)
      return text.error();
    out.body = json_to_text(*text);
  } else if (!exchange.body.is_null()) {
    auto body = expand_computed(exchange.body, names, jq);
    if (!body)
      return body.error();
    out.json_body = std::move(body).take();
    out.body = dumped(out.json_body);
    type = type.empty() ? "application/json" : type;
  } else {
    return done{};
  }
  out.has_body = true;
  if (!type.empty() && !has_header(out, "content-type"))
    out.headers.emplace_back("Content-Type", type);
  return done{};
}

/// Puts `value` at "a.b" of the JSON body.
void put_in_body(http_request& request, const std::string& path, json value) {
  json* at = &request.json_body;
  std::string_view rest = path;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('.'), rest.size());
    if (!at->is_object())
      *at = json::object();
    at = &(*at)[std::string(rest.substr(0, end))];
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  *at = std::move(value);
  request.body = dumped(request.json_body);
  request.has_body = true;
}

void put_in_query(http_request& request, const std::string& name, const std::string& value) {
  const auto at =
      std::find_if(request.query.begin(), request.query.end(), [&](const auto& q) { return q.first == name; });
  if (at == request.query.end())
    request.query.emplace_back(name, value);
  else
    at->second = value;
}

/// The token or address of the next page; empty: there is none.
result<std::string> next_token(const page_rule& rule, const json& scope, const jq_function& jq) {
  if (jq_program_of(rule.next) != nullptr) {
    auto value = expand_computed(rule.next, scope, jq);
    if (!value)
      return value.error();
    return json_to_text(*value);
  }
  const auto* at = find_path(scope, json_to_text(rule.next));
  return at == nullptr || (at->is_boolean() && !at->get<bool>()) ? std::string{} : json_to_text(*at);
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

std::string form_encoded(const name_values& entries) {
  std::string out;
  for (const auto& [name, value] : entries)
    out += (out.empty() ? "" : "&") + percent_encoded(name) + "=" + percent_encoded(value);
  return out;
}

std::string http_request::host() const {
  const auto scheme = origin.find("://");
  return scheme == std::string::npos ? origin : origin.substr(scheme + 3);
}

std::string http_request::url() const {
  return origin + path + (query.empty() ? "" : "?" + form_encoded(query));
}

json names_of(const component_call& call, unix_ns now) {
  return {{"params", call.parameters},
          {"instance", {{"name", call.instance->name}, {"settings", call.instance->settings}}},
          {"call",
           {{"idempotency_key", call.idempotency_key},
            {"task_id", call.task_id},
            {"reason", call.reason},
            {"time", format_rfc3339(now)},
            {"unix_s", now / ns_per_s}}}};
}

result<http_request> request_of(const http_exchange& exchange, const std::string& endpoint, const json& names,
                                const jq_function& jq) {
  http_request out;
  out.method = exchange.method;
  if (const auto set = set_address(out, exchange, endpoint, changed_texts(names, percent_encoded)); !set)
    return set.error();
  if (const auto added = add_entries(out.query, exchange.query, names, jq, true); !added)
    return added.error();
  if (const auto added = add_entries(out.headers, exchange.headers, names, jq, false); !added)
    return added.error();
  for (auto& [name, value] : out.headers)
    value = one_line(std::move(value));
  if (const auto set = set_body(out, exchange, names, jq); !set)
    return set.error();
  return out;
}

bool succeeded(const http_exchange& exchange, const json& names, const http_response& response) {
  return holds(exchange.success, answered_scope(names, response), response.status >= 200 && response.status < 300);
}

call_outcome outcome_of(const http_exchange& exchange, const json& names, const http_response& response,
                        const json& gathered, const jq_function& jq) {
  json scope = answered_scope(names, response);
  if (!gathered.is_null())
    scope["body"] = {{"items", gathered}};
  call_outcome out;
  if (succeeded(exchange, names, response)) {
    out.what = call_outcome::kind::succeeded;
    const auto output =
        exchange.output.is_null() ? result<json>(scope["body"]) : expand_computed(exchange.output, scope, jq);
    if (output)
      out.output = *output;
    else
      out = {call_outcome::kind::failed, nullptr, "the answer lacks what was expected: " + output.error().what};
    return out;
  }
  if (exchange.missing && exchange.missing->matches(scope))
    return {call_outcome::kind::succeeded, json{{"missing", true}}, "it was not there"};
  if (exchange.already && exchange.already->matches(scope))
    return {call_outcome::kind::succeeded, json{{"already", true}}, "it was there already"};
  out.what = holds(exchange.transient, scope, transient_by_default(response.status)) ? call_outcome::kind::transient
                                                                                     : call_outcome::kind::failed;
  out.detail = said(response);
  return out;
}

void first_page(const page_rule& rule, http_request& request) {
  if (rule.how == page_rule::by::number_query)
    put_in_query(request, rule.name, std::to_string(rule.from));
  else if (rule.how == page_rule::by::number_body)
    put_in_body(request, rule.name, rule.from);
}

result<bool> turn_page(const page_rule& rule, const http_response& response, std::int64_t pages_read,
                       const jq_function& jq, json& gathered, http_request& request) {
  json scope{{"status", response.status}, {"headers", response.headers}, {"body", body_of(response)}};
  const auto* items = find_path(scope, rule.items);
  if (gathered.is_null())
    gathered = json::array();
  const auto count = items != nullptr && items->is_array() ? items->size() : 0;
  for (std::size_t i = 0; i < count; ++i)
    gathered.push_back((*items)[i]);
  if (gathered.size() > max_gathered_items)
    return failure{ec::too_large, fmt::format("more than {} items on {} pages", max_gathered_items, pages_read)};
  using by = page_rule::by;
  if (rule.how == by::number_query || rule.how == by::number_body) {
    if (count < static_cast<std::size_t>(rule.size))
      return false;
    const auto number = rule.from + pages_read;
    if (rule.how == by::number_query)
      put_in_query(request, rule.name, std::to_string(number));
    else
      put_in_body(request, rule.name, number);
  } else {
    auto next = next_token(rule, scope, jq);
    if (!next)
      return next.error();
    if (next->empty())
      return false;
    if (rule.how == by::token_query) {
      put_in_query(request, rule.name, *next);
    } else if (rule.how == by::token_body) {
      put_in_body(request, rule.name, *next);
    } else {
      http_request other;
      http_exchange absolute;
      absolute.url = next->starts_with('/') ? request.origin + *next : *next;
      if (const auto set = set_address(other, absolute, "", json::object()); !set || other.origin != request.origin)
        return failure{ec::invalid_input, "the next page is at another host"};
      request.path = other.path;
      request.query = other.query;
    }
  }
  if (pages_read >= rule.most)
    return failure{ec::too_large, fmt::format("more than {} pages", rule.most)};
  return true;
}

} // namespace soc::response
