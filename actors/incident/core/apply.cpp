#include "base/hash.hpp"
#include "graph/core/explanation.hpp"
#include "incident/core/incident.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::incident {

namespace {

void widen(unix_ns& first, unix_ns& last, unix_ns from, unix_ns to) {
  first = first == 0 ? from : std::min(first, from);
  last = std::max(last, std::max(from, to));
}

bool same_entities(const model::alert& a, const model::alert& b) {
  const auto record = [](const model::alert& x) {
    return x.records.empty() ? std::string_view() : std::string_view(x.records.front().raw);
  };
  return a.entities == b.entities && record(a) == record(b);
}

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (const auto* part = parts.begin(); part != parts.end(); ++part) {
    if (part != parts.begin())
      out.push_back('\x1f');
    out += *part;
  }
  return out;
}

std::string entity_key(const std::string& origin, model::entity_type type, const std::string& key) {
  return joined({origin, std::to_string(static_cast<int>(type)), key});
}

/// The text a state keeps of a group's identity is read back from its first alert.
void begin_group(alert_group& g, const std::string& origin, const model::alert& a) {
  g.origin = origin;
  g.rule_id = a.rule_id;
  g.title = a.title;
  g.host = a.host;
  g.stage = a.stage;
  g.product = a.product;
  g.vendor = a.vendor;
  g.techniques = a.techniques;
}

void add_entities(state& to, const std::string& origin, const model::alert& a) {
  for (const auto& e : a.entities) {
    const auto key = entity_key(origin, e.type, e.key);
    auto it = to.entities.find(key);
    if (it == to.entities.end()) {
      if (to.entities.size() >= max_entities)
        continue;
      it = to.entities.emplace(key, entity_record{origin, e.type, e.key, e.label, 0, 0, 0, 0}).first;
    }
    auto& r = it->second;
    r.roles = static_cast<std::uint16_t>(r.roles | 1U << static_cast<unsigned>(e.role));
    widen(r.first, r.last, a.time, a.end_time);
    ++r.alerts;
  }
}

struct folder {
  state& to;
  const event& e;

  void told(std::string what) const {
    if (to.history.size() >= max_history)
      to.history.erase(to.history.begin() + 1);
    to.history.push_back({e.at, e.who, std::move(what)});
  }

  void operator()(const opened& x) const {
    to.id = x.id;
    to.tenant = x.tenant;
    to.successor_of = x.successor_of;
    to.opened_at = e.at;
    told("opened");
  }

  void operator()(const alert_added& x) const {
    const auto& a = *x.alert;
    auto key = group_key(x.origin, a);
    auto it = to.groups.find(key);
    if (it == to.groups.end()) {
      if (to.groups.size() >= max_groups) {
        it = std::prev(to.groups.end()); // counted, told in its own words no more
        key = it->first;
      } else {
        it = to.groups.emplace(key, alert_group{}).first;
        begin_group(it->second, x.origin, a);
        it->second.suspicion = graph::explanation_from_json(x.why_json).suspicion;
        it->second.first_detected = a.detected_at;
      }
    }
    auto& g = it->second;
    ++g.alerts;
    g.events += a.count;
    g.level = std::max(g.level, a.level);
    g.confidence = std::max(g.confidence, a.confidence);
    widen(g.first, g.last, a.time, a.end_time);
    if (a.detected_at != 0 && (g.first_detected == 0 || a.detected_at < g.first_detected))
      g.first_detected = a.detected_at;
    const auto tells_the_same = [&](const auto& s) { return same_entities(*s.alert, a); };
    if (!x.folded && g.samples.size() < max_samples &&
        std::none_of(g.samples.begin(), g.samples.end(), tells_the_same)) {
      const auto at = std::upper_bound(g.samples.begin(), g.samples.end(), a.time,
                                       [](unix_ns time, const auto& s) { return time < s.alert->time; });
      g.samples.insert(at, {x.alert, x.why_json});
    }
    add_entities(to, x.origin, a);
    to.members[hash64(a.id)] = hash64(key);
    to.moved_out.erase(a.id);
    if (x.late) {
      ++to.late_alerts;
      told("a late alert: " + a.title);
    }
  }

  void operator()(const status_set& x) const {
    told(fmt::format("{} → {}{}{}", to_string(to.now), to_string(x.to), x.reason.empty() ? "" : ": ", x.reason));
    if (is_final(to.now) && !is_final(x.to)) {
      to.reopened_at = e.at;
      to.missed_resolve = to.warned_resolve = false;
    }
    to.now = x.to;
    const auto once = [&](unix_ns& time) { time = time == 0 ? e.at : time; };
    switch (x.to) {
    case status::fresh:
      break;
    case status::in_progress: // a person has confirmed it; reopening starts the clocks that had stopped
      once(to.acknowledged_at);
      to.resolved_at = to.closed_at = 0;
      to.found = classification::none;
      break;
    case status::contained:
      once(to.acknowledged_at);
      once(to.contained_at);
      break;
    case status::resolved:
      once(to.acknowledged_at);
      once(to.resolved_at);
      break;
    case status::closed:
    case status::false_positive:
      once(to.acknowledged_at);
      if (x.to == status::closed)
        once(to.resolved_at);
      to.closed_at = e.at;
      to.closing_reason = x.reason;
      break;
    }
    if (x.found != classification::none)
      to.found = x.found;
  }

  void operator()(const owner_set& x) const {
    told(x.owner.empty() ? "owner removed" : "assigned to " + x.owner);
    to.owner = x.owner;
  }
  void operator()(const comment_added& x) const { told("comment: " + x.text); }
  void operator()(const title_set& x) const {
    told("title: " + x.title);
    to.title = x.title;
  }
  void operator()(const level_set& x) const {
    told("severity: " + std::string(model::to_string(x.level)));
    to.level = x.level;
  }
  void operator()(const automation_set& x) const {
    told(x.on ? "automation on" : "automation off");
    to.automation = x.on;
  }
  void operator()(const verdict_set& x) const {
    told(fmt::format("{} is {}", x.entity_key, x.verdict.empty() ? "without a verdict" : x.verdict));
    if (x.verdict.empty())
      to.verdicts.erase(x.entity_key);
    else
      to.verdicts[x.entity_key] = x.verdict;
  }
  void operator()(const task_noted& x) const {
    auto& task = to.tasks[x.task.id];
    const auto created = task.created == 0 ? e.at : task.created;
    task = x.task;
    task.created = created;
    told(fmt::format("task {} {}: {}", x.task.action, x.task.target, x.task.status));
  }
  void operator()(const doubt_noted& x) const {
    told("doubt: " + x.text);
    to.doubts.push_back(x.text);
  }

  void operator()(const deadline_missed& x) const {
    const bool first = x.what == deadline::acknowledge;
    told(fmt::format("not {} by {}", first ? "confirmed" : "resolved", format_rfc3339(x.by)));
    (first ? to.missed_acknowledge : to.missed_resolve) = true;
  }
  void operator()(const deadline_near& x) const {
    const bool first = x.what == deadline::acknowledge;
    told(fmt::format("to be {} by {}, soon", first ? "confirmed" : "resolved", format_rfc3339(x.by)));
    (first ? to.warned_acknowledge : to.warned_resolve) = true;
  }

  void operator()(const merged_away& x) const {
    to.merged_into = x.into;
    to.merges.push_back({x.into, true, false, e.at, e.who, x.why_json});
    told("merged into " + x.into);
  }
  void operator()(const merge_taken& x) const {
    for (const auto& g : x.groups) {
      to.groups.emplace(key_of(g), g);
    }
    for (const auto& r : x.entities)
      to.entities.emplace(key_of(r), r);
    for (const auto& [alert, group] : x.members)
      to.members.emplace(alert, group);
    to.merges.push_back({x.from, false, false, e.at, e.who, x.why_json});
    told("took in " + x.from);
  }
  void operator()(const merge_undone& x) const {
    for (auto& m : to.merges)
      if (m.other == x.other && !m.undone) {
        m.undone = true;
        if (m.into)
          to.merged_into.clear();
        else
          drop_origin(x.other);
      }
    told("merge with " + x.other + " undone");
  }

  /// Takes away what came from `other`, directly or through it.
  void drop_origin(const std::string& other) const {
    const auto came = [&](const std::string& origin) { return origin == other || origin.rfind(other + "/", 0) == 0; };
    std::set<std::uint64_t> gone;
    for (auto it = to.groups.begin(); it != to.groups.end();)
      if (came(it->second.origin)) {
        gone.insert(hash64(it->first));
        it = to.groups.erase(it);
      } else {
        ++it;
      }
    std::erase_if(to.entities, [&](const auto& item) { return came(item.second.origin); });
    std::erase_if(to.members, [&](const auto& item) { return gone.contains(item.second); });
  }

  void operator()(const alerts_removed& x) const {
    std::map<std::uint64_t, std::string> keys;
    for (const auto& [key, g] : to.groups)
      keys.emplace(hash64(key), key);
    for (const auto& id : x.ids) {
      const auto member = to.members.find(hash64(id));
      if (member == to.members.end())
        continue;
      if (const auto key = keys.find(member->second); key != keys.end())
        drop_alert(key->second, id);
      to.members.erase(member);
      to.moved_out.insert(id);
    }
    told(fmt::format("{} alerts moved to {}", x.ids.size(), x.to));
  }

  void drop_alert(const std::string& key, const std::string& id) const {
    const auto it = to.groups.find(key);
    if (it == to.groups.end())
      return;
    auto& g = it->second;
    --g.alerts;
    std::erase_if(g.samples, [&](const auto& s) { return s.alert->id == id; });
    if (g.alerts == 0)
      to.groups.erase(it);
    count_entities_again();
  }

  /// Entities without an alert left go; the others keep their times.
  void count_entities_again() const {
    std::set<std::string> left;
    for (const auto& [key, g] : to.groups)
      for (const auto& s : g.samples)
        for (const auto& e : s.alert->entities)
          left.insert(entity_key(g.origin, e.type, e.key));
    std::erase_if(to.entities, [&](const auto& item) { return !left.contains(item.first); });
  }
};

} // namespace

void apply(state& to, const event& e) {
  ++to.events;
  to.changed_at = std::max(to.changed_at, e.at);
  std::visit(folder{to, e}, e.what);
}

std::string group_key(const std::string& origin, const model::alert& a) {
  return joined({origin, a.rule_id, a.title, a.host});
}

std::string key_of(const alert_group& g) {
  return joined({g.origin, g.rule_id, g.title, g.host});
}

std::string key_of(const entity_record& r) {
  return entity_key(r.origin, r.type, r.key);
}

take_merge merge_of(const state& from, std::string why_json) {
  take_merge out{from.id, std::move(why_json), {}, {}, {}};
  const auto origin_of = [&](const std::string& origin) { return origin.empty() ? from.id : from.id + "/" + origin; };
  std::map<std::uint64_t, std::uint64_t> renamed;
  for (const auto& [key, g] : from.groups) {
    auto group = g;
    group.origin = origin_of(g.origin);
    renamed[hash64(key)] = hash64(key_of(group));
    out.groups.push_back(std::move(group));
  }
  for (const auto& [key, r] : from.entities) {
    out.entities.push_back(r);
    out.entities.back().origin = origin_of(r.origin);
  }
  for (const auto& [alert, group] : from.members)
    if (const auto it = renamed.find(group); it != renamed.end())
      out.members.emplace_back(alert, it->second);
  std::sort(out.members.begin(), out.members.end());
  return out;
}

std::uint64_t alert_count(const state& s) {
  std::uint64_t sum = 0;
  for (const auto& [key, g] : s.groups)
    sum += g.alerts;
  return sum;
}

std::vector<sample> samples_of(const state& s) {
  std::vector<sample> out;
  for (const auto& [key, g] : s.groups)
    out.insert(out.end(), g.samples.begin(), g.samples.end());
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return std::tie(a.alert->time, a.alert->id) < std::tie(b.alert->time, b.alert->id);
  });
  return out;
}

namespace {

/// What a group still knows of an alert it only counts.
model::alert_ptr remembered(const state& s, const alert_group& g, const std::string& id) {
  auto a = std::make_shared<model::alert>();
  a->id = id;
  a->tenant = s.tenant;
  a->rule_id = g.rule_id;
  a->title = g.title;
  a->host = g.host;
  a->stage = g.stage;
  a->product = g.product;
  a->vendor = g.vendor;
  a->level = g.level;
  a->confidence = g.confidence;
  a->techniques = g.techniques;
  a->time = g.first;
  a->end_time = g.last;
  return a;
}

} // namespace

std::vector<sample> alerts_of(const state& s, const std::vector<std::string>& ids) {
  std::map<std::string, sample> kept;
  for (auto& x : samples_of(s))
    kept.emplace(x.alert->id, x);
  std::unordered_map<std::uint64_t, const alert_group*> groups;
  for (const auto& [key, g] : s.groups)
    groups.emplace(hash64(key), &g);
  std::vector<sample> out;
  for (const auto& id : ids) {
    const auto member = s.members.find(hash64(id));
    if (member == s.members.end())
      continue;
    if (const auto it = kept.find(id); it != kept.end())
      out.push_back(it->second);
    else if (const auto g = groups.find(member->second); g != groups.end())
      out.push_back({remembered(s, *g->second, id), {}});
  }
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return std::tie(a.alert->time, a.alert->id) < std::tie(b.alert->time, b.alert->id);
  });
  return out;
}

std::string content_digest(const state& s) {
  id_builder d;
  d.add(s.id).add(s.tenant).add(static_cast<std::int64_t>(s.now)).add(static_cast<std::int64_t>(s.found)).add(s.owner);
  d.add(s.title).add(static_cast<std::int64_t>(s.level)).add(s.automation ? 1 : 0).add(s.merged_into);
  for (const auto& [key, g] : s.groups) {
    d.add(key)
        .add(static_cast<std::int64_t>(g.alerts))
        .add(static_cast<std::int64_t>(g.events))
        .add(g.first)
        .add(g.last);
    for (const auto& x : g.samples)
      d.add(x.alert->id).add(x.why_json);
  }
  for (const auto& [key, r] : s.entities)
    d.add(key).add(r.label).add(r.roles).add(r.first).add(r.last).add(static_cast<std::int64_t>(r.alerts));
  std::vector<std::pair<std::uint64_t, std::uint64_t>> members(s.members.begin(), s.members.end());
  std::sort(members.begin(), members.end());
  for (const auto& [alert, group] : members)
    d.add(static_cast<std::int64_t>(alert)).add(static_cast<std::int64_t>(group));
  for (const auto& [id, t] : s.tasks)
    d.add(id).add(t.status).add(t.detail);
  for (const auto& [key, verdict] : s.verdicts)
    d.add(key).add(verdict);
  return d.hex();
}

} // namespace soc::incident
