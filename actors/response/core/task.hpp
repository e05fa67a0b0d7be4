// response/core/task.hpp - a response task: one action on one target at one resource instance. Its states and moves are
// one table; what is to be done next is worked out from the state alone, so a restart at any point goes on where it
// was. Pure.
#pragma once
#include "response/core/gate.hpp"

namespace soc::response {

/// Numbers cross the disk: append only.
enum class task_status : std::uint8_t {
  pending = 0,
  waiting_approval = 1,
  running = 2,
  done = 3,
  verified = 4,
  failed = 5,
  undone = 6,
  expired = 7,
  unknown = 8,
  refused = 9,
  undoing = 10,
  cancelled = 11,
  observed = 12, ///< mode observe: it would have been done
};
std::string_view to_string(task_status s);
/// Nothing will happen by itself any more.
bool is_final(task_status s);

/// What happened. Numbers cross the disk: append only.
enum class task_event_kind : std::uint8_t {
  created = 0,
  approval_asked = 1,
  approved = 2,
  rejected = 3,
  veto_passed = 4,
  approval_lapsed = 5,
  started = 6,
  succeeded = 7,
  attempt_failed = 8,
  failed = 9,
  doubtful = 10,
  in_effect = 11,
  not_in_effect = 12,
  refused = 13,
  undo_begun = 14,
  undone = 15,
  undo_failed = 16,
  undo_doubtful = 17,
  expired = 18,
  cancelled = 19,
  resolved = 20,
  postponed = 21,
  observed = 22,
  unseen = 23, ///< done, but it could not be read back: again at `until`
};

/// Everything a task is about; fixed at its creation.
struct task_spec {
  std::string id, tenant = "default", run_id, incident_id, step; ///< step: path within the run
  std::string component, action, instance;
  model::entity target;
  std::vector<std::string> tags;
  nlohmann::json parameters = nlohmann::json::object(); ///< checked
  autonomy mode = autonomy::approve;
  std::string asked_by, reason;
  bool by_person = false;
  std::int64_t duration_s = 0; ///< a reversible effect ends after this; 0 = it stands until undone
  std::int64_t veto_s = 300, approve_within_s = 8 * 3600;
  std::uint32_t attempts = 3;     ///< calls at most
  std::int64_t backoff_ms = 1000; ///< before the second call; doubles, at most a minute
};

struct task_event {
  task_event_kind what = task_event_kind::created;
  unix_ns at = 0;
  std::optional<task_spec> spec;   ///< of the first event, whatever it is: it makes the task
  std::uint32_t attempt = 0;       ///< started, and what answers it
  unix_ns until = 0;               ///< approval_asked: deadline or veto time; attempt_failed, postponed: again at
  bool for_veto = false;           ///< approval_asked
  std::uint32_t people_needed = 0; ///< approval_asked
  std::string user, detail;        ///< detail: for people, never a secret
  nlohmann::json output;           ///< succeeded, in_effect
  bool by_expiry = false;          ///< undo_begun: because its time was up
  std::string node;                ///< started: where the intent lies
};

struct task_state {
  task_spec spec;
  bool exists = false;
  task_status status = task_status::pending;
  std::uint32_t attempts = 0, undo_attempts = 0, unseen = 0;
  unix_ns created_at = 0, changed_at = 0, decide_by = 0, again_at = 0, effect_at = 0, expires_at = 0;
  bool for_veto = false, veto_passed = false, verify_pending = false, by_expiry = false, undo_by_person = false;
  std::uint32_t people_needed = 0;
  std::vector<std::string> approved_by;
  task_status before_undo = task_status::done;
  std::string detail, undo_user, started_on;
  nlohmann::json output;
};

/// Where an event leads from a status; nothing: it doesn't happen there.
std::optional<task_status> next_status(task_status from, task_event_kind what);

void apply(task_state& state, const task_event& event, const action* what);

/// Its step need not wait any longer.
bool is_settled(const task_state& state);
/// Nothing more can happen: it is final, or what it did can't be undone.
bool is_over(const task_state& state, const action* what);

/// What the shell is to do now.
struct task_step {
  enum class kind : std::uint8_t {
    none,      ///< final, or waiting for a person alone
    ask_gate,  ///< for the effect (or its undoing, see `undo`)
    recover,   ///< started before, no answer known: look at the intent, read back
    read_back, ///< verify
    wait,      ///< until `until`, then `due`
  } what = kind::none;
  unix_ns until = 0;
  bool undo = false;
};
/// `call_in_flight`: this process itself waits for an answer; after a restart nobody does.
task_step next_step(const task_state& state, unix_ns now, bool call_in_flight);

/// Whether it only waits, for people or for a time that is not near; until when: 0 = for people alone.
std::optional<unix_ns> rests_until(const task_state& state, const action* what, unix_ns now);

/// The event that the passing of time causes, if any is due.
std::optional<task_event> due(const task_state& state, const action* what, unix_ns now);

// Commands of people; a failure says why not.
result<std::vector<task_event>> approve(const task_state& state, const std::string& user, const std::string& reason,
                                        unix_ns now);
result<std::vector<task_event>> reject(const task_state& state, const std::string& user, const std::string& reason,
                                       unix_ns now);
result<std::vector<task_event>> cancel(const task_state& state, const std::string& user, const std::string& reason,
                                       unix_ns now);
/// `user` empty: by its run.
result<std::vector<task_event>> undo(const task_state& state, const action* what, const std::string& user,
                                     const std::string& reason, unix_ns now);
result<std::vector<task_event>> resolve(const task_state& state, bool happened, const std::string& user,
                                        const std::string& reason, unix_ns now);

/// The answer of a call.
struct call_outcome {
  enum class kind : std::uint8_t { succeeded = 0, transient = 1, failed = 2, unknown = 3 } what = kind::failed;
  nlohmann::json output;
  std::string detail; ///< for people, without secrets
};
/// What the answer of the call in flight means: success, another attempt, failure, or doubt.
task_event judged(const task_state& state, const action* what, const call_outcome& answer, unix_ns now);

/// The gate request of the task's next call (`undo`: of the inverse).
gate_request request_of(const task_state& state, const action& what, const action* inverse, bool undo);
/// The event that a verdict causes; nothing when the call may begin ("started" is then journaled with the intent).
std::optional<task_event> judged(const task_state& state, const gate_decision& decision, bool undo, unix_ns now);

/// run + step + target, the same for each repetition of the same call.
std::string idempotency_key(const task_state& state, bool undo);
/// Ids of what the gate may have granted it.
std::vector<std::string> grants_of(const task_state& state);
nlohmann::json inverse_parameters(const task_state& state, const action& inverse);

} // namespace soc::response
