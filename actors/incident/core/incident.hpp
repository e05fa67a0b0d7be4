// incident/core/incident.hpp - the incident aggregate as values: what is known (state), what happened (event, the
// journal's entry), what is asked (command). decide() says which events a command causes, apply() folds one in. Owned
// by one incident actor; replayed from its journal. Pure.
#pragma once
#include "base/result.hpp"
#include "incident/core/sla.hpp"
#include "model/alert.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace soc::incident {

/// Numbers cross the wire and the disk: append only. The transitions are one table: may_become().
enum class status : std::uint8_t {
  fresh = 0,
  in_progress = 1,
  contained = 2,
  resolved = 3,
  closed = 4,
  false_positive = 5
};
std::string_view to_string(status s); ///< "new", "in_progress", "contained", "resolved", "closed", "false_positive"
std::optional<status> status_from(std::string_view name);
bool may_become(status from, status to);
bool is_final(status s); ///< closed, false_positive

/// What it turned out to be; asked for when closing.
enum class classification : std::uint8_t {
  none = 0,
  true_positive = 1,
  benign = 2,
  false_positive = 3,
  duplicate = 4,
  test = 5
};
std::string_view to_string(classification c);
std::optional<classification> classification_from(std::string_view name);

/// What becomes of an alert that belongs to a closed incident.
enum class late_alert_policy : std::uint8_t { reopen = 0, successor = 1, note = 2 };

// ---- State.

/// An alert kept whole, with the graph's explanation (graph/core/explanation.hpp, JSON).
struct sample {
  model::alert_ptr alert;
  std::string why_json;
};
constexpr std::size_t max_samples = 8;         // of a group
constexpr std::uint64_t max_whole_alerts = 64; // of a group; repetitions after these are folded into a count
constexpr std::size_t max_groups = 2000;       // of an incident; later kinds are counted in the last one
constexpr std::size_t max_entities = 5000;
constexpr std::size_t max_history = 2000;
constexpr std::size_t max_comment_bytes = 16 * 1024;

/// Alerts of one kind on one asset: repetitions fold into counted occurrences.
struct alert_group {
  std::string origin; ///< incident it came from by a merge or move, empty = its own
  std::string rule_id, title, host, stage, product, vendor;
  model::severity level = model::severity::unknown;
  std::uint8_t confidence = 0;
  std::vector<model::attack_technique> techniques;
  std::uint64_t alerts = 0, events = 0;
  unix_ns first = 0, last = 0, first_detected = 0; ///< event times; when the detector raised the first
  double suspicion = 0;                            ///< of the first alert, nats
  std::vector<sample> samples;                     ///< oldest first; distinct in their entities
};

struct entity_record {
  std::string origin;
  model::entity_type type = model::entity_type::unknown;
  std::string key, label;
  std::uint16_t roles = 0; ///< bit n: model::entity_role n
  unix_ns first = 0, last = 0;
  std::uint64_t alerts = 0;
};

/// A response task as the incident knows it (runtime/response_interfaces.hpp task_changed).
struct task_record {
  std::string id, run_id, action, target, instance, status, detail;
  unix_ns created = 0, changed = 0;
};

struct history_entry {
  unix_ns at = 0; ///< when it was decided
  std::string who, what;
};

struct merge_record {
  std::string other; ///< incident id
  bool into = false; ///< this one went into `other`; else `other` came into this one
  bool undone = false;
  unix_ns at = 0;
  std::string who, why_json;
};

struct state {
  std::string id, tenant;
  std::uint64_t events = 0; ///< folded in
  unix_ns opened_at = 0, changed_at = 0;
  status now = status::fresh;
  classification found = classification::none;
  std::string owner, title, closing_reason;         ///< title: set by a person, else by rules
  model::severity level = model::severity::unknown; ///< set by a person, else derived
  bool automation = true;
  std::string merged_into;  ///< not empty: everything goes there
  std::string successor_of; ///< a closed incident this one goes on from
  unix_ns acknowledged_at = 0, contained_at = 0, resolved_at = 0, closed_at = 0, reopened_at = 0;
  bool missed_acknowledge = false, missed_resolve = false; ///< that the deadline passed is in the history
  bool warned_acknowledge = false, warned_resolve = false; ///< that it is near is
  std::map<std::string, alert_group> groups;               ///< by origin, rule, title, host
  std::map<std::string, entity_record> entities;
  std::unordered_map<std::uint64_t, std::uint64_t> members; ///< hash of alert id → hash of group key
  std::set<std::string> moved_out;                          ///< alert ids a person took away: never taken back
  std::map<std::string, task_record> tasks;
  std::map<std::string, std::string> verdicts; ///< entity key → "malicious", "suspicious", "benign"
  std::vector<merge_record> merges;
  std::vector<std::string> doubts;
  std::vector<history_entry> history;
  std::uint64_t late_alerts = 0;
};

// ---- Events: facts, in the journal. Each carries who and when.

struct opened {
  std::string id, tenant, successor_of;
};
struct alert_added {
  model::alert_ptr alert; ///< whole, or, when `folded`, only id, times, rule, title, host
  std::string why_json, origin;
  bool folded = false;
  bool late = false;
  std::string successor_of; ///< of a command only: see add_alert
};
struct status_set {
  status to = status::fresh;
  classification found = classification::none;
  std::string reason;
};
struct owner_set {
  std::string owner;
};
struct comment_added {
  std::string text;
};
struct title_set {
  std::string title;
};
struct level_set {
  model::severity level = model::severity::unknown;
};
struct automation_set {
  bool on = true;
};
struct verdict_set {
  std::string entity_key, verdict;
};
struct task_noted {
  task_record task;
};
struct merged_away { ///< this one went into another
  std::string into, why_json;
  std::uint64_t version = 0; ///< events of this one that the other has taken, 0 = not said
};
struct merge_taken { ///< another came into this one; its alerts follow as groups
  std::string from, why_json;
  std::vector<alert_group> groups;
  std::vector<entity_record> entities;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> members;
};
struct merge_undone { ///< on both sides
  std::string other;
};
struct alerts_removed { ///< moved or split off to another incident
  std::vector<std::string> ids;
  std::string to;
};
struct doubt_noted {
  std::string text;
};
struct deadline_missed {
  deadline what = deadline::acknowledge;
  unix_ns by = 0;
};
struct deadline_near {
  deadline what = deadline::acknowledge;
  unix_ns by = 0;
};

using fact = std::variant<opened, alert_added, status_set, owner_set, comment_added, title_set, level_set,
                          automation_set, verdict_set, task_noted, merged_away, merge_taken, merge_undone,
                          alerts_removed, doubt_noted, deadline_missed, deadline_near>;

struct event {
  unix_ns at = 0;  ///< decided
  std::string who; ///< user, "graph", "response"
  fact what;
};

// ---- Commands.

struct add_alert {
  model::alert_ptr alert;
  std::string why_json, origin;
  std::string successor_of; ///< the closed incident this one goes on from, if the alert opens it
};
struct set_status {
  status to = status::fresh;
  classification found = classification::none;
  std::string reason;
};
struct assign {
  std::string owner; ///< empty takes the owner away
};
struct add_comment {
  std::string text;
};
struct set_title {
  std::string title;
};
struct set_level {
  model::severity level = model::severity::unknown;
};
struct set_automation {
  bool on = true;
};
struct set_verdict {
  std::string entity_key, verdict;
};
struct note_task {
  task_record task;
};
/// This incident goes into another. First the other takes it (take_merge), then this one is told.
/// Fails with conflict when something has come in since the other took it.
struct merge_away {
  std::string into, why_json;
  std::uint64_t version = 0; ///< of this one when its content was taken, 0 = any
};
struct take_merge {
  std::string from, why_json;
  std::vector<alert_group> groups;
  std::vector<entity_record> entities;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> members;
};
struct undo_merge {
  std::string other;
};
struct remove_alerts {
  std::vector<std::string> ids;
  std::string to;
};
struct note_doubt {
  std::string text;
};
/// Nothing when it has been met or noted, or has not passed yet.
struct note_missed {
  deadline what = deadline::acknowledge;
  unix_ns by = 0;
};
/// Nothing when it has been met, noted or passed.
struct note_near {
  deadline what = deadline::acknowledge;
  unix_ns by = 0;
};

using command =
    std::variant<add_alert, set_status, assign, add_comment, set_title, set_level, set_automation, set_verdict,
                 note_task, merge_away, take_merge, undo_merge, remove_alerts, note_doubt, note_missed, note_near>;

struct options {
  late_alert_policy late = late_alert_policy::reopen;
};

/// The events `asked` causes; none when it changes nothing (redelivery). Fails with closed, refused, invalid_input,
/// not_found. `id` and `tenant` are those of the incident, for the first event of a new one.
result<std::vector<event>> decide(const state& now, const command& asked, const std::string& id,
                                  const std::string& tenant, unix_ns at, const std::string& who, const options& with);

/// Folds one event in. Total: accepts whatever decide() made, in that order.
void apply(state& to, const event& e);

/// What another incident takes over when this one merges into it.
take_merge merge_of(const state& from, std::string why_json);
std::string group_key(const std::string& origin, const model::alert& a);
std::string key_of(const alert_group& g);
std::string key_of(const entity_record& r);
std::uint64_t alert_count(const state& s);
/// The kept alerts with their explanations, in event time.
std::vector<sample> samples_of(const state& s);
/// Those of `ids` that are in the incident, in event time: whole where they are kept, else as their group remembers
/// them.
std::vector<sample> alerts_of(const state& s, const std::vector<std::string>& ids);
/// What the incident is made of apart from what is only told (history, counters): equal states are the same incident.
std::string content_digest(const state& s);

} // namespace soc::incident
