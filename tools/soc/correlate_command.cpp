// `soc correlate FILE|-`: OCSF Detection Findings in, in time order, as a stream; incidents out, one JSON line each.
#include "graph/core/entity_graph.hpp"
#include "graph/core/ordered_intake.hpp"
#include "incident/core/export.hpp"
#include "incident/core/finding_reader.hpp"
#include "incident/core/render.hpp"
#include "tools/soc/commands.hpp"
#include "tools/soc/offline_context.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>

namespace soc::cli {

namespace {

struct correlate_options {
  std::string file, rules, tenant = "default", events, as = "json";
  bool stats = false;
};

/// Alerts of one incident that are in it for the same reasons.
struct alert_reasons {
  std::string why_json;
  std::vector<std::string> uids;
};

struct growing_incident {
  incident::state state;
  std::map<std::string, alert_reasons> why; ///< by group and kinds of reason
  std::vector<std::string> uids;
};

class findings_correlation {
public:
  findings_correlation(graph::settings_ptr settings, incident::scenario_rules_ptr scenarios, std::string tenant)
      : scenarios_(std::move(scenarios)), graph_(std::move(tenant), settings),
        intake_(static_cast<unix_ns>(settings->with.lateness_s * ns_per_s)) {}

  /// In a stream an alert arrives when it happened, or late.
  void take(model::alert a) {
    newest_ = std::max(newest_, a.time);
    place(intake_.add(std::make_shared<const model::alert>(std::move(a)), newest_));
  }
  void finish() { place(intake_.flush()); }

  /// `around`: the store whose events extend the paths; may be null. `as`: json, or the best incident as markdown or
  /// svg.
  void print(std::ostream& out, const offline_context* around, const std::string& as) const {
    std::vector<std::pair<incident::view, const growing_incident*>> all;
    for (const auto& [id, growing] : incidents_) {
      all.emplace_back(incident::derive(growing.state, *scenarios_), &growing);
      if (around != nullptr)
        all.back().first.path = around->extend(all.back().first);
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const auto& a, const auto& b) { return a.first.score > b.first.score; });
    if (as != "json") {
      if (!all.empty())
        out << (as == "svg" ? incident::to_svg(all.front().first) : incident::to_markdown(all.front().first));
      return;
    }
    for (const auto& [view, growing] : all)
      print_one(out, view, *growing);
  }

  graph::graph_counts counts() const { return graph_.counts(); }

private:
  void place(const std::vector<model::alert_ptr>& due) {
    for (const auto& a : due)
      place(a);
  }
  void place(const model::alert_ptr& a) {
    auto decided = graph_.place(a);
    for (const auto& m : decided.merges)
      merge(m);
    for (const auto& p : decided.placed)
      add(p);
  }

  void tell(incident::state& state, const incident::command& asked, const std::string& id, unix_ns at) {
    const auto events = incident::decide(state, asked, id, graph_.tenant(), at, "graph", {});
    if (events)
      for (const auto& e : *events)
        incident::apply(state, e);
  }

  void add(const graph::placement& p) {
    auto& growing = incidents_[p.incident_id];
    const auto why = graph::to_json(p.why);
    tell(growing.state, incident::add_alert{p.alert, why, {}}, p.incident_id, p.alert->time);
    std::string key = incident::group_key({}, *p.alert);
    for (const auto& r : p.why.reasons)
      key += "\x1e" + r.kind + r.key;
    auto& reasons = growing.why[key];
    if (reasons.uids.empty())
      reasons.why_json = why;
    reasons.uids.push_back(p.alert->id);
    growing.uids.push_back(p.alert->id);
  }

  void merge(const graph::merge_decision& m) {
    const auto it = incidents_.find(m.from);
    if (it == incidents_.end())
      return;
    auto from = std::move(it->second);
    incidents_.erase(it);
    auto& into = incidents_[m.into];
    tell(into.state, incident::merge_of(from.state, graph::to_json(m.why)), m.into, m.time);
    into.uids.insert(into.uids.end(), from.uids.begin(), from.uids.end());
    for (auto& [key, reasons] : from.why) {
      auto& to = into.why[key];
      if (to.uids.empty())
        to.why_json = reasons.why_json;
      to.uids.insert(to.uids.end(), reasons.uids.begin(), reasons.uids.end());
    }
  }

  static void print_one(std::ostream& out, const incident::view& v, const growing_incident& growing) {
    nlohmann::ordered_json line{{"uid", v.id},
                                {"title", v.title},
                                {"scenario", v.scenario},
                                {"severity_id", static_cast<int>(v.level)},
                                {"score", std::round(v.score * 100) / 100},
                                {"alert_uids", growing.uids}};
    line["entities"] = incident::entities_json(v);
    line["timeline"] = incident::timeline_json(v);
    line["path"] = incident::path_json(v.path);
    auto& why = line["why"] = nlohmann::ordered_json::array();
    for (const auto& [key, reasons] : growing.why) {
      auto item = nlohmann::ordered_json::parse(reasons.why_json, nullptr, false);
      item["words"] = graph::in_words(graph::explanation_from_json(reasons.why_json));
      item["alert_uids"] = reasons.uids;
      why.push_back(std::move(item));
    }
    auto& merges = line["merges"] = nlohmann::ordered_json::array();
    for (const auto& m : v.merges)
      merges.push_back({{"from", m.other}, {"words", graph::in_words(graph::explanation_from_json(m.why_json))}});
    out << line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
  }

  incident::scenario_rules_ptr scenarios_;
  graph::entity_graph graph_;
  graph::ordered_intake intake_;
  unix_ns newest_ = 0;
  std::map<std::string, growing_incident> incidents_;
};

struct aggregation_content {
  graph::settings_ptr settings = graph::default_settings();
  incident::scenario_rules_ptr scenarios = incident::default_scenarios();
};

/// All *.yaml and *.yml of a folder (or one file), in order of their names. Nothing, with the errors on stderr, when
/// they are wrong.
std::optional<aggregation_content> load_content(const std::string& path) {
  aggregation_content out;
  if (path.empty())
    return out;
  std::vector<std::string> names;
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    for (const auto& entry : std::filesystem::directory_iterator(path, error))
      if (entry.path().extension() == ".yaml" || entry.path().extension() == ".yml")
        names.push_back(entry.path().string());
    std::sort(names.begin(), names.end());
  } else {
    names.push_back(path);
  }
  diagnostics found;
  std::vector<graph::settings_file> files;
  std::vector<incident::scenario_file> scenario_files;
  for (const auto& name : names)
    if (auto text = read_text_file(name, "AGG001", found)) {
      files.push_back({name, *text});
      scenario_files.push_back({name, *text});
    }
  out.settings = std::make_shared<const graph::settings>(graph::load_settings(files, found));
  auto scenarios = incident::load_scenarios(scenario_files, found);
  if (!scenarios.scenarios.empty())
    out.scenarios = std::make_shared<const incident::scenario_rules>(std::move(scenarios));
  for (const auto& item : found.all()) {
    const auto file = std::find_if(files.begin(), files.end(), [&](auto& f) { return f.name == item.place.file; });
    std::cerr << render(item, file == files.end() ? std::string() : file->text) << '\n';
  }
  if (found.errors() != 0)
    return std::nullopt;
  return out;
}

int correlate(const correlate_options& asked) {
  const auto content = load_content(asked.rules);
  if (!content)
    return 2;
  std::optional<offline_context> around;
  if (!asked.events.empty() && !(around = offline_context::open(asked.events)))
    return 2;
  std::ifstream file;
  if (asked.file != "-") {
    file.open(asked.file, std::ios::binary);
    if (!file) {
      std::cerr << "cannot read " << asked.file << '\n';
      return 2;
    }
  }
  std::ios::sync_with_stdio(false);
  std::istream& in = asked.file == "-" ? std::cin : file;
  findings_correlation run(content->settings, content->scenarios, asked.tenant);
  incident::finding_reader reader;
  std::string line;
  std::uint64_t number = 0, bad = 0;
  while (std::getline(in, line)) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos)
      continue;
    auto a = reader.read(line);
    if (a)
      run.take(std::move(*a));
    else if (++bad <= 20)
      std::cerr << "line " << number << ": " << a.error().what << '\n';
  }
  run.finish();
  run.print(std::cout, around ? &*around : nullptr, asked.as);
  if (bad > 20)
    std::cerr << bad << " lines were no findings\n";
  if (asked.stats) {
    const auto c = run.counts();
    std::cerr
        << fmt::format(
               R"({{"alerts":{},"duplicates":{},"everyday":{},"excluded":{},"joined":{},"opened":{},"merged":{},"bad_lines":{}}})",
               c.alerts, c.duplicates, c.everyday, c.excluded, c.joined, c.opened, c.merged, bad)
        << '\n';
  }
  return bad == 0 ? 0 : 1;
}

} // namespace

void add_correlate(CLI::App& app, int& exit_code) {
  auto asked = std::make_shared<correlate_options>();
  auto* command = app.add_subcommand("correlate", "draw OCSF Detection Findings together into incidents");
  command->add_option("file", asked->file, "JSON lines in order of time, - for stdin")->required();
  command->add_option("--rules", asked->rules,
                      "aggregation rules: a folder or a file; default: those of rules/aggregation");
  command->add_option("--tenant", asked->tenant, "tenant, part of the incident ids");
  command->add_option("--events", asked->events, "an event store (soc lake): its events extend the attack paths");
  command->add_option("--as", asked->as, "json: every incident, a line each; markdown, svg: the first one")
      ->check(CLI::IsMember({"json", "markdown", "svg"}));
  command->add_flag("--stats", asked->stats, "one JSON line of counts on stderr");
  command->callback([asked, &exit_code] { exit_code = correlate(*asked); });
}

} // namespace soc::cli
