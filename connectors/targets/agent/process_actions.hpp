// targets/agent/process_actions.hpp - ends processes of this machine, by id together with the start time, or with a
// time at which it was seen: ids are used again. A pidfd is opened first and the start time read after, so no other
// process can be hit. Functions; /proc and signals.
#pragma once
#include "connectors/targets/agent/agent_order.hpp"

#include <optional>
#include <set>
#include <vector>

namespace soc::targets {

struct process_facts {
  int pid = 0, parent = 0;
  unix_ns started_at = 0; ///< whole clock ticks (10 ms)
  std::string name, program, command_line;
  int user = -1;
};

std::vector<process_facts> all_processes();
std::optional<process_facts> process_of(int pid);

/// "pid|start" of a process entity: start as RFC 3339, unix seconds, milliseconds or nanoseconds; 0 when it is missing.
struct process_name {
  int pid = 0;
  unix_ns started_at = 0;
  unix_ns seen_at = 0; ///< a record of this machine tells of it at that time; 0 = not known
};
std::optional<process_name> read_process_name(const std::string& text);

/// Whether the process that has this id now is the one meant (within two seconds: logs round). Without a start time:
/// when it had begun by the time the one meant was seen, since an id is free only when its process has ended. Without
/// either it can't be told.
bool can_be_told(const process_name& meant);
bool is_same(const process_facts& now, const process_name& meant);

struct process_rules {
  std::set<std::string> spared{"systemd", "init", "sshd", "auditd", "nats-server", "soc"}; ///< names never ended
};

/// Ends one process, or it and all that descend from it: first stopped, parents before children, so that none escapes
/// by a fork; then killed. Output: {"killed": [pids], "gone": bool}. One that is gone already is fine.
agent_answer kill_process(const process_name& meant, bool whole_tree, const process_rules& rules);

} // namespace soc::targets
