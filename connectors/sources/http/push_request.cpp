#include "connectors/sources/http/push_request.hpp"

#include "base/json_writer.hpp"
#include "connectors/sources/common/inflater.hpp"
#include "connectors/sources/common/line_splitter.hpp"
#include "connectors/sources/http/json_values.hpp"
#include "connectors/sources/otlp/otlp_logs.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace soc::sources {

namespace {

// Codes of the HTTP Event Collector's answers: docs.splunk.com, "Troubleshoot HTTP Event Collector".
constexpr std::array<std::string_view, 5> hec_metadata{"time", "source", "sourcetype", "index", "fields"};
constexpr int hec_success = 0, hec_token_required = 2, hec_invalid_token = 4, hec_no_data = 5, hec_invalid_format = 6,
              hec_busy = 9, hec_no_event = 12, hec_healthy = 17;

std::string_view path_of(std::string_view target) {
  return target.substr(0, target.find('?'));
}

bool is_hec_event(std::string_view path) {
  return path == "/services/collector" || path == "/services/collector/event" ||
         path == "/services/collector/event/1.0";
}
bool is_hec_raw(std::string_view path) {
  return path == "/services/collector/raw" || path == "/services/collector/raw/1.0";
}
bool is_hec_health(std::string_view path) {
  return path == "/services/collector/health" || path == "/services/collector/health/1.0";
}

push_decision refuse(http_response response) {
  push_decision out;
  out.response = std::move(response);
  return out;
}

void take_lines(std::string_view body, std::vector<std::string_view>& records) {
  line_splitter splitter(body.size() + 1);
  std::vector<model::raw_record> lines;
  const auto consumed = splitter.split(body, 0, lines);
  for (const auto& line : lines)
    records.push_back(body.substr(line.offset, line.length));
  auto last = body.substr(consumed);
  if (!last.empty() && last.back() == '\r')
    last.remove_suffix(1);
  if (!last.empty())
    records.push_back(last);
}

/// JSON objects in all their layouts, else lines. Text that only looks like JSON ("[notice] started" reads as a list
/// and a word) is kept as lines: it is the normalizer's to refuse.
void take_plain(std::string_view body, std::vector<std::string_view>& records) {
  const auto first = body.find_first_not_of(" \t\r\n");
  const bool json = first != std::string_view::npos && (body[first] == '{' || body[first] == '[');
  const auto is_object = [](std::string_view value) { return value.front() == '{'; };
  if (json && json_values(body, records) && std::all_of(records.begin(), records.end(), is_object))
    return;
  records.clear();
  take_lines(body, records);
}

http_response take_hec_events(pushed_records& pushed) {
  std::vector<std::string_view> wrapped;
  if (const auto split = json_values(*pushed.body, wrapped); !split)
    return error_response(push_kind::hec_event, 400, "Invalid data format", hec_invalid_format);
  pushed.texts.reserve(wrapped.size());
  for (const auto wrapper : wrapped) {
    const auto event = wrapper.front() == '{' ? json_member(wrapper, "event") : std::string_view{};
    if (event.empty() || event == "\"\"" || event == "null")
      return error_response(push_kind::hec_event, 400, "Event field is required", hec_no_event);
    pushed.hosts.push_back(json_text(json_member(wrapper, "host")));
    // What the sender says of the event beside its host is part of the record: the normalizer reads the wrapper.
    const bool says_more = std::any_of(hec_metadata.begin(), hec_metadata.end(),
                                       [&](auto name) { return !json_member(wrapper, name).empty(); });
    if (says_more)
      pushed.records.push_back(wrapper);
    else if (event.front() == '"') {
      pushed.texts.push_back(json_text(event));
      pushed.records.push_back(pushed.texts.back());
    } else {
      pushed.records.push_back(event);
    }
  }
  return {};
}

http_response take_otlp(const push_rules& rules, push_kind kind, pushed_records& pushed) {
  auto logs = kind == push_kind::otlp_json ? read_otlp_json(*pushed.body, rules.otlp_body_only)
                                           : read_otlp_protobuf(*pushed.body, rules.otlp_body_only);
  if (!logs)
    return error_response(kind, 400, logs.error().what, hec_invalid_format);
  pushed.texts = std::move(logs->records);
  pushed.hosts = std::move(logs->hosts);
  pushed.records.assign(pushed.texts.begin(), pushed.texts.end());
  return {};
}

bool is_collector_answer(push_kind kind) {
  return kind == push_kind::hec_event || kind == push_kind::hec_raw;
}

http_response decompress(const push_rules& rules, push_kind kind, const http_request& request, pushed_records& pushed) {
  const auto& encoding = request.content_encoding;
  if (encoding.empty() || encoding == "identity") {
    pushed.body = std::make_shared<const std::string>(request.body);
    return {};
  }
  const auto how = encoding == "gzip" || encoding == "x-gzip" ? compression::gzip
                   : encoding == "zstd"                       ? compression::zstd
                                                              : compression::none;
  if (how == compression::none)
    return error_response(kind, 415, "Content-Encoding is not gzip or zstd", hec_invalid_format);
  auto text = inflate(how, request.body, rules.limits.max_body_bytes);
  if (!text)
    return error_response(kind, text.error().code == ec::too_large ? 413 : 400, text.error().what, hec_invalid_format);
  pushed.body = std::make_shared<const std::string>(std::move(text).take());
  return {};
}

} // namespace

push_kind kind_of_target(std::string_view target) {
  const auto path = path_of(target);
  return is_hec_event(path) || is_hec_health(path) ? push_kind::hec_event
         : is_hec_raw(path)                        ? push_kind::hec_raw
                                                   : push_kind::plain;
}

http_response admit_request(const push_rules& rules, const http_request& head) {
  const auto path = path_of(head.target);
  const auto kind = rules.otlp ? push_kind::plain : kind_of_target(head.target);
  if (!rules.otlp && is_hec_health(path))
    return head.method == "GET" ? error_response(kind, 200, "HEC is healthy", hec_healthy)
                                : error_response(kind, 405, "Only GET is allowed", hec_invalid_format);
  if (kind == push_kind::plain && path != rules.path)
    return error_response(kind, 404, "There is nothing here; POST to " + rules.path, hec_invalid_format);
  if (head.method != "POST" && head.method != "PUT")
    return error_response(kind, 405, "Only POST is allowed", hec_invalid_format);
  if (rules.tokens.empty())
    return {};
  const auto token = token_of_authorization(head.authorization);
  if (token.empty())
    return error_response(kind, 401, "Token is required", hec_token_required);
  if (!rules.tokens.accepts(token))
    return error_response(kind, 403, "Invalid token", hec_invalid_token);
  return {};
}

push_decision read_push(const push_rules& rules, const http_request& request) {
  if (auto refused = admit_request(rules, request); refused.status != 200 || !refused.body.empty())
    return refuse(std::move(refused));
  push_decision out;
  out.kind = kind_of_target(request.target);
  if (rules.otlp)
    out.kind = request.content_type.rfind("application/json", 0) == 0 ? push_kind::otlp_json : push_kind::otlp_protobuf;
  if (auto refused = decompress(rules, out.kind, request, out.pushed); refused.status != 200)
    return refuse(std::move(refused));
  if (rules.otlp) {
    if (auto refused = take_otlp(rules, out.kind, out.pushed); refused.status != 200)
      return refuse(std::move(refused));
    if (out.pushed.records.empty()) // an empty request is a proper one
      return refuse(stored_response(out.kind, 0));
  } else if (out.kind == push_kind::hec_event) {
    if (auto refused = take_hec_events(out.pushed); refused.status != 200)
      return refuse(std::move(refused));
  } else if (out.kind == push_kind::hec_raw) {
    take_lines(*out.pushed.body, out.pushed.records);
  } else {
    take_plain(*out.pushed.body, out.pushed.records);
  }
  if (out.pushed.records.empty())
    return refuse(error_response(out.kind, 400, "No data", hec_no_data));
  for (const auto record : out.pushed.records)
    if (record.size() > rules.limits.max_record_bytes)
      return refuse(error_response(out.kind, 413, "A record is larger than a message may be", hec_invalid_format));
  out.has_records = true;
  return out;
}

http_response error_response(push_kind kind, int status, std::string_view what, int hec_code) {
  http_response out;
  out.status = status;
  json_writer json(out.body);
  json.begin_object().key(is_collector_answer(kind) ? "text" : "error").string(what);
  if (is_collector_answer(kind))
    json.key("code").integer(hec_code);
  json.end_object();
  return out;
}

http_response stored_response(push_kind kind, std::size_t records) {
  if (is_collector_answer(kind))
    return error_response(kind, 200, "Success", hec_success);
  http_response out;
  if (kind == push_kind::otlp_protobuf) { // ExportLogsServiceResponse without a partial success has no bytes
    out.content_type = "application/x-protobuf";
    return out;
  }
  if (kind == push_kind::otlp_json) {
    out.body = "{}";
    return out;
  }
  json_writer(out.body).begin_object().key("records").integer(static_cast<std::int64_t>(records)).end_object();
  return out;
}

http_response busy_response(push_kind kind) {
  auto out = error_response(kind, 429, "Server is busy", hec_busy);
  out.retry_after_s = 1;
  return out;
}

http_response unavailable_response(push_kind kind) {
  auto out = error_response(kind, 503, "Server is busy: the data could not be stored", hec_busy);
  out.retry_after_s = 2;
  return out;
}

} // namespace soc::sources
