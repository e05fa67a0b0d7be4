// sources/otlp/otlp_protobuf.cpp - the protobuf form. Field numbers are those of opentelemetry-proto.
#include "base/json_writer.hpp"
#include "connectors/sources/otlp/otlp_logs.hpp"
#include "connectors/sources/otlp/protobuf_reader.hpp"

#include <bit>

namespace soc::sources {

namespace {

std::string otlp_hex(std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes.substr(0, 64)) {
    out.push_back(digits[static_cast<unsigned char>(c) >> 4]);
    out.push_back(digits[static_cast<unsigned char>(c) & 15]);
  }
  return out;
}

/// Reads one request; remembers whether any part of it was broken.
class protobuf_logs {
public:
  explicit protobuf_logs(bool body_only) : body_only_(body_only) {}

  bool read(std::string_view request) {
    protobuf_reader fields(request);
    for (protobuf_field f; fields.next(f);)
      if (f.number == 1)
        read_resource_logs(f.bytes);
    return ok_ && !fields.broken();
  }
  otlp_logs take() { return std::move(out_); }

private:
  struct log_place {
    std::string resource, scope, host; ///< resource as JSON object text
  };

  void read_resource_logs(std::string_view message) {
    log_place place{"{}", {}, {}};
    protobuf_reader first(message);
    for (protobuf_field f; first.next(f);)
      if (f.number == 1)
        read_resource(f.bytes, place);
    ok_ = ok_ && !first.broken();
    protobuf_reader fields(message);
    for (protobuf_field f; fields.next(f);)
      if (f.number == 2)
        read_scope_logs(f.bytes, place);
  }

  void read_resource(std::string_view message, log_place& place) {
    place.resource.clear();
    json_writer json(place.resource);
    write_attributes(json, message, 1, &place.host);
  }

  void read_scope_logs(std::string_view message, log_place place) {
    protobuf_reader first(message);
    for (protobuf_field f; first.next(f);)
      if (f.number == 1)
        for (auto [scope, s] = std::pair(protobuf_reader(f.bytes), protobuf_field{}); scope.next(s);)
          if (s.number == 1)
            place.scope = s.bytes;
    ok_ = ok_ && !first.broken();
    protobuf_reader fields(message);
    for (protobuf_field f; fields.next(f);)
      if (f.number == 2)
        read_record(f.bytes, place);
  }

  void read_record(std::string_view message, const log_place& place) {
    std::uint64_t time = 0, observed = 0, severity = 0;
    std::string_view severity_text, body, trace, span;
    protobuf_reader fields(message);
    for (protobuf_field f; fields.next(f);) {
      switch (f.number) {
      case 1:
        time = f.scalar;
        break;
      case 2:
        severity = f.scalar;
        break;
      case 3:
        severity_text = f.bytes;
        break;
      case 5:
        body = f.bytes;
        break;
      case 9:
        trace = f.bytes;
        break;
      case 10:
        span = f.bytes;
        break;
      case 11:
        observed = f.scalar;
        break;
      default:
        break;
      }
    }
    ok_ = ok_ && !fields.broken();
    out_.hosts.push_back(place.host);
    auto& record = out_.records.emplace_back();
    if (body_only_ && is_text_value(body, record))
      return;
    record.clear();
    json_writer json(record);
    json.begin_object().key("time_unix_nano").integer(static_cast<std::int64_t>(time != 0 ? time : observed));
    if (severity != 0)
      json.key("severity_number").integer(static_cast<std::int64_t>(severity));
    if (!severity_text.empty())
      json.key("severity_text").string(severity_text);
    json.key("body");
    write_value(json, body, 0);
    json.key("attributes");
    write_attributes(json, message, 6, nullptr);
    json.key("resource").raw(place.resource);
    if (!place.scope.empty())
      json.key("scope").string(place.scope);
    if (!trace.empty())
      json.key("trace_id").string(otlp_hex(trace));
    if (!span.empty())
      json.key("span_id").string(otlp_hex(span));
    json.end_object();
  }

  static bool is_text_value(std::string_view value, std::string& text) {
    protobuf_reader fields(value);
    protobuf_field f;
    if (!fields.next(f) || f.number != 1)
      return false;
    text = f.bytes;
    return true;
  }

  /// The KeyValue fields `number` of `message` as an object.
  void write_attributes(json_writer& json, std::string_view message, std::uint32_t number, std::string* host,
                        int depth = 0) {
    json.begin_object();
    protobuf_reader fields(message);
    for (protobuf_field f; fields.next(f);) {
      if (f.number != number)
        continue;
      std::string_view key, value;
      protobuf_reader pair(f.bytes);
      for (protobuf_field p; pair.next(p);)
        (p.number == 1 ? key : value) = p.bytes;
      ok_ = ok_ && !pair.broken();
      if (host && key == "host.name")
        is_text_value(value, *host);
      json.key(key);
      write_value(json, value, depth + 1);
    }
    json.end_object();
  }

  void write_value(json_writer& json, std::string_view value, int depth) {
    protobuf_reader fields(value);
    protobuf_field f;
    if (depth > max_otlp_depth || !fields.next(f)) {
      ok_ = ok_ && (depth > max_otlp_depth || !fields.broken());
      json.null();
      return;
    }
    switch (f.number) {
    case 1:
      json.string(f.bytes);
      break;
    case 2:
      json.boolean(f.scalar != 0);
      break;
    case 3:
      json.integer(static_cast<std::int64_t>(f.scalar));
      break;
    case 4:
      json.real(std::bit_cast<double>(f.scalar));
      break;
    case 5: {
      json.begin_array();
      protobuf_reader items(f.bytes);
      for (protobuf_field item; items.next(item);)
        write_value(json, item.bytes, depth + 1);
      json.end_array();
      break;
    }
    case 6:
      write_attributes(json, f.bytes, 1, nullptr, depth);
      break;
    case 7:
      json.string(otlp_hex(f.bytes));
      break;
    default:
      json.null();
    }
  }

  bool body_only_, ok_ = true;
  otlp_logs out_;
};

} // namespace

result<otlp_logs> read_otlp_protobuf(std::string_view bytes, bool body_only) {
  protobuf_logs logs(body_only);
  if (!logs.read(bytes))
    return failure{ec::invalid_input, "not an OTLP logs request in protobuf"};
  return logs.take();
}

} // namespace soc::sources
