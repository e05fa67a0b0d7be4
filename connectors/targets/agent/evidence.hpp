// targets/agent/evidence.hpp - what an analyst wants to keep before it is gone: processes, connections, places where
// things start by themselves, one file. Read only; bounded. The whole goes into the agent's folder, its hash and a
// summary into the answer.
#pragma once
#include "connectors/targets/agent/agent_order.hpp"

#include <filesystem>
#include <vector>

namespace soc::targets {

/// `what`: of "processes", "connections", "persistence", "file"; empty: all but the file. Output: {"file", "sha256",
/// "bytes", "counts"} and the collected itself, as far as it fits into an answer.
agent_answer collect_evidence(const std::vector<std::string>& what, const std::string& path, const std::string& key,
                              const std::filesystem::path& folder);

} // namespace soc::targets
