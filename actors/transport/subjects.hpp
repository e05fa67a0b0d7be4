// transport/subjects.hpp - the NATS subjects of the public contract (docs: architecture, decision 0002) as functions,
// and which stream a subject belongs to. Pure.
#pragma once
#include "base/result.hpp"
#include "base/token.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace soc::transport {

/// A node's name: a token that is not a word of the subjects ("alert", "run" …), which a stream would take for its own.
bool is_node_name(std::string_view text);

std::string alert_subject(std::string_view tenant, std::uint32_t partition);
/// All alerts of a partition, any tenant.
std::string alert_filter(std::uint32_t partition);
/// All alerts of one tenant go, in order, through one partition.
std::uint32_t alert_partition(std::string_view tenant, std::uint32_t partitions);
/// Where the OCSF JSON of an alert is stored; the server repeats it on soc.json.<tenant>.alert for subscribers.
std::string finding_subject(std::string_view tenant);

std::string incident_subject(std::string_view tenant, std::string_view id, std::string_view change);
std::string incident_json_subject(std::string_view tenant, std::string_view id, std::string_view change);
/// Journal of one aggregate: the subject whose last sequence is the fence.
std::string journal_subject(std::string_view tenant, std::string_view kind, std::string_view id);
/// All journals of a kind, any tenant.
std::string journal_filter(std::string_view kind);
std::string run_subject(std::string_view tenant, std::string_view id);
std::string task_subject(std::string_view tenant, std::string_view id);
std::string raw_subject(std::string_view tenant, std::string_view connector);
std::string audit_subject(std::string_view tenant);

std::string control_subject(std::string_view node);
std::string aggregate_subject(std::string_view node);
/// Any node answers, one of them.
constexpr std::string_view any_control_subject = "soc.control";

/// The stream that stores `subject` (wildcards allowed where they leave no doubt); empty if none does.
std::string_view stream_of(std::string_view subject);

} // namespace soc::transport
