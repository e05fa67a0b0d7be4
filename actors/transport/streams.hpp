// transport/streams.hpp - the JetStream streams of a cluster as data, and the requests that make them. Pure.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace soc::transport {

enum class stream_retention : std::uint8_t { limits, work_queue };
/// What a full stream does: forget the oldest, or refuse (then whoever publishes is held).
enum class stream_overflow : std::uint8_t { discard_old, refuse_new };

struct stream_definition {
  std::string name;
  std::vector<std::string> subjects;
  stream_retention retention = stream_retention::limits;
  stream_overflow overflow = stream_overflow::refuse_new;
  std::int64_t max_bytes = -1;     ///< -1 = no limit
  std::chrono::seconds max_age{0}; ///< 0 = for ever
  std::chrono::seconds duplicate_window{900};
  std::int64_t max_per_subject = -1;
  std::string republish_from, republish_to; ///< empty = none
  bool key_value = false;                   ///< a KV bucket: roll-ups and direct reads allowed, no deletes
  int replicas = 1;
};

struct stream_options {
  std::uint32_t alert_partitions = 8; ///< 1–64; the same on every node
  std::int64_t max_bytes = 8LL << 30; ///< of all streams that have a limit, divided among them
  std::chrono::hours max_age{24 * 7}; ///< of alerts, findings and published incidents
  std::chrono::hours audit_age{24 * 365};
  int replicas = 1; ///< 3 in a JetStream cluster
};

/// ALERTS, FINDINGS, INCIDENTS, JOURNAL, RESPONSE, RAW, AUDIT and the buckets soc_nodes and soc_leases.
std::vector<stream_definition> streams_of(const stream_options& options);

/// The body of $JS.API.STREAM.CREATE / UPDATE.
std::string to_json(const stream_definition& stream);

} // namespace soc::transport
