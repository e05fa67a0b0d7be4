#include "response/core/gate.hpp"

#include "base/hash.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace soc::response {

namespace {

constexpr std::array<std::string_view, 5> autonomy_names{"observe", "recommend", "approve", "auto_with_veto",
                                                         "automatic"};
constexpr std::array<std::string_view, 6> verdict_names{
    "allow", "wait_for_approval", "wait_for_veto", "dry_run", "refuse", "later"};

/// What was granted before an emergency stop is asked for again this much later: each time is an entry in a journal.
constexpr unix_ns stopped_retry_ns = 60 * ns_per_s;

bool listed(const std::vector<std::string>& patterns, const std::string& name) {
  return patterns.empty() ||
         std::any_of(patterns.begin(), patterns.end(), [&](const auto& p) { return name_matches(p, name); });
}

bool listed(const std::vector<model::entity_type>& types, model::entity_type type) {
  return types.empty() || std::find(types.begin(), types.end(), type) != types.end();
}

std::vector<std::string> groups_of(const gate_config& config, const model::entity& target) {
  std::vector<std::string> out;
  for (const auto& g : config.groups)
    if (g.has(target))
      out.push_back(g.name);
  return out;
}

/// Judges one request; collects everything that speaks against it.
class judge {
public:
  judge(const gate_state& state, const gate_config& config, const gate_request& request, unix_ns now,
        const gate_state* everywhere)
      : state_(state), config_(config), request_(request), everywhere_(everywhere), asked_at_(now),
        // A clock set back must not open a window again.
        now_(state.by_time.empty() ? now : std::max(now, state.by_time.back().first)),
        groups_(groups_of(config, request.target)) {}

  gate_decision run() {
    if (request_.effect == action_effect::read)
      return allowed();
    if (const auto known = state_.grants.find(request_.id); known != state_.grants.end())
      return asked_again(known->second);
    check_emergency();
    if (request_.undo_of.empty()) {
      check_protected();
      check_conflict();
      check_limits();
      check_windows();
    } else {
      check_undo();
    }
    if (!out_.reasons.empty()) {
      out_.what = later_is_better_ ? verdict::later : verdict::refuse;
      return std::move(out_);
    }
    return request_.undo_of.empty() ? with_autonomy() : granted();
  }

private:
  gate_decision allowed() {
    out_.what = verdict::allow;
    return std::move(out_);
  }

  void against(std::string code, std::string text) {
    out_.reasons.push_back({std::move(code), std::move(text)});
    later_is_better_ = false;
  }

  gate_decision asked_again(const grant& known) {
    if (known.fingerprint == fingerprint_of(request_) && known.standing)
      return stop_in_force() != nullptr ? after_the_stop() : allowed();
    against("reused", known.standing ? "this request was granted for another call" : "this request's effect is over");
    out_.what = verdict::refuse;
    return std::move(out_);
  }

  /// It was granted before the stop, so nothing is wrong with it: no further call until the stop is lifted.
  gate_decision after_the_stop() {
    check_emergency();
    out_.what = verdict::later;
    out_.again_at = asked_at_ + stopped_retry_ns;
    return std::move(out_);
  }

  const gate_state* stop_in_force() const {
    // Undoing, by a person, must stay possible: it is how the damage is taken back.
    if (request_.by_person && !request_.undo_of.empty())
      return nullptr;
    if (state_.stopped)
      return &state_;
    return everywhere_ != nullptr && everywhere_->stopped ? everywhere_ : nullptr;
  }

  void check_emergency() {
    if (const auto* by = stop_in_force())
      against("stopped", fmt::format("all automation is stopped by {}: {}", by->stopped_by, by->stopped_why));
  }

  void check_protected() {
    if (!request_.touches_entity)
      return;
    if (auto why = config_.assets.refuses(request_.target))
      against("protected", *why);
    else if (auto parameter_why = config_.assets.refuses_parameters(request_.parameters))
      against("protected", *parameter_why);
    for (const auto& tag : request_.tags)
      if (auto why = config_.assets.refuses_tag(tag))
        against("protected", *why);
    for (const auto& group : config_.groups)
      for (const auto& tag : group.tags)
        if (auto why = config_.assets.refuses_tag(tag); why && group.has(request_.target))
          against("protected", fmt::format("member of group '{}': {}", group.name, *why));
  }

  void check_conflict() {
    const auto slot =
        state_.standing_by_target.find(target_slot(request_.instance, request_.target.type, request_.target.key));
    if (slot == state_.standing_by_target.end())
      return;
    for (const auto& id : slot->second) {
      const auto& other = state_.grants.at(id);
      const bool undoes_other = other.component == request_.component && other.inverse == request_.action;
      const bool undone_by_other = other.component == request_.component && request_.inverse == other.action;
      if (undoes_other || undone_by_other)
        against("conflict", fmt::format("task {} holds '{}' on it; '{}' is the opposite: undo that task instead",
                                        other.task_id, other.action, request_.action));
    }
  }

  bool counts(const limit_rule& limit, const grant& g) const {
    return listed(limit.actions, g.action) && listed(limit.components, g.component) &&
           listed(limit.instances, g.instance) && listed(limit.types, g.type);
  }

  bool same_bucket(const limit_rule& limit, const grant& a, const grant& b) const {
    if (a.tenant != b.tenant)
      return false;
    if (limit.each == "instance")
      return a.instance == b.instance;
    if (limit.each == "incident")
      return a.incident_id == b.incident_id;
    if (limit.each == "action")
      return a.action == b.action;
    if (limit.each == "group")
      return a.groups == b.groups;
    return true;
  }

  void check_limits() {
    const auto mine = make_grant();
    for (const auto& limit : config_.limits)
      if (counts(limit, mine)) {
        if (limit.most > 0)
          check_count(limit, mine);
        if (limit.most_percent > 0)
          check_share(limit, mine);
      }
    if (request_.rate_most > 0)
      check_rate(mine);
  }

  void check_count(const limit_rule& limit, const grant& mine) {
    std::int64_t used = 0;
    unix_ns oldest = now_;
    const auto since = now_ - limit.per_s * ns_per_s;
    for (auto at = state_.by_time.rbegin(); at != state_.by_time.rend() && at->first > since; ++at) {
      const auto& g = state_.grants.at(at->second);
      if (!counts(limit, g) || !same_bucket(limit, g, mine))
        continue;
      oldest = at->first;
      if (++used >= limit.most)
        break;
    }
    if (used >= limit.most)
      against("limit", fmt::format("limit '{}': {} within {} s for each {} is used up until {}", limit.id, limit.most,
                                   limit.per_s, limit.each, format_rfc3339(oldest + limit.per_s * ns_per_s)));
  }

  void check_share(const limit_rule& limit, const grant& mine) {
    const auto group = std::find_if(config_.groups.begin(), config_.groups.end(),
                                    [&](const auto& g) { return g.name == limit.group; });
    if (group == config_.groups.end() || std::find(groups_.begin(), groups_.end(), limit.group) == groups_.end())
      return;
    std::set<std::string> hit;
    for (const auto& [slot, ids] : state_.standing_by_target)
      for (const auto& id : ids) {
        const auto& g = state_.grants.at(id);
        if (g.tenant == mine.tenant && counts(limit, g) &&
            std::find(g.groups.begin(), g.groups.end(), limit.group) != g.groups.end())
          hit.insert(g.target);
      }
    hit.insert(mine.target);
    const auto most = std::floor(static_cast<double>(group->size) * limit.most_percent / 100.0);
    if (static_cast<double>(hit.size()) > most)
      against("limit", fmt::format("limit '{}': {} of {} members of group '{}' would be affected; {}% allows {}",
                                   limit.id, hit.size(), group->size, limit.group, limit.most_percent, most));
  }

  /// The component's own rate: not a refusal, only too early.
  void check_rate(const grant& mine) {
    std::int64_t used = 0;
    const auto since = now_ - request_.rate_per_s * ns_per_s;
    for (auto at = state_.by_time.rbegin(); at != state_.by_time.rend() && at->first > since; ++at) {
      const auto& g = state_.grants.at(at->second);
      if (g.instance != mine.instance || g.action != mine.action || ++used < request_.rate_most)
        continue;
      out_.again_at = at->first + request_.rate_per_s * ns_per_s;
      later_is_better_ = out_.reasons.empty();
      out_.reasons.push_back({"rate", fmt::format("instance '{}' takes {} of these within {} s", mine.instance,
                                                  request_.rate_most, request_.rate_per_s)});
      return;
    }
  }

  void check_windows() {
    for (const auto& w : config_.windows) {
      if (!listed(w.actions, request_.action) || !listed(w.components, request_.component) ||
          !listed(w.instances, request_.instance))
        continue;
      const auto local_s = now_ / ns_per_s + w.offset_min * 60;
      const auto day = static_cast<int>(((local_s / 86'400) + 4) % 7); // 1970-01-01 was a Thursday
      const auto minute = static_cast<int>(local_s % 86'400 / 60);
      const bool overnight = w.from_min > w.to_min;
      const bool inside =
          overnight ? minute >= w.from_min || minute < w.to_min : minute >= w.from_min && minute < w.to_min;
      const int begun_on = overnight && minute < w.to_min ? (day + 6) % 7 : day;
      if (inside && (w.days.empty() || w.days.contains(begun_on)))
        against("window", fmt::format("maintenance window '{}' is open", w.id));
    }
  }

  void check_undo() {
    const auto at = state_.grants.find(request_.undo_of);
    const bool known = at != state_.grants.end();
    if (known && !is_undone_by_request(at->second))
      return against("nothing_to_undo",
                     fmt::format("'{}' is not what undoes '{}' there", request_.action, at->second.action));
    const bool wanted = check_others_who_want_it();
    if (known && at->second.standing && wanted)
      out_.events = release(state_, at->first, "another task wants it to stand", now_);
    else if (known && !at->second.standing && !wanted)
      against("still_wanted", "its task has let go of it already"); // a crash came before the task had written it down
    else if (!known && !wanted)
      against("nothing_to_undo", "no standing effect of that id is known");
  }

  bool is_undone_by_request(const grant& g) const {
    return g.component == request_.component && g.inverse == request_.action && g.instance == request_.instance &&
           g.target == request_.target.key && g.type == request_.target.type;
  }

  /// The call would end their effects, too. Whoever asks lets go of its own instead, in the same decision: so the last
  /// one that asks finds nobody else and takes the effect back.
  bool check_others_who_want_it() {
    const auto slot =
        state_.standing_by_target.find(target_slot(request_.instance, request_.target.type, request_.target.key));
    if (slot == state_.standing_by_target.end())
      return false;
    bool wanted = false;
    for (const auto& id : slot->second) {
      const auto& other = state_.grants.at(id);
      if (id == request_.undo_of || other.task_id == request_.task_id || other.component != request_.component ||
          other.inverse != request_.action)
        continue;
      wanted = true;
      against("still_wanted",
              fmt::format("task {} of incident {} wants the same effect to stand", other.task_id, other.incident_id));
    }
    return wanted;
  }

  gate_decision with_autonomy() {
    std::uint32_t needed = request_.mode == autonomy::approve || request_.mode == autonomy::recommend ? 1 : 0;
    std::string who = needed > 0 ? fmt::format("mode '{}'", to_string(request_.mode)) : std::string{};
    for (const auto& rule : config_.approvals)
      if (listed(rule.actions, request_.action) && listed(rule.components, request_.component) &&
          listed(rule.instances, request_.instance) && listed(rule.costs, request_.cost) &&
          listed(rule.types, request_.target.type) && rule.people > needed) {
        needed = rule.people;
        who = fmt::format("approval rule '{}'", rule.id);
      }
    if (request_.mode == autonomy::observe) {
      out_.what = verdict::dry_run;
      out_.reasons.push_back({"observe", "it would be allowed; mode 'observe' does nothing"});
      return std::move(out_);
    }
    const std::set<std::string> people(request_.approved_by.begin(), request_.approved_by.end());
    if (people.size() < needed) {
      out_.what = verdict::wait_for_approval;
      out_.people_needed = needed;
      out_.reasons.push_back({"approval", fmt::format("{} wants {} person(s); {} agreed", who, needed, people.size())});
      return std::move(out_);
    }
    if (request_.mode == autonomy::auto_with_veto && !request_.veto_passed && people.empty()) {
      out_.what = verdict::wait_for_veto;
      out_.reasons.push_back({"veto", "a person may stop it until its time is up"});
      return std::move(out_);
    }
    return granted();
  }

  grant make_grant() const {
    grant g{request_.id,     request_.tenant,   request_.incident_id, request_.task_id,         request_.component,
            request_.action, request_.instance, request_.inverse,     fingerprint_of(request_), request_.asked_by};
    g.type = request_.target.type;
    g.target = request_.target.key;
    g.groups = groups_;
    g.effect = request_.effect;
    g.at = now_;
    g.undo_of = request_.undo_of;
    return g;
  }

  gate_decision granted() {
    gate_event event;
    event.granted = make_grant();
    event.at = now_;
    out_.events.push_back(std::move(event));
    return allowed();
  }

  const gate_state& state_;
  const gate_config& config_;
  const gate_request& request_;
  const gate_state* const everywhere_;
  const unix_ns asked_at_; ///< by the clock of whoever asks
  const unix_ns now_;
  const std::vector<std::string> groups_;
  gate_decision out_;
  bool later_is_better_ = false;
};

} // namespace

std::string_view to_string(autonomy mode) {
  return autonomy_names[static_cast<std::size_t>(mode) % 5];
}
std::string_view to_string(verdict v) {
  return verdict_names[static_cast<std::size_t>(v) % 6];
}

std::optional<autonomy> autonomy_from(std::string_view text) {
  if (text == "manual")
    return autonomy::recommend;
  if (text == "auto")
    return autonomy::automatic;
  const auto at = std::find(autonomy_names.begin(), autonomy_names.end(), text);
  if (at == autonomy_names.end())
    return std::nullopt;
  return static_cast<autonomy>(at - autonomy_names.begin());
}

std::string fingerprint_of(const std::string& component, const std::string& action, const std::string& instance,
                           const nlohmann::json& parameters) {
  return id_builder()
      .add(component)
      .add(action)
      .add(instance)
      .add(parameters.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace))
      .hex();
}

std::string fingerprint_of(const gate_request& request) {
  return fingerprint_of(request.component, request.action, request.instance, request.parameters);
}

std::string gate_decision::explain() const {
  std::string out;
  for (const auto& reason : reasons)
    out += (out.empty() ? "" : "; ") + reason.text;
  return out;
}

gate_decision decide(const gate_state& state, const gate_config& config, const gate_request& request, unix_ns now,
                     const gate_state* everywhere) {
  return judge(state, config, request, now, everywhere).run();
}

} // namespace soc::response
