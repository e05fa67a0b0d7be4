// targets/agent/file_actions.hpp - puts files of this machine out of use and back: moved into the agent's own folder,
// with what is needed to restore owner, mode and times beside them. Symbolic links are never followed. Functions.
#pragma once
#include "connectors/targets/agent/agent_order.hpp"

#include <filesystem>
#include <vector>

namespace soc::targets {

struct file_rules {
  std::filesystem::path quarantine; ///< folder, 0700
  /// Files below these are never touched: without them the machine doesn't run.
  std::vector<std::string> spared{"/bin",  "/sbin", "/lib", "/lib64", "/usr/bin",    "/usr/sbin",  "/usr/lib",
                                  "/boot", "/proc", "/sys", "/dev",   "/etc/passwd", "/etc/shadow"};
};

/// `sha256`: the file must be this one; empty: whichever is there. Output: {"quarantined", "sha256", "size", "path"}. A
/// file that is in quarantine already is fine; one that isn't there fails.
agent_answer quarantine_file(const std::string& path, const std::string& sha256, const file_rules& rules);
/// Puts it back as it was; refused when something else is at its place now.
agent_answer restore_file(const std::string& path, const file_rules& rules);
/// {"quarantined", "exists", "sha256"}.
agent_answer look_at_file(const std::string& path, const file_rules& rules);

/// Hex; empty when the file can't be read.
std::string sha256_of_file(const std::filesystem::path& file);

} // namespace soc::targets
