#include "incident/core/view.hpp"

#include "graph/core/explanation.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace soc::incident {

namespace {

constexpr double score_scale = 60; // nats at which the score is 63 of 100
constexpr std::size_t raw_excerpt = 512;

void add_once(std::vector<std::string>& to, const std::string& what) {
  if (!what.empty() && std::find(to.begin(), to.end(), what) == to.end())
    to.push_back(what);
}

/// An account of a machine or of its services: no person is named by it.
bool is_service_account(std::string_view label) {
  std::string name(label.substr(label.rfind('\\') + 1)); // npos + 1 = 0
  for (auto& c : name)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c | 0x20);
  for (const std::string_view known :
       {"system", "localsystem", "local service", "network service", "s-1-5-18", "s-1-5-19", "s-1-5-20"})
    if (name == known)
      return true;
  return name.ends_with('$');
}

model::entity_role telling_role(std::uint16_t roles) {
  using r = model::entity_role;
  for (const auto role : {r::actor, r::source, r::target, r::destination, r::parent, r::related, r::observer})
    if (roles & (1U << static_cast<unsigned>(role)))
      return role;
  return r::unknown;
}

struct deriver {
  const state& s;
  const scenario_rules& rules;
  view v;
  bool first_sight = false;

  void timeline() {
    for (const auto& [key, g] : s.groups) {
      timeline_entry line;
      line.time = g.first;
      line.last = g.last;
      line.count = g.alerts;
      line.title = g.title;
      line.host = g.host;
      line.level = g.level;
      line.stage = g.stage;
      auto techniques = g.techniques;
      if (!g.samples.empty()) {
        const auto& first = g.samples.front();
        auto found = stage_of(rules, *first.alert);
        line.stage = found.stage;
        techniques = std::move(found.techniques);
        line.alert_id = first.alert->id;
        line.why = graph::in_words(graph::explanation_from_json(first.why_json));
        first_sight = first_sight || first.why_json.find("\"first_sight\"") != std::string::npos;
        if (!first.alert->records.empty()) {
          const auto& record = first.alert->records.front();
          line.event_id = record.event_id;
          line.source = record.source;
          line.origin = record.origin;
          line.raw = record.raw.substr(0, raw_excerpt);
        }
      }
      for (const auto& t : techniques) {
        if (line.tactic.empty())
          line.tactic = t.tactic;
        if (line.technique.empty())
          line.technique = t.technique;
      }
      v.timeline.push_back(std::move(line));
    }
    std::stable_sort(v.timeline.begin(), v.timeline.end(), [](const auto& a, const auto& b) {
      return std::tie(a.time, a.alert_id, a.title) < std::tie(b.time, b.alert_id, b.title);
    });
    for (const auto& line : v.timeline) {
      add_once(v.stages, line.stage);
      add_once(v.tactics, line.tactic);
      add_once(v.techniques, line.technique);
    }
  }

  void numbers() {
    double nats = 0;
    std::map<std::string, double> by_asset;
    unix_ns first_detected = 0;
    for (const auto& [key, g] : s.groups) {
      v.alerts += g.alerts;
      v.raw_events += g.events;
      v.level = std::max(v.level, g.level);
      v.confidence = std::max<int>(v.confidence, g.confidence);
      v.first_event = v.first_event == 0 ? g.first : std::min(v.first_event, g.first);
      v.last_event = std::max(v.last_event, g.last);
      if (g.first_detected != 0 && (first_detected == 0 || g.first_detected < first_detected))
        first_detected = g.first_detected;
      const double said = std::max(0.0, g.suspicion - 5) + 0.1;
      nats += said;
      if (!g.host.empty())
        by_asset[g.host] += said + 0.01 * std::log1p(static_cast<double>(g.alerts));
      add_once(v.products, g.product);
      for (const auto& x : g.samples)
        add_once(v.accounts, x.alert->account.empty() ? "" : x.alert->cloud + ":" + x.alert->account);
    }
    std::vector<std::pair<std::string, double>> assets(by_asset.begin(), by_asset.end());
    std::stable_sort(assets.begin(), assets.end(), [](auto& a, auto& b) { return a.second > b.second; });
    for (const auto& [asset, said] : assets)
      v.assets.push_back(asset);
    nats *= 1 + 0.15 * static_cast<double>(v.tactics.size());
    v.score = 100 * (1 - std::exp(-nats / score_scale)) + 2.0 * static_cast<double>(v.level);
    v.score = std::min(100.0, first_sight ? std::min(v.score, 5.0) : v.score);
    if (v.confidence == 0)
      v.confidence = static_cast<int>(std::lround(std::min(99.0, 40 + 10.0 * static_cast<double>(v.products.size()) +
                                                                     8.0 * static_cast<double>(v.tactics.size()))));
    if (v.level == model::severity::unknown)
      v.level = first_sight     ? model::severity::informational
                : v.score >= 90 ? model::severity::critical
                : v.score >= 60 ? model::severity::high
                : v.score >= 30 ? model::severity::medium
                                : model::severity::low;
    if (s.level != model::severity::unknown)
      v.level = s.level;
    times(first_detected);
  }

  void times(unix_ns first_detected) {
    const auto seconds = [](unix_ns from, unix_ns to) {
      return from == 0 || to == 0 ? -1.0 : std::max(0.0, static_cast<double>(to - from) / ns_per_s);
    };
    v.times.detect = seconds(v.first_event, first_detected);
    v.times.acknowledge = seconds(first_detected ? first_detected : s.opened_at, s.acknowledged_at);
    v.times.respond = seconds(s.acknowledged_at, s.resolved_at);
  }

  void entities() {
    std::map<std::pair<int, std::string>, entity_view> merged;
    std::map<std::pair<int, std::string>, std::uint16_t> roles;
    for (const auto& [key, r] : s.entities) {
      const auto id = std::pair(static_cast<int>(r.type), r.key);
      auto& e = merged[id];
      e.type = r.type;
      e.key = r.key;
      e.label = r.label;
      e.first = e.first == 0 ? r.first : std::min(e.first, r.first);
      e.last = std::max(e.last, r.last);
      e.alerts += r.alerts;
      roles[id] = static_cast<std::uint16_t>(roles[id] | r.roles);
    }
    for (auto& [id, e] : merged) {
      e.role = telling_role(roles[id]);
      e.verdict = verdict_of(e);
      v.entities.push_back(std::move(e));
    }
    const auto rank = [](const entity_view& e) {
      return std::tuple(e.verdict == "malicious"    ? 0
                        : e.verdict == "suspicious" ? 1
                                                    : 2,
                        e.role == model::entity_role::observer ? 1 : 0);
    };
    std::stable_sort(v.entities.begin(), v.entities.end(), [&](const auto& a, const auto& b) {
      return std::tuple(rank(a), -static_cast<double>(a.alerts)) < std::tuple(rank(b), -static_cast<double>(b.alerts));
    });
  }

  /// A person's word, else: outside addresses that act in a grave incident are suspicious. Only intelligence or a
  /// person says malicious.
  std::string verdict_of(const entity_view& e) const {
    if (const auto it = s.verdicts.find(e.key); it != s.verdicts.end())
      return it->second;
    for (const auto& [key, g] : s.groups)
      for (const auto& x : g.samples)
        if (x.alert->origin == model::alert_origin::intelligence && e.role != model::entity_role::observer)
          for (const auto& entity : x.alert->entities)
            if (entity.key == e.key && entity.type == e.type &&
                (e.type == model::entity_type::ip || e.type == model::entity_type::domain ||
                 e.type == model::entity_type::file_hash || e.type == model::entity_type::url) &&
                !model::is_private_ip(e.label))
              return "malicious";
    const bool outside = e.type == model::entity_type::ip && !model::is_private_ip(e.label);
    const bool acts = e.role == model::entity_role::source || e.role == model::entity_role::actor;
    return outside && acts && v.level >= model::severity::medium ? "suspicious" : "";
  }

  void name() {
    nlohmann::json titles = nlohmann::json::array(), types = nlohmann::json::array();
    for (const auto& line : v.timeline)
      titles.push_back(line.title);
    for (const auto& e : v.entities)
      types.push_back({{"type", model::to_string(e.type)}, {"role", model::to_string(e.role)}, {"label", e.label}});
    const nlohmann::json document{{"stages", v.stages},
                                  {"tactics", v.tactics},
                                  {"techniques", v.techniques},
                                  {"titles", titles},
                                  {"products", v.products},
                                  {"assets", v.assets},
                                  {"entities", types},
                                  {"alert_count", v.alerts},
                                  {"severity_id", static_cast<int>(v.level)},
                                  {"first_sight", first_sight},
                                  {"grave_techniques", grave_techniques()}};
    std::string title = v.timeline.empty() ? "Incident" : v.timeline.front().title + " on {asset}";
    for (const auto& rule : rules.scenarios)
      if (rule.when.matches(document)) {
        v.scenario = rule.id;
        title = rule.title;
        break;
      }
    v.title = s.title.empty() ? filled(std::move(title)) : s.title;
  }

  void deadlines() {
    if (rules.deadlines.empty())
      return;
    const nlohmann::json document{{"severity_id", static_cast<int>(v.level)},
                                  {"severity", model::to_string(v.level)},
                                  {"tenant", v.tenant},
                                  {"scenario", v.scenario},
                                  {"stages", v.stages},
                                  {"assets", v.assets},
                                  {"score", v.score}};
    const auto settled = s.resolved_at == 0 && is_final(s.now) ? s.closed_at : s.resolved_at;
    v.sla = sla_of(rules.deadlines, document,
                   {s.opened_at, s.reopened_at, s.acknowledged_at, settled, s.missed_acknowledge, s.missed_resolve,
                    s.warned_acknowledge, s.warned_resolve});
  }

  /// Techniques of alerts of severity high or more, or of none: rules that match every day name techniques too.
  std::vector<std::string> grave_techniques() const {
    std::vector<std::string> out;
    for (const auto& [key, g] : s.groups)
      if (g.level >= model::severity::high || g.level == model::severity::unknown)
        for (const auto& x : g.samples)
          for (const auto& t : stage_of(rules, *x.alert).techniques)
            add_once(out, t.technique);
    return out;
  }

  std::string filled(std::string title) const {
    const auto put = [&](std::string_view name, const std::string& value) {
      if (const auto at = title.find(name); at != std::string::npos)
        title.replace(at, name.size(), value);
    };
    std::string source, user, service;
    for (const auto& e : v.entities) {
      const bool acts = e.role == model::entity_role::source || e.role == model::entity_role::actor;
      if (source.empty() && acts && e.type == model::entity_type::ip)
        source = e.label;
      if (e.type == model::entity_type::user)
        if (auto& named = is_service_account(e.label) ? service : user; named.empty())
          named = e.label;
    }
    user = user.empty() ? service : user;
    const auto asset = v.assets.empty() ? std::string("an unnamed asset") : v.assets.front();
    put("{asset}",
        v.assets.size() > 1 && v.assets.size() < 4 ? fmt::format("{} and {} more", asset, v.assets.size() - 1) : asset);
    put("{source}", source);
    put("{from}", source.empty() ? "" : " from " + source);
    put("{user}", user.empty() ? "" : " of " + user);
    put("{count}", std::to_string(v.timeline.size()));
    return title;
  }
};

} // namespace

view derive(const state& s, const scenario_rules& rules) {
  deriver d{s, rules, {}, false};
  auto& v = d.v;
  v.id = s.id;
  v.tenant = s.tenant;
  v.now = s.now;
  v.found = s.found;
  v.owner = s.owner;
  v.merged_into = s.merged_into;
  v.successor_of = s.successor_of;
  v.automation = s.automation;
  v.opened_at = s.opened_at;
  v.changed_at = s.changed_at;
  v.version = s.events;
  v.history = s.history;
  v.doubts = s.doubts;
  v.merges = s.merges;
  for (const auto& [id, task] : s.tasks)
    v.tasks.push_back(task);
  d.timeline();
  d.numbers();
  d.entities();
  d.name();
  d.deadlines();
  v.path = path_of(samples_of(s), rules);
  return std::move(d.v);
}

summary summary_of(const view& v) {
  return {v.id,         v.tenant,    v.title,      v.scenario, v.owner,   v.merged_into, v.now,
          v.found,      v.level,     v.score,      v.alerts,   v.version, v.automation,  v.first_event,
          v.last_event, v.opened_at, v.changed_at, v.times,    v.sla,     v.stages,      v.assets};
}

} // namespace soc::incident
