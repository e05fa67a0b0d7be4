#include "transport/subjects.hpp"

#include "base/hash.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

namespace soc::transport {

namespace {

constexpr std::array<std::string_view, 9> subject_words{"alert", "finding", "incident", "journal", "run",
                                                        "task",  "raw",     "audit",    "control"};

std::vector<std::string_view> subject_tokens(std::string_view subject) {
  std::vector<std::string_view> out;
  while (true) {
    const auto dot = subject.find('.');
    out.push_back(subject.substr(0, dot));
    if (dot == std::string_view::npos)
      return out;
    subject.remove_prefix(dot + 1);
  }
}

} // namespace

bool is_node_name(std::string_view text) {
  return is_token(text) && std::find(subject_words.begin(), subject_words.end(), text) == subject_words.end();
}

std::string alert_subject(std::string_view tenant, std::uint32_t partition) {
  return fmt::format("soc.{}.alert.{}", tenant, partition);
}

std::string alert_filter(std::uint32_t partition) {
  return fmt::format("soc.*.alert.{}", partition);
}

std::uint32_t alert_partition(std::string_view tenant, std::uint32_t partitions) {
  return partitions == 0 ? 0 : static_cast<std::uint32_t>(hash64(tenant) % partitions);
}

std::string finding_subject(std::string_view tenant) {
  return fmt::format("soc.{}.finding", tenant);
}

std::string incident_subject(std::string_view tenant, std::string_view id, std::string_view change) {
  return fmt::format("soc.{}.incident.{}.{}", tenant, id, change);
}

std::string incident_json_subject(std::string_view tenant, std::string_view id, std::string_view change) {
  return fmt::format("soc.json.{}.incident.{}.{}", tenant, id, change);
}

std::string journal_subject(std::string_view tenant, std::string_view kind, std::string_view id) {
  return fmt::format("soc.{}.journal.{}.{}", tenant, kind, id);
}

std::string journal_filter(std::string_view kind) {
  return fmt::format("soc.*.journal.{}.*", kind);
}

std::string run_subject(std::string_view tenant, std::string_view id) {
  return fmt::format("soc.{}.run.{}", tenant, id);
}

std::string task_subject(std::string_view tenant, std::string_view id) {
  return fmt::format("soc.{}.task.{}", tenant, id);
}

std::string raw_subject(std::string_view tenant, std::string_view connector) {
  return fmt::format("soc.{}.raw.{}", tenant, connector);
}

std::string audit_subject(std::string_view tenant) {
  return fmt::format("soc.{}.audit", tenant);
}

std::string control_subject(std::string_view node) {
  return fmt::format("soc.node.{}.control", node);
}

std::string aggregate_subject(std::string_view node) {
  return fmt::format("soc.node.{}.aggregate", node);
}

std::string_view stream_of(std::string_view subject) {
  const auto tokens = subject_tokens(subject);
  if (tokens.size() < 3 || tokens[0] != "soc")
    return {};
  if (tokens[1] == "json")
    return tokens.size() >= 4 && tokens[3] == "incident" ? "INCIDENTS" : "";
  const auto kind = tokens[2];
  if (kind == "run" || kind == "task")
    return "RESPONSE";
  if (kind == "alert")
    return "ALERTS";
  if (kind == "finding")
    return "FINDINGS";
  if (kind == "incident")
    return "INCIDENTS";
  if (kind == "journal")
    return "JOURNAL";
  if (kind == "raw")
    return "RAW";
  return kind == "audit" ? "AUDIT" : "";
}

} // namespace soc::transport
