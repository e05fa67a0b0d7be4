// sources/otlp/otlp_json.cpp - the JSON form: proto3 JSON with hex ids and numbers or texts for 64-bit integers.
#include "connectors/sources/otlp/otlp_logs.hpp"

#include <nlohmann/json.hpp>

#include <charconv>

namespace soc::sources {

namespace {

using ordered_json = nlohmann::ordered_json;

const ordered_json& member(const ordered_json& object, const char* name) {
  static const ordered_json nothing;
  if (!object.is_object())
    return nothing;
  const auto found = object.find(name);
  return found != object.end() ? *found : nothing;
}

/// A 64-bit number, which proto3 JSON writes as text.
ordered_json whole_number(const ordered_json& value) {
  if (!value.is_string())
    return value.is_primitive() ? value : ordered_json(nullptr);
  const auto& text = value.get_ref<const std::string&>();
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? ordered_json(number) : value;
}

ordered_json plain_attributes(const ordered_json& pairs, int depth);

ordered_json plain_value(const ordered_json& any, int depth) {
  if (!any.is_object() || any.empty() || depth > max_otlp_depth)
    return nullptr;
  const auto& name = any.begin().key();
  const auto& value = any.begin().value();
  if (name == "intValue")
    return whole_number(value);
  if (name == "kvlistValue")
    return plain_attributes(member(value, "values"), depth + 1);
  if (name != "arrayValue")
    return value.is_primitive() ? value : ordered_json(nullptr);
  auto items = ordered_json::array();
  for (const auto& item : member(value, "values"))
    items.push_back(plain_value(item, depth + 1));
  return items;
}

ordered_json plain_attributes(const ordered_json& pairs, int depth) {
  auto out = ordered_json::object();
  if (pairs.is_array())
    for (const auto& pair : pairs)
      if (const auto& key = member(pair, "key"); key.is_string())
        out[key.get<std::string>()] = plain_value(member(pair, "value"), depth + 1);
  return out;
}

ordered_json plain_record(const ordered_json& in, const ordered_json& resource, const ordered_json& scope) {
  ordered_json out;
  const auto time = whole_number(member(in, "timeUnixNano"));
  out["time_unix_nano"] = time.is_null() || time == 0 ? whole_number(member(in, "observedTimeUnixNano")) : time;
  const std::pair<const char*, const char*> copied[] = {{"severity_number", "severityNumber"},
                                                        {"severity_text", "severityText"},
                                                        {"trace_id", "traceId"},
                                                        {"span_id", "spanId"}};
  for (const auto& [to, from] : copied)
    if (const auto& value = member(in, from); value.is_primitive() && !value.is_null() && value != "")
      out[to] = value;
  out["body"] = plain_value(member(in, "body"), 0);
  out["attributes"] = plain_attributes(member(in, "attributes"), 0);
  out["resource"] = resource;
  if (const auto& name = member(scope, "name"); name.is_string())
    out["scope"] = name;
  return out;
}

} // namespace

result<otlp_logs> read_otlp_json(std::string_view text, bool body_only) {
  const auto request = ordered_json::parse(text, nullptr, false);
  if (!request.is_object() || !member(request, "resourceLogs").is_array())
    return failure{ec::invalid_input, "not an OTLP logs request in JSON: it has no resourceLogs"};
  otlp_logs out;
  for (const auto& resource_logs : member(request, "resourceLogs")) {
    const auto resource = plain_attributes(member(member(resource_logs, "resource"), "attributes"), 0);
    const auto& host = member(resource, "host.name");
    for (const auto& scope_logs : member(resource_logs, "scopeLogs"))
      for (const auto& record : member(scope_logs, "logRecords")) {
        const auto& body = member(member(record, "body"), "stringValue");
        out.hosts.push_back(host.is_string() ? host.get<std::string>() : std::string{});
        out.records.push_back(body_only && body.is_string()
                                  ? body.get<std::string>()
                                  : plain_record(record, resource, member(scope_logs, "scope"))
                                        .dump(-1, ' ', false, ordered_json::error_handler_t::replace));
      }
  }
  return out;
}

} // namespace soc::sources
