// What a peer or a bucket can send to the sources: Forward messages, HEC and OTLP bodies, S3 listings, notifications
// and objects, API answers, syslog streams. None may be read past its end; a stream gives the same however it is cut.
#include "connectors/sources/api/api_poll.hpp"
#include "connectors/sources/forward/forward_messages.hpp"
#include "connectors/sources/forward/msgpack.hpp"
#include "connectors/sources/http/json_values.hpp"
#include "connectors/sources/http/push_request.hpp"
#include "connectors/sources/otlp/otlp_logs.hpp"
#include "connectors/sources/s3/s3_notification.hpp"
#include "connectors/sources/s3/s3_progress.hpp"
#include "connectors/sources/s3/s3_reader.hpp"
#include "connectors/sources/syslog/syslog_framing.hpp"

#include <cstdlib>

using namespace soc;
using namespace soc::sources;

namespace {

std::string object_records(std::string_view bytes, std::size_t chunk) {
  static const s3_options options = [] {
    s3_options o;
    o.max_record_bytes = 4096;
    return o;
  }();
  std::string out;
  s3_reader reader(options, std::make_shared<model::connector_context>(), "b/k", 0, std::make_shared<source_counts>(),
                   [&](model::raw_batch_ptr batch, std::uint64_t) {
                     for (std::size_t i = 0; i < batch->records.size(); ++i)
                       out.append(batch->record(i)) += '\0';
                     return out.size() < (1U << 20);
                   });
  for (std::size_t at = 0; at < bytes.size(); at += chunk)
    if (!reader.feed(bytes.substr(at, chunk), 1))
      return out;
  reader.finish(1);
  return out;
}

void push(std::string_view bytes, const char* target, bool otlp, const char* type) {
  push_rules rules;
  rules.otlp = otlp;
  rules.path = otlp ? "/v1/logs" : "/ingest";
  rules.limits.max_body_bytes = 1 << 20;
  http_request request;
  request.method = "POST";
  request.target = target;
  request.content_type = type;
  request.body = bytes;
  for (const auto record : read_push(rules, request).pushed.records)
    if (record.data() == nullptr)
      std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 || size > 65536)
    return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  forward_rules rules;
  rules.max_message_bytes = 1 << 20;
  (void)read_forward(bytes, rules);
  rules.message_key = "log";
  (void)read_forward(bytes, rules);
  (void)answer_ping(bytes, "nonce", "key", "soc");
  (void)read_listing(bytes);
  if (const auto notices = read_notification(bytes); notices)
    for (const auto& notice : *notices)
      if (notice.bucket.empty() || notice.object.key.empty())
        std::abort();
  is_below(bytes, "p/%Y/%m/%d/");
  if (s3_progress::read(s3_progress::read(std::string(bytes)).text()).text().empty())
    std::abort();
  object_records(bytes, 1 + data[0]);
  push(bytes, "/ingest", false, "application/json");
  push(bytes, "/services/collector/event", false, "application/json");
  push(bytes, "/v1/logs", true, "application/json");
  push(bytes, "/v1/logs", true, "application/x-protobuf");
  for (const auto* path : {"", "a", "a.b", "value", "a.b.c"})
    if (const auto found = json_at(bytes, path); !found.empty()) {
      json_text(found);
      if (found.data() < bytes.data() || found.data() + found.size() > bytes.data() + bytes.size())
        std::abort();
    }
  api_memory::read(std::string(bytes));
  next_of_link_header(bytes);
  syslog_framer framer(1024);
  (void)framer.feed(bytes, [](std::string_view, bool) {});
  framer.finish([](std::string_view, bool) {});
  return 0;
}
