// playbook/core/machine.hpp - a playbook run as a pure step machine. Its journal holds only what came from outside
// (begun, answers, approvals, signals, the passing of time); everything that follows from these - conditions, branches,
// joins, which step is next - is worked out in `apply`. So fold(journal) = state, and what is outstanding is a function
// of the state alone: after a kill at any point it is simply asked for again, under the same key. Pure.
#pragma once
#include "base/time.hpp"
#include "playbook/core/definition.hpp"

#include <functional>
#include <mutex>
#include <set>

namespace soc::playbook {

/// Numbers cross the disk: append only.
enum class run_status : std::uint8_t {
  recommended = 0, ///< waits for a person to begin it
  running = 1,
  paused = 2,
  compensating = 3,
  completed = 4,
  failed = 5,
  cancelled = 6
};
std::string_view to_string(run_status s);
inline bool is_final(run_status s) {
  return s >= run_status::completed;
}

enum class step_status : std::uint8_t {
  idle = 0,
  active = 1,      ///< asked for, or waiting
  backing_off = 2, ///< until again_at
  done = 3,
  failed = 4,
  skipped = 5, ///< the way did not lead here
  halted = 6,  ///< was active when the run failed or was cancelled
};
std::string_view to_string(step_status s);

/// Who and what a run is for; fixed when it begins. The shell gives it meaning.
struct run_origin {
  std::string run_id, tenant = "default", incident_id, rule, mode, entity, reason, asked_by;
  std::int64_t veto_s = 300, approve_within_s = 8 * 3600;
  bool recommended = false;
};

/// Numbers cross the disk: append only.
enum class run_event_kind : std::uint8_t {
  begun = 0,
  accepted = 1,
  answered = 2,
  ticked = 3,
  approved = 4,
  rejected = 5,
  signalled = 6,
  paused = 7,
  resumed = 8,
  cancelled = 9,
  retried = 10,
  compensated = 11,
};

struct run_event {
  run_event_kind what = run_event_kind::begun;
  unix_ns at = 0;
  std::string path;          ///< of a step: "block", "each[2]/block"
  std::uint32_t attempt = 0; ///< answered
  bool ok = false;           ///< answered, compensated
  nlohmann::json value;      ///< begun: inputs; answered: output; signalled: payload
  std::string text;          ///< answered: error; signalled: name; people's: reason
  std::string user;
  std::optional<run_origin> origin; ///< begun
  std::vector<std::string> texts;   ///< begun: the playbook's text, then those of its sub-playbooks
};

/// What an action step asks for; stays the same while it is outstanding.
struct action_request {
  std::string action;
  nlohmann::json parameters, where, target;
  std::int64_t duration_s = 0;
};

/// What a transform step wants computed outside: jq is bounded in time and memory, so its answer may differ from one
/// day to the next, and belongs into the journal.
struct compute_request {
  std::string program;
  nlohmann::json input;
};

struct activation {
  step_status status = step_status::idle;
  std::uint32_t attempts = 0;
  unix_ns since = 0, due = 0, again_at = 0; ///< due: its time-out, or the end of a wait; 0 = none
  nlohmann::json output;
  std::string error;
  std::optional<action_request> request;
  std::optional<compute_request> compute;
  std::set<std::string> approved_by;
  std::size_t live = 0, dead = 0;      ///< arrivals
  std::vector<nlohmann::json> items;   ///< for_each
  std::size_t begun = 0, finished = 0; ///< for_each
};

/// One scope: the playbook itself, an item of a for_each, a sub-playbook.
struct frame {
  definition_ptr owner;
  const block* body = nullptr;
  std::string parent;       ///< path of the step that opened it, empty for the run
  std::string outer;        ///< scope whose steps are visible too; "-" = none
  nlohmann::json variables; ///< inputs, item, index
  nlohmann::json output;    ///< of set_output and end
  bool closed = false;
};

struct run_state {
  run_origin origin;
  run_status status = run_status::running;
  bool begun = false, ended = false; ///< ended: no step begins any more
  library playbooks;                 ///< as pinned
  std::string playbook, version, reason;
  std::map<std::string, frame> frames;     ///< by scope: "", "each[2]/"
  std::map<std::string, activation> steps; ///< by path
  std::vector<std::string> effects;        ///< paths of actions that were asked for, oldest first: what may be undone
  std::vector<std::string> to_compensate;  ///< the next to be undone is the last
  unix_ns begun_at = 0, changed_at = 0, decide_by = 0;
  nlohmann::json output;
};

/// Parsed playbooks by text; a function of the text, so it is shared by all runs and thrown away when it has grown too
/// large. Thread-safe.
class definition_cache {
public:
  definition_ptr get(const std::string& text);

private:
  static constexpr std::size_t max_known = 1000;
  std::mutex mutex_;
  std::map<std::string, definition_ptr> known_;
};

/// Events for what the shell heard; none when it changes nothing (a redelivery); a failure says why a command is
/// refused.
result<std::vector<run_event>> decide(const run_state& state, run_event heard);
void apply(run_state& state, const run_event& event, definition_cache& cache);

/// What the shell is to see to now. Each is keyed by path and attempt; doing it twice must be harmless.
struct outstanding {
  struct invocation {
    std::string path, step; ///< step: as the key of the task: path, with "#n" from the second attempt on
    std::uint32_t attempt = 1;
    const action_request* request = nullptr;
  };
  struct computation {
    std::string path, step;
    std::uint32_t attempt = 1;
    const compute_request* request = nullptr;
  };
  std::vector<invocation> invoke;
  std::vector<computation> compute;
  std::vector<std::string> undo; ///< at most one at a time: the newest effect
  std::vector<std::string> wait_for_people;
  unix_ns next_due = 0; ///< 0 = no timer
};
outstanding outstanding_of(const run_state& state);

/// The text of a one-step playbook for a policy's bare action.
std::string policy_playbook(const std::string& policy, const std::string& title, const std::string& action,
                            const nlohmann::json& parameters, const nlohmann::json& where, const std::string& duration);

} // namespace soc::playbook
