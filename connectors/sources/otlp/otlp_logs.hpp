// sources/otlp/otlp_logs.hpp - OpenTelemetry logs (OTLP 1.x ExportLogsServiceRequest, protobuf or JSON) as records: one
// JSON object a log record, with the attributes of its resource and its scope. Format: opentelemetry-proto,
// collector/logs/v1, logs/v1. Pure.
//
//   {"time_unix_nano":…,"severity_number":9,"severity_text":"INFO","body":…,"attributes":{…},"resource":{…},
//    "scope":"name","trace_id":"hex","span_id":"hex"}
#pragma once
#include "base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace soc::sources {

/// Values nested deeper are left out.
constexpr int max_otlp_depth = 32;

struct otlp_logs {
  std::vector<std::string> records;
  std::vector<std::string> hosts; ///< the resource's host.name of each record; empty where it has none
};

/// ec::invalid_input for bytes that are no such message.
result<otlp_logs> read_otlp_protobuf(std::string_view bytes, bool body_only);
result<otlp_logs> read_otlp_json(std::string_view text, bool body_only);

} // namespace soc::sources
