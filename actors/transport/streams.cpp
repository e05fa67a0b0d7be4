#include "transport/streams.hpp"

#include "transport/subjects.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace soc::transport {

namespace {

constexpr std::int64_t ns_per_second = 1'000'000'000;

stream_definition named_stream(std::string name, std::vector<std::string> subjects, const stream_options& options) {
  stream_definition out;
  out.name = std::move(name);
  out.subjects = std::move(subjects);
  out.replicas = options.replicas;
  return out;
}

/// Enumerated partitions: "soc.*.alert.*" would collide with every other "soc.<tenant>.<word>.<id>" of a tenant called
/// "json".
stream_definition alerts_stream(const stream_options& options) {
  std::vector<std::string> subjects;
  for (std::uint32_t i = 0; i < std::clamp<std::uint32_t>(options.alert_partitions, 1, 64); ++i)
    subjects.push_back(alert_filter(i));
  auto out = named_stream("ALERTS", std::move(subjects), options);
  out.overflow = stream_overflow::discard_old;
  out.max_bytes = options.max_bytes / 4;
  out.max_age = options.max_age;
  return out;
}

/// JSON of alerts; subscribers hear it on soc.json.<tenant>.alert, which no stream can store beside "soc.*.run.*".
stream_definition findings_stream(const stream_options& options) {
  auto out = named_stream("FINDINGS", {"soc.*.finding"}, options);
  out.overflow = stream_overflow::discard_old;
  out.max_bytes = options.max_bytes / 8;
  out.max_age = options.max_age;
  out.republish_from = "soc.*.finding";
  out.republish_to = "soc.json.{{wildcard(1)}}.alert";
  return out;
}

stream_definition incidents_stream(const stream_options& options) {
  auto out = named_stream("INCIDENTS", {"soc.*.incident.*.*", "soc.json.*.incident.*.*"}, options);
  out.overflow = stream_overflow::discard_old;
  out.max_bytes = options.max_bytes / 8;
  out.max_age = options.max_age;
  return out;
}

stream_definition raw_stream(const stream_options& options) {
  auto out = named_stream("RAW", {"soc.*.raw.*"}, options);
  out.retention = stream_retention::work_queue;
  out.max_bytes = options.max_bytes / 4;
  return out;
}

stream_definition audit_stream(const stream_options& options) {
  auto out = named_stream("AUDIT", {"soc.*.audit"}, options);
  out.max_age = options.audit_age;
  return out;
}

stream_definition bucket(const std::string& name, std::chrono::seconds max_age, const stream_options& options) {
  auto out = named_stream("KV_" + name, {"$KV." + name + ".>"}, options);
  out.key_value = true;
  out.max_per_subject = 1;
  out.max_age = max_age;
  out.duplicate_window = std::chrono::seconds{120};
  return out;
}

} // namespace

std::vector<stream_definition> streams_of(const stream_options& options) {
  constexpr std::chrono::seconds day{86'400};
  return {alerts_stream(options),
          findings_stream(options),
          incidents_stream(options),
          named_stream("JOURNAL", {"soc.*.journal.*.*"}, options),
          named_stream("RESPONSE", {"soc.*.run.*", "soc.*.task.*"}, options),
          raw_stream(options),
          audit_stream(options),
          bucket("soc_nodes", day, options),
          bucket("soc_leases", std::chrono::seconds{0}, options)};
}

std::string to_json(const stream_definition& stream) {
  nlohmann::json out{
      {"name", stream.name},
      {"subjects", stream.subjects},
      {"retention", stream.retention == stream_retention::work_queue ? "workqueue" : "limits"},
      {"discard", stream.overflow == stream_overflow::refuse_new ? "new" : "old"},
      {"storage", "file"},
      {"num_replicas", stream.replicas},
      {"max_consumers", -1},
      {"max_msgs", -1},
      {"max_msg_size", -1},
      {"max_bytes", stream.max_bytes},
      {"max_age", stream.max_age.count() * ns_per_second},
      {"max_msgs_per_subject", stream.max_per_subject},
      {"duplicate_window",
       std::min(stream.duplicate_window, stream.max_age.count() > 0 ? stream.max_age : stream.duplicate_window)
               .count() *
           ns_per_second},
  };
  if (!stream.republish_from.empty())
    out["republish"] = {{"src", stream.republish_from}, {"dest", stream.republish_to}};
  if (stream.key_value) {
    out["allow_rollup_hdrs"] = true;
    out["deny_delete"] = true;
    out["allow_direct"] = true;
  }
  return out.dump();
}

} // namespace soc::transport
