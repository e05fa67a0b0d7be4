#include "base/hash.hpp"
#include "incident/core/incident.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace soc::incident {

namespace {

constexpr std::array<std::string_view, 6> status_names{"new",      "in_progress", "contained",
                                                       "resolved", "closed",      "false_positive"};
constexpr std::array<std::string_view, 6> classification_names{"none",           "true_positive", "benign",
                                                               "false_positive", "duplicate",     "test"};

// Row: from; column: to. fresh, in_progress, contained, resolved, closed, false_positive
constexpr bool transitions[6][6] = {
    {false, true, true, true, true, true},    // new
    {false, false, true, true, true, true},   // in progress
    {false, true, false, true, true, true},   // contained
    {false, true, true, false, true, true},   // resolved
    {false, true, false, false, false, true}, // closed: reopened, or found to be wrong after all
    {false, true, false, false, true, false}, // false positive
};

constexpr std::string_view graph_name = "graph"; ///< who decides when no person does

struct decider {
  const state& now;
  const std::string& id;
  const std::string& tenant;
  unix_ns at;
  const std::string& who;
  const options& with;

  using events = result<std::vector<event>>;

  event fact_of(fact what) const { return {at, who, std::move(what)}; }
  events one(fact what) const { return std::vector<event>{fact_of(std::move(what))}; }
  static events nothing() { return std::vector<event>{}; }

  std::vector<event> begun(const std::string& successor_of = {}) const {
    if (now.events != 0)
      return {};
    return {fact_of(opened{id, tenant, successor_of})};
  }

  events operator()(const add_alert& asked) const {
    const auto& a = *asked.alert;
    if (a.id.empty())
      return failure{ec::invalid_input, "an alert without an id"};
    if (who == graph_name && now.moved_out.contains(a.id))
      return nothing();
    // Before what it has: what came in while it was going into another is to be there too.
    if (!now.merged_into.empty())
      return failure{ec::closed, "merged into " + now.merged_into};
    if (now.members.contains(hash64(a.id)))
      return nothing();
    auto out = begun(asked.successor_of);
    const bool late = is_final(now.now);
    if (late && with.late == late_alert_policy::successor)
      return failure{ec::closed, fmt::format("incident {} is {}", id, to_string(now.now))};
    if (late && with.late == late_alert_policy::reopen)
      out.push_back(fact_of(status_set{status::in_progress, classification::none, "a late alert: " + a.title}));
    const auto group = now.groups.find(group_key(asked.origin, a));
    const bool folded = group != now.groups.end() &&
                        (group->second.samples.size() >= max_samples || group->second.alerts >= max_whole_alerts);
    out.push_back(fact_of(alert_added{folded ? slim(a, asked.origin) : asked.alert,
                                      folded ? std::string() : asked.why_json, asked.origin, folded, late}));
    return out;
  }

  /// What a folded repetition keeps: enough to be counted and never taken twice, and the entities that are new: the
  /// twentieth attacker of a kind must be seen like the first.
  model::alert_ptr slim(const model::alert& a, const std::string& origin) const {
    auto out = std::make_shared<model::alert>();
    for (const auto& e : a.entities)
      if (!now.entities.contains(key_of(entity_record{origin, e.type, e.key, {}})))
        out->entities.push_back(e);
    out->id = a.id;
    out->tenant = a.tenant;
    out->time = a.time;
    out->end_time = a.end_time;
    out->detected_at = a.detected_at;
    out->rule_id = a.rule_id;
    out->title = a.title;
    out->host = a.host;
    out->level = a.level;
    out->count = a.count;
    return out;
  }

  events operator()(const set_status& asked) const {
    if (now.events == 0)
      return failure{ec::not_found, "no such incident"};
    if (asked.to == now.now)
      return nothing();
    if (!may_become(now.now, asked.to))
      return failure{ec::refused, fmt::format("{} cannot become {}", to_string(now.now), to_string(asked.to))};
    if (asked.to == status::closed && asked.found == classification::none && now.found == classification::none)
      return failure{ec::invalid_input,
                     "closing asks for a classification: true_positive, benign, false_positive, duplicate or test"};
    auto found = asked.found;
    if (asked.to == status::false_positive)
      found = classification::false_positive;
    return one(status_set{asked.to, found, asked.reason});
  }

  events operator()(const assign& asked) const {
    return asked.owner == now.owner ? nothing() : existing(owner_set{asked.owner});
  }
  events operator()(const add_comment& asked) const {
    if (asked.text.empty() || asked.text.size() > max_comment_bytes)
      return failure{ec::invalid_input, "a comment has 1 to 16384 bytes"};
    return existing(comment_added{asked.text});
  }
  events operator()(const set_title& asked) const {
    return asked.title == now.title ? nothing() : existing(title_set{asked.title});
  }
  events operator()(const set_level& asked) const {
    return asked.level == now.level ? nothing() : existing(level_set{asked.level});
  }
  events operator()(const set_automation& asked) const {
    return asked.on == now.automation ? nothing() : existing(automation_set{asked.on});
  }
  events operator()(const set_verdict& asked) const {
    static const std::set<std::string> known{"malicious", "suspicious", "benign", ""};
    if (!known.contains(asked.verdict))
      return failure{ec::invalid_input, "a verdict is malicious, suspicious, benign or empty"};
    const auto it = now.verdicts.find(asked.entity_key);
    const bool same = (it == now.verdicts.end() ? std::string() : it->second) == asked.verdict;
    return same ? nothing() : existing(verdict_set{asked.entity_key, asked.verdict});
  }
  events operator()(const note_task& asked) const {
    const auto it = now.tasks.find(asked.task.id);
    const bool same =
        it != now.tasks.end() && it->second.status == asked.task.status && it->second.detail == asked.task.detail;
    return same ? nothing() : existing(task_noted{asked.task});
  }
  events operator()(const note_missed& asked) const {
    return !is_open(asked.what) || at < asked.by ? nothing() : one(deadline_missed{asked.what, asked.by});
  }
  events operator()(const note_near& asked) const {
    const bool warned = asked.what == deadline::acknowledge ? now.warned_acknowledge : now.warned_resolve;
    return !is_open(asked.what) || warned || at >= asked.by ? nothing() : one(deadline_near{asked.what, asked.by});
  }
  events operator()(const note_doubt& asked) const {
    const bool known = std::find(now.doubts.begin(), now.doubts.end(), asked.text) != now.doubts.end();
    return known ? nothing() : existing(doubt_noted{asked.text});
  }

  events operator()(const merge_away& asked) const {
    if (now.merged_into == asked.into || parted_by_a_person(asked.into))
      return nothing();
    if (!now.merged_into.empty())
      return failure{ec::closed, "merged into " + now.merged_into};
    if (asked.into == id)
      return failure{ec::invalid_input, "an incident does not merge into itself"};
    if (asked.version != 0 && asked.version != now.events)
      return failure{ec::conflict, "something has come in since"};
    return existing(merged_away{asked.into, asked.why_json, asked.version});
  }
  events operator()(const take_merge& asked) const {
    if (asked.from == id)
      return failure{ec::invalid_input, "an incident does not merge into itself"};
    const bool known = active_merge(asked.from);
    if ((known && has_all(asked)) || parted_by_a_person(asked.from))
      return nothing();
    if (!now.merged_into.empty())
      return failure{ec::closed, "merged into " + now.merged_into};
    auto out = begun();
    if (known)
      out.push_back(fact_of(merge_undone{asked.from}));
    out.push_back(fact_of(merge_taken{asked.from, asked.why_json, asked.groups, asked.entities, asked.members}));
    return out;
  }
  events operator()(const undo_merge& asked) const {
    return active_merge(asked.other) ? one(merge_undone{asked.other}) : nothing();
  }
  events operator()(const remove_alerts& asked) const {
    std::vector<std::string> ids;
    for (const auto& alert : asked.ids)
      if (now.members.contains(hash64(alert)))
        ids.push_back(alert);
    if (ids.empty())
      return nothing();
    return existing(alerts_removed{std::move(ids), asked.to});
  }

  /// Neither met nor noted as missed, of an incident that is still worked on.
  bool is_open(deadline what) const {
    const bool first = what == deadline::acknowledge;
    const bool met = (first ? now.acknowledged_at : now.resolved_at) != 0;
    const bool missed = first ? now.missed_acknowledge : now.missed_resolve;
    return now.events != 0 && !met && !missed && !is_final(now.now) && now.merged_into.empty();
  }
  /// Else it is taken once more in the place of what was taken of it: more had come in meanwhile.
  bool has_all(const take_merge& asked) const {
    std::set<std::uint64_t> moved;
    for (const auto& alert : now.moved_out)
      moved.insert(hash64(alert));
    return std::all_of(asked.members.begin(), asked.members.end(), [&](const auto& member) {
      return now.members.contains(member.first) || moved.contains(member.first);
    });
  }
  bool active_merge(const std::string& other) const {
    return std::any_of(now.merges.begin(), now.merges.end(),
                       [&](const auto& m) { return m.other == other && !m.undone; });
  }
  /// The graph does not join anew what a person has taken apart.
  bool parted_by_a_person(const std::string& other) const {
    const auto last =
        std::find_if(now.merges.rbegin(), now.merges.rend(), [&](const auto& m) { return m.other == other; });
    return who == graph_name && last != now.merges.rend() && last->undone;
  }
  events existing(fact what) const {
    if (now.events == 0)
      return failure{ec::not_found, "no such incident"};
    return one(std::move(what));
  }
};

} // namespace

std::string_view to_string(status s) {
  return status_names[std::min<std::size_t>(static_cast<std::size_t>(s), 5)];
}
std::string_view to_string(classification c) {
  return classification_names[std::min<std::size_t>(static_cast<std::size_t>(c), 5)];
}

std::optional<status> status_from(std::string_view name) {
  for (std::size_t i = 0; i < status_names.size(); ++i)
    if (status_names[i] == name)
      return static_cast<status>(i);
  return std::nullopt;
}

std::optional<classification> classification_from(std::string_view name) {
  for (std::size_t i = 0; i < classification_names.size(); ++i)
    if (classification_names[i] == name)
      return static_cast<classification>(i);
  return std::nullopt;
}

bool may_become(status from, status to) {
  return transitions[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)];
}

bool is_final(status s) {
  return s == status::closed || s == status::false_positive;
}

result<std::vector<event>> decide(const state& now, const command& asked, const std::string& id,
                                  const std::string& tenant, unix_ns at, const std::string& who, const options& with) {
  return std::visit(decider{now, id, tenant, at, who, with}, asked);
}

} // namespace soc::incident
