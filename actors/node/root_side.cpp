#include "node/root_side.hpp"

#include "node/intel_keeper.hpp"
#include "runtime/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace soc::node {

namespace {

using control::json;
using control::json_answer;
using json_promise = caf::typed_response_promise<json_answer>;

/// Statistics of several lanes on their way to one table.
struct rule_gathering {
  std::size_t waiting = 0;
  std::map<std::string, detection::rule_statistic> rules;
  json_promise promise;
};

/// A rule that takes more than this share of the time of all is named.
constexpr double expensive_share = 0.2;
constexpr double expensive_seconds = 1;

void deliver_rules(rule_gathering& g, unix_ns) {
  std::vector<detection::rule_statistic> all;
  double total = 0;
  for (const auto& [id, statistic] : g.rules) {
    all.push_back(statistic);
    total += statistic.seconds;
  }
  std::sort(all.begin(), all.end(), [](auto& a, auto& b) {
    return a.seconds != b.seconds ? a.seconds > b.seconds : a.hits != b.hits ? a.hits > b.hits : a.id < b.id;
  });
  json rows = json::array();
  for (const auto& r : all) {
    const auto share = total > 0 ? r.seconds / total : 0;
    const bool expensive = share > expensive_share && r.seconds > expensive_seconds;
    rows.push_back({r.title, r.hits, r.tried, fmt::format("{:.3f} s", r.seconds),
                    fmt::format("{:.0f} %{}", share * 100, expensive ? " EXPENSIVE" : ""),
                    r.last_hit ? json(format_rfc3339(r.last_hit)) : json(), r.id});
  }
  g.promise.deliver(
      json_answer{{{"columns", {"rule", "hits", "tried", "time spent", "share", "last hit", "id"}}, {"rows", rows}}});
}

void add_statistic(rule_gathering& g, const detection::rule_statistic& r) {
  auto& sum = g.rules[r.id];
  sum.id = r.id;
  sum.title = r.title;
  sum.hits += r.hits;
  sum.tried += r.tried;
  sum.seconds += r.seconds;
  sum.last_hit = std::max(sum.last_hit, r.last_hit);
}

void gather_rules(root_side_self* self, json_promise promise) {
  auto g = std::make_shared<rule_gathering>();
  const auto& w = self->state.w;
  g->waiting = w.settings.pipeline.lanes;
  g->promise = promise;
  const auto arrived = [self, g] {
    if (--g->waiting == 0)
      deliver_rules(*g, self->now());
  };
  for (std::uint32_t lane = 0; lane < w.settings.pipeline.lanes; ++lane)
    self->request(w.detector(lane).actor(), std::chrono::seconds(10), detection::get_rule_statistics{})
        .then(
            [g, arrived](const detection::rule_statistics& found) {
              for (const auto& r : found.rules)
                add_statistic(*g, r);
              for (const auto& r : found.sources)
                add_statistic(*g, r);
              arrived();
            },
            [arrived](const caf::error&) { arrived(); });
}

std::string first_errors(const diagnostics& found) {
  std::string text = fmt::format("{} errors; nothing was changed. ", found.errors());
  std::size_t shown = 0;
  for (const auto& d : found.all())
    if (d.level == diagnostic_level::error && shown++ < 5)
      text += fmt::format("{}:{}:{}: {} {}; ", d.place.file, d.place.line, d.place.column, d.code, d.message);
  return text;
}

child_spec connector_child(const wiring& w, const planned_connector& connector) {
  auto environment = source_environment_of(w);
  environment.context = connector.context;
  return sources::source_child(connector.name, connector.plan, environment);
}

/// A reload under way: what becomes of the connectors, and what went wrong with them.
struct reload_run {
  std::vector<planned_connector> start;
  std::vector<std::string> stop;
  std::size_t starting = 0;                  ///< not answered yet
  std::map<std::string, std::string> failed; ///< why, by connector
  std::string summary;
  json_promise promise;
};
using reload_run_ptr = std::shared_ptr<reload_run>;

/// `astray`: connectors that did not follow the last reload; they are stopped and started as if changed.
void compare(const content& before, const content& after, const std::set<std::string>& astray, reload_run& out) {
  std::map<std::string, std::string> old;
  for (const auto& c : before.connectors)
    old[c.name] = c.fingerprint;
  for (const auto& name : astray)
    old[name] = "";
  for (const auto& c : after.connectors) {
    const auto known = old.find(c.name);
    const bool same = known != old.end() && known->second == c.fingerprint;
    if (!same)
      out.start.push_back(c);
    if (known != old.end() && !same)
      out.stop.push_back(c.name);
    if (known != old.end())
      old.erase(known);
  }
  for (const auto& [name, fingerprint] : old)
    out.stop.push_back(name);
}

void end_reload(root_side_self* self, reload_run& run) {
  auto& state = self->state;
  state.reloading = false;
  state.astray.clear();
  auto text = "reloaded: " + run.summary;
  if (run.failed.empty()) {
    state.w.log->info("{}", text);
    run.promise.deliver(json_answer{{{"text", text}, {"data", {{"reloaded", run.summary}}}}});
    return;
  }
  text += "; but ";
  for (const auto& [name, why] : run.failed) {
    text += (state.astray.empty() ? "" : "; ") + why;
    state.astray.insert(name);
  }
  state.w.log->error("{}", text);
  run.promise.deliver(to_error(ec::unavailable, text));
}

void start_connectors(root_side_self* self, const reload_run_ptr& run) {
  if (run->start.empty())
    return end_reload(self, *run);
  const auto& w = self->state.w;
  const auto answered = [self, run] {
    if (--run->starting == 0)
      end_reload(self, *run);
  };
  run->starting = run->start.size();
  for (const auto& connector : run->start)
    self->request(w.actors->reserve("connectors"), std::chrono::seconds(30), start_child{connector_child(w, connector)})
        .then(
            [run, answered, log = w.log, name = connector.name](const child_started&) {
              log->info("connector {} started", name);
              run->failed.erase(name);
              answered();
            },
            [run, answered, name = connector.name](const caf::error& e) {
              run->failed[name] = fmt::format("connector {} did not start: {}", name, describe(e));
              answered();
            });
}

/// One after the other: a changed connector is stopped (its checkpoints stored) before its successor starts.
void change_connectors(root_side_self* self, const reload_run_ptr& run) {
  if (run->stop.empty())
    return start_connectors(self, run);
  const auto name = run->stop.back();
  run->stop.pop_back();
  self->request(self->state.w.actors->reserve("connectors"), std::chrono::seconds(30), stop_child{name})
      .then([self, run](const child_stopped&) { change_connectors(self, run); },
            [self, run, name](const caf::error& e) {
              if (to_failure(e).code != ec::not_found) // one that went astray may be gone
                run->failed[name] = fmt::format("connector {} did not stop: {}", name, describe(e));
              change_connectors(self, run);
            });
}

void swap_content(root_side_self* self, const config& settings, const content_ptr& next) {
  auto& w = self->state.w;
  w.mappings->set(next->mappings, next->dictionary);
  w.rules->set(next->rules);
  w.intelligence->set(next->intelligence);
  w.response->set(next->response);
  for (std::uint32_t lane = 0; lane < w.settings.pipeline.lanes; ++lane) {
    self->send(w.normalizer(lane).actor(), ingest::use_mappings{});
    // Through the normalizer's mailbox order does not matter: rules of a new dictionary find the fields of an old batch
    // too, since ids are only ever added.
    self->send(w.detector(lane).actor(), detection::use_rules{next->rules});
    self->send(w.detector(lane).actor(), detection::use_intelligence{next->intelligence});
  }
  self->send(w.actors->reserve("pipeline/intel"), watch_sources{intel_request_of(settings, self->now())});
  w.content->set(next);
}

caf::error refuse_reload(root_side_self* self, ec code, const std::string& why) {
  self->state.w.log->error("reload refused: {}", why);
  return to_error(code, why);
}

caf::result<json_answer> reload(root_side_self* self) {
  auto& w = self->state.w;
  if (self->state.reloading)
    return refuse_reload(self, ec::unavailable, "another one is under way; try again when it has ended");
  diagnostics found;
  const auto settings = load_config(w.settings.file, w.settings.name, found);
  const auto before = w.content->get();
  const auto next = found.errors() == 0 ? load_content(settings, found, before->dictionary) : nullptr;
  if (next)
    found.append(next->left_out);
  if (found.errors() > 0 || !next)
    return refuse_reload(self, ec::invalid_input, first_errors(found));
  swap_content(self, settings, next);
  auto run = std::make_shared<reload_run>();
  compare(*before, *next, self->state.astray, *run);
  run->summary = next->summary();
  run->promise = self->make_response_promise<json_answer>();
  self->state.reloading = true;
  const auto answer = run->promise;
  change_connectors(self, run);
  return answer;
}

} // namespace

caf::behavior root_side(root_side_self* self, wiring w) {
  self->state.w = std::move(w);
  return {
      [self](const control::rules_query&) -> caf::result<json_answer> {
        auto promise = self->make_response_promise<json_answer>();
        gather_rules(self, promise);
        return promise;
      },
      [self](const control::reload_query&) { return reload(self); },
  };
}

} // namespace soc::node
