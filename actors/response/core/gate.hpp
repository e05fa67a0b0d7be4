// response/core/gate.hpp - THE GATE: every outside call passes it, whoever asks. It holds protected assets, limits on
// the damage, conflicts, maintenance windows, approval, dry run and the emergency stop. Its state is a fold over its
// journal, so limits hold across restarts. A call needs a `permit`, and only the gate makes permits. Pure.
#pragma once
#include "base/time.hpp"
#include "response/core/component.hpp"
#include "response/core/protected_assets.hpp"

#include <deque>
#include <set>

namespace soc::response {

/// How far an action goes by itself. Numbers cross the disk: append only.
enum class autonomy : std::uint8_t {
  observe = 0,        ///< nothing is done; what would have been is recorded
  recommend = 1,      ///< a person starts it ("manual")
  approve = 2,        ///< begun, and each effect waits for a person
  auto_with_veto = 3, ///< each effect waits for a while in which a person may stop it
  automatic = 4,
};
std::string_view to_string(autonomy mode);
std::optional<autonomy> autonomy_from(std::string_view text); ///< also "manual" and "auto"

/// One call somebody wants to make.
struct gate_request {
  std::string id; ///< asking again with the same id and call changes nothing
  std::string tenant = "default", incident_id, run_id, task_id;
  std::string asked_by; ///< "rule:web-intrusion", "user:alice"
  bool by_person = false;
  std::string component, action, instance;
  action_effect effect = action_effect::irreversible;
  std::string inverse; ///< of a reversible action
  std::string cost = "low";
  bool touches_entity = true; ///< false: a notification or the like
  model::entity target;
  std::vector<std::string> tags; ///< of the target
  nlohmann::json parameters = nlohmann::json::object();
  autonomy mode = autonomy::approve;
  std::vector<std::string> approved_by;       ///< distinct people
  bool veto_passed = false;                   ///< the veto time went by without one
  std::string undo_of;                        ///< request id of the effect to be undone; empty = a new effect
  std::int64_t rate_most = 0, rate_per_s = 0; ///< the component's own limit on calls of this action to one instance
};

/// What binds a permit to exactly one call: component, action, instance, target and parameters.
std::string fingerprint_of(const gate_request& request);
std::string fingerprint_of(const std::string& component, const std::string& action, const std::string& instance,
                           const nlohmann::json& parameters);

struct limit_rule {
  std::string id;
  std::vector<std::string> actions, components, instances; ///< empty = any; patterns
  std::vector<model::entity_type> types;                   ///< empty = any
  std::string each = "tenant"; ///< counted for each: tenant, instance, incident, action, group
  std::int64_t most = 0;       ///< effects within per_s; 0 = not counted
  std::int64_t per_s = 3600;   ///< at most max_window_s
  std::string group;           ///< most_percent of this group's members may stand under effects at once
  double most_percent = 0;
};
constexpr std::int64_t max_window_s = 7 * 86'400;

struct approval_rule {
  std::string id;
  std::vector<std::string> actions, components, instances, costs;
  std::vector<model::entity_type> types;
  std::uint32_t people = 1;
};

/// A time in which matching actions are not made. Hours are minutes of the day, UTC plus offset.
struct maintenance_window {
  std::string id;
  std::vector<std::string> actions, components, instances;
  std::set<int> days; ///< 0 = Sunday; empty = every day
  int from_min = 0, to_min = 0, offset_min = 0;
};

struct gate_config {
  protected_assets assets;
  std::vector<asset_group> groups;
  std::vector<limit_rule> limits;
  std::vector<approval_rule> approvals;
  std::vector<maintenance_window> windows;
};

/// An effect that was allowed.
struct grant {
  std::string id, tenant, incident_id, task_id, component, action, instance, inverse, fingerprint, asked_by;
  model::entity_type type = model::entity_type::unknown;
  std::string target;
  std::vector<std::string> groups;
  action_effect effect = action_effect::irreversible;
  unix_ns at = 0;
  std::string undo_of;  ///< for a grant of an inverse
  bool standing = true; ///< false once undone, expired, or known not to have come about
};

/// A fact of the gate's journal. Numbers cross the disk: append only.
struct gate_event {
  enum class kind : std::uint8_t { granted = 0, released = 1, stopped = 2, resumed = 3 } what = kind::granted;
  grant granted;
  std::string id;       ///< released: of the grant
  std::string who, why; ///< stopped, resumed, released
  unix_ns at = 0;
};

struct gate_state {
  std::map<std::string, grant> grants;
  std::deque<std::pair<unix_ns, std::string>> by_time;             ///< effects, oldest first
  std::map<std::string, std::set<std::string>> standing_by_target; ///< "instance\ntype\ntarget" -> grant ids
  bool stopped = false;
  std::string stopped_by, stopped_why;
};

enum class verdict : std::uint8_t {
  allow = 0,
  wait_for_approval = 1,
  wait_for_veto = 2,
  dry_run = 3,
  refuse = 4,
  later = 5
};
std::string_view to_string(verdict v);

/// Why: a code programs branch on and a sentence for people.
struct gate_reason {
  std::string code; ///< protected, limit, conflict, window, approval, stopped, nothing_to_undo, still_wanted, …
  std::string text;
};

struct gate_decision {
  verdict what = verdict::refuse;
  std::vector<gate_reason> reasons; ///< all that speak against it, not only the first
  std::vector<gate_event> events;   ///< to be journaled before anything is done
  unix_ns again_at = 0;             ///< later: when asking again makes sense
  std::uint32_t people_needed = 0;  ///< wait_for_approval
  std::string explain() const;      ///< the reasons in one line
};

/// Judges a request at time `now`. Same state, configuration, request and time: same answer. `everywhere`: the state
/// whose emergency stop holds for every tenant.
gate_decision decide(const gate_state& state, const gate_config& config, const gate_request& request, unix_ns now,
                     const gate_state* everywhere = nullptr);
/// An effect no longer stands (undone, expired) or never came about. No events when it is not known or released
/// already.
std::vector<gate_event> release(const gate_state& state, const std::string& id, std::string why, unix_ns now);
std::vector<gate_event> emergency(const gate_state& state, bool stop, std::string who, std::string why, unix_ns now);
void apply(gate_state& state, const gate_event& event);
/// Where effects of one kind of target at one instance are kept in `standing_by_target`. A user and the e-mail address
/// that reads the same are one account.
std::string target_slot(const std::string& instance, model::entity_type type, const std::string& target);

/// Events that the state has and the journal has not yet, so that many requests are judged one after the other and
/// stored together. Kept once they are stored; taken back when they could not be: the state is then what it was.
class gate_draft {
public:
  void add(gate_state& state, gate_event event);
  void keep(gate_state& state);
  void take_back(gate_state& state);
  const std::vector<gate_event>& events() const { return events_; }

private:
  struct way_back {
    std::optional<grant> before;
    bool stopped = false;
    std::string stopped_by, stopped_why;
  };
  void take_back_last(gate_state& state);

  std::vector<gate_event> events_;
  std::vector<way_back> ways_back_;
};

/// The state that holds exactly these grants: from a snapshot.
gate_state restored(std::vector<grant> grants);

/// Leave to make one call. Made by issue_permit alone; a caller without one can't reach a component.
class permit {
public:
  const std::string& request_id() const { return request_id_; }
  /// Does it cover this call? Reading actions of the same instance, for verification, are covered by `covers_read`.
  bool covers(const std::string& fingerprint) const { return fingerprint == fingerprint_; }
  bool covers_instance(const std::string& instance) const { return instance == instance_; }

private:
  permit() = default;
  friend std::optional<permit> issue_permit(const gate_state&, const gate_request&);
  std::string request_id_, fingerprint_, instance_;
};

/// The permit for a request the state has a grant for (its event journaled and applied), or for a reading action.
std::optional<permit> issue_permit(const gate_state& state, const gate_request& request);

} // namespace soc::response
