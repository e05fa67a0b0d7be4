// sources/http/push_request.hpp - what a pushed HTTP request means: who may push, which records its body holds, what
// the client is told. Pure: the server feeds it, the actor stores what it gives.
#pragma once
#include "base/result.hpp"
#include "connectors/sources/common/credentials.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace soc::sources {

struct http_request {
  std::string method, target; ///< target with its query
  std::string authorization, content_encoding, content_type, idempotency_key;
  std::string body;
  std::string peer;
};

struct http_response {
  int status = 200;
  std::string body;      ///< JSON
  int retry_after_s = 0; ///< 0 = no such header
  std::string content_type = "application/json";
};

/// Records of one request, in order; they lie in `body` or in `texts`.
struct pushed_records {
  std::shared_ptr<const std::string> body; ///< decompressed
  std::vector<std::string> texts;          ///< unescaped events; reserved before views are taken
  std::vector<std::string_view> records;
  std::vector<std::string> hosts; ///< HEC `host` of each record; empty where none was given
};

struct push_limits {
  std::size_t max_body_bytes = 16U << 20;    ///< decompressed
  std::size_t max_record_bytes = 880U << 10; ///< what fits a message of the bus
};

struct push_rules {
  std::string path = "/ingest";
  token_set tokens;
  push_limits limits;
  bool otlp = false;           ///< `path` takes OpenTelemetry logs, and nothing else is served
  bool otlp_body_only = false; ///< the text of a log record's body is the record
};

enum class push_kind {
  plain,     ///< the connector's own path
  hec_event, ///< Splunk HTTP Event Collector: wrapped events
  hec_raw,   ///< … lines
  otlp_json, ///< OpenTelemetry
  otlp_protobuf,
};

/// An answer at once, or records to be stored.
struct push_decision {
  http_response response;
  bool has_records = false;
  push_kind kind = push_kind::plain;
  pushed_records pushed;
};

/// Before the body: whether a body for this request is wanted at all. Status 200 = go on.
http_response admit_request(const push_rules& rules, const http_request& head);

/// With the body.
push_decision read_push(const push_rules& rules, const http_request& request);

http_response stored_response(push_kind kind, std::size_t records);
http_response busy_response(push_kind kind);
http_response unavailable_response(push_kind kind);
http_response error_response(push_kind kind, int status, std::string_view what, int hec_code);
push_kind kind_of_target(std::string_view target);

} // namespace soc::sources
