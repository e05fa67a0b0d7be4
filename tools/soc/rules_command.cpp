// tools/soc/rules_command.cpp - soc rules check|list|test|backtest: what people who write rules need.
#include "base/json_writer.hpp"
#include "detection/core/rule_cases.hpp"
#include "detection/core/rule_fields.hpp"
#include "detection/correlator.hpp"
#include "detection/rule_files.hpp"
#include "ingest/core/mapping.hpp"
#include "ingest/core/normalizer.hpp"
#include "tools/soc/commands.hpp"
#include "tools/soc/data_root.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>

namespace soc::cli {

namespace {

struct rules_options {
  detection::rule_sources rules;
  std::string data = data_root();
  bool json = false;
};

/// Everything a command over rules works with.
struct rules_desk {
  std::shared_ptr<model::field_dictionary> names = std::make_shared<model::field_dictionary>();
  std::shared_ptr<const ingest::mapping_set> mappings;
  std::size_t mapped_names = 0; ///< names below this one are the mappings'
  detection::loaded_rules loaded;
  diagnostics found;

  explicit rules_desk(const rules_options& options) {
    diagnostics of_mappings; // theirs to mend: `soc mapping` reports them
    mappings = ingest::mapping_set::load(ingest::mapping_sources::below(options.data), *names, of_mappings);
    mapped_names = names->size();
    loaded = detection::load_rules(options.rules, *names, system_clock_source().now(), found);
  }
};

/// Diagnostics with the lines they point at; each file is read once.
void print_diagnostics(const diagnostics& found, std::ostream& out) {
  std::string file, text;
  for (const auto& d : found.all()) {
    if (d.place.file != file) {
      diagnostics ignored;
      file = d.place.file;
      text = read_text_file(file, "", ignored).value_or(std::string());
    }
    out << render(d, text);
  }
}

void print_diagnostics_json(const diagnostics& found, std::ostream& out) {
  for (const auto& d : found.all()) {
    std::string line;
    json_writer json(line);
    json.begin_object().key("level").string(d.level == diagnostic_level::error ? "error" : "warning");
    json.key("code").string(d.code).key("file").string(d.place.file).key("line").integer(d.place.line);
    json.key("column").integer(d.place.column).key("message").string(d.message).key("hint").string(d.hint).end_object();
    out << line << '\n';
  }
}

/// What the events of each mapped log type may belong to.
std::vector<detection::event_class> mapped_classes(const rules_desk& desk) {
  std::vector<detection::event_class> out;
  if (desk.mappings)
    for (const auto& mapping : desk.mappings->mappings())
      for (const auto& type : mapping->types)
        out.push_back(desk.loaded.compiled->router().class_of(type->log, type->ocsf->uid));
  return out;
}

int check_rules(const rules_options& options) {
  rules_desk desk(options);
  detection::warn_of_fields(*desk.loaded.compiled, detection::load_field_tables(options.rules.fields, desk.found),
                            *desk.names, desk.mapped_names, mapped_classes(desk), desk.found);
  options.json ? print_diagnostics_json(desk.found, std::cout) : print_diagnostics(desk.found, std::cout);
  std::cerr << fmt::format("{} files, {} rules loaded, {} can't be evaluated, {} errors, {} warnings\n",
                           desk.loaded.files, desk.loaded.loaded, desk.loaded.failed, desk.found.errors(),
                           desk.found.warnings());
  return desk.found.errors() == 0 && desk.loaded.failed == 0 ? 0 : 1;
}

int list_rules(const rules_options& options) {
  rules_desk desk(options);
  for (const auto& rule : desk.loaded.compiled->rules()) {
    std::string line;
    if (options.json) {
      json_writer json(line);
      json.begin_object().key("id").string(rule.header.id).key("title").string(rule.header.title);
      json.key("level").string(rule.header.level_text).key("status").string(rule.header.status);
      json.key("logsource").string(rule.source.to_text()).key("file").string(rule.header.place.file).end_object();
    } else {
      line = fmt::format("{:36}  {:13}  {:40}  {}", rule.header.id, rule.header.level_text, rule.source.to_text(),
                         rule.header.title);
    }
    std::cout << line << '\n';
  }
  for (const auto& c : desk.loaded.compiled->correlations())
    std::cout << fmt::format("{:36}  {:13}  {:40}  {}\n", c.header.id, c.header.level_text, "correlation",
                             c.header.title);
  return desk.loaded.failed == 0 ? 0 : 1;
}

/// "web_shell.yml" → "web_shell.cases.yaml" beside it, if it is there.
std::string cases_beside(const std::string& rule_file) {
  const auto stem = rule_file.substr(0, rule_file.rfind('.'));
  for (const auto* ending : {".cases.yaml", ".cases.yml"})
    if (std::filesystem::exists(stem + ending))
      return stem + ending;
  return {};
}

class case_runner {
public:
  explicit case_runner(rules_desk& desk)
      : desk_(desk), matcher_(desk.loaded.compiled), normalizer_(desk.mappings, desk.names) {}

  void run_file(const std::string& rule_file) {
    std::vector<std::uint32_t> rules;
    for (std::uint32_t i = 0; i < desk_.loaded.compiled->rules().size(); ++i)
      if (desk_.loaded.compiled->rules()[i].header.place.file == rule_file)
        rules.push_back(i);
    const auto file = cases_beside(rule_file);
    if (file.empty()) {
      ++without_cases;
      return;
    }
    auto text = read_text_file(file, "CAS001", desk_.found);
    if (!text)
      return;
    const auto cases = detection::read_cases(parse_yaml(file, std::move(*text), "CAS001", desk_.found), desk_.found);
    bool hit = false, miss = false;
    for (const auto& one : cases) {
      (one.expect_hit ? hit : miss) = true;
      run(one, rules);
    }
    if (!hit || !miss)
      desk_.found.warning("CAS002", {file, 0, 0}, fmt::format("no case that must {}", hit ? "miss" : "hit"),
                          "a rule is tested by at least one of each");
  }

  std::size_t passed = 0, failed = 0, without_cases = 0;

private:
  void run(const detection::rule_case& one, const std::vector<std::uint32_t>& rules) {
    std::optional<std::uint32_t> rule;
    for (const auto index : rules) {
      const auto& header = desk_.loaded.compiled->rules()[index].header;
      if (one.rule.empty() ? rules.size() == 1
                           : (one.rule == header.id || one.rule == header.name || one.rule == header.title))
        rule = index;
    }
    detection::case_outcome outcome{false, "the rule it is for is not loaded"};
    if (const auto correlation = correlation_of(one); !rule && correlation)
      outcome = run_correlation(one, *correlation);
    else if (rule)
      outcome = detection::run_case(one, *rule, matcher_, *desk_.names,
                                    [this](const auto& records, const auto& type) { return decode(records, type); });
    outcome.passed ? ++passed : ++failed;
    if (!outcome.passed)
      desk_.found.error("CAS003", one.place, fmt::format("case '{}' failed: {}", one.name, outcome.why));
  }

  std::optional<std::uint32_t> correlation_of(const detection::rule_case& one) const {
    const auto& all = desk_.loaded.compiled->correlations();
    const auto stem = [](const std::string& file) { return file.substr(0, file.find('.', file.rfind('/') + 1)); };
    for (std::uint32_t i = 0; i < all.size(); ++i) {
      const auto& header = all[i].header;
      const bool named = one.rule == header.id || one.rule == header.name || one.rule == header.title;
      if (stem(header.place.file) == stem(one.place.file) && (one.rule.empty() || named))
        return i;
    }
    return std::nullopt;
  }

  /// The events of the case in order, one second apart unless they say when; the rules match by their conditions alone.
  detection::case_outcome run_correlation(const detection::rule_case& one, std::uint32_t correlation) {
    detection::correlator windows(desk_.loaded.compiled);
    bool fired = false;
    std::uint64_t number = 0;
    const auto feed = [&](model::event ev, std::span<const std::uint32_t> matched) {
      if (ev.time == 0)
        ev.time = static_cast<unix_ns>(1'700'000'000 + number) * ns_per_s;
      for (const auto& hit : windows.feed(windows.gather(ev, matched, {1, ++number}, "default")))
        fired |= hit.correlation == correlation;
    };
    for (const auto& node : one.events) {
      const detection::case_event ev(node, *desk_.names);
      feed(ev.get(), matches_of(correlation, ev.get()));
    }
    if (!one.logs.empty()) {
      const auto batch = decode(one.logs, one.type);
      for (const auto& ev : batch->events) {
        const auto matched = matcher_.match(ev);
        feed(ev, std::vector(matched.begin(), matched.end()));
      }
    }
    for (const auto& hit : windows.advance(windows.windows().newest() + 400LL * 24 * 3600 * ns_per_s))
      fired |= hit.correlation == correlation;
    if (fired == one.expect_hit)
      return {true, {}};
    return {false, fired ? "the correlation fires, and should not" : "the correlation does not fire"};
  }

  /// The rules below the correlation that match, whatever the event's logsource is.
  std::vector<std::uint32_t> matches_of(std::uint32_t correlation, const model::event& ev) {
    std::vector<std::uint32_t> out;
    const auto& rules = *desk_.loaded.compiled;
    for (std::uint32_t rule = 0; rule < rules.rules().size(); ++rule) {
      const bool feeds = std::any_of(rules.paths(rule).begin(), rules.paths(rule).end(), [&](const auto& path) {
        return std::any_of(path.begin(), path.end(), [&](const auto& step) { return step.correlation == correlation; });
      });
      if (!feeds)
        continue;
      const auto only = rules.route_of_rule(rule);
      if (!matcher_.match_on(*only, ev).empty())
        out.push_back(rule);
      matcher_.forget_routes();
    }
    return out;
  }

  std::shared_ptr<model::event_batch> decode(const std::vector<std::string>& records, const std::string& type) {
    auto context = std::make_shared<model::connector_context>();
    const auto slash = type.find('/');
    context->vendor = type.substr(0, slash);
    context->product = slash == std::string::npos ? std::string() : type.substr(slash + 1);
    auto raw = std::make_shared<model::raw_batch>();
    std::size_t bytes = 64;
    for (const auto& r : records)
      bytes += r.size();
    raw->context = context;
    raw->bytes.reserve(bytes);
    for (const auto& r : records)
      raw->add(r);
    return normalizer_.normalize(raw);
  }

  rules_desk& desk_;
  detection::matcher matcher_;
  ingest::normalizer normalizer_;
};

int test_rules(const rules_options& options) {
  rules_desk desk(options);
  if (!desk.mappings) {
    std::cerr << "the mappings below " << options.data << " can't be read; give --data\n";
    return 2;
  }
  case_runner runner(desk);
  for (const auto& file : detection::rule_files_below(options.rules.rules, desk.found))
    runner.run_file(file);
  options.json ? print_diagnostics_json(desk.found, std::cout) : print_diagnostics(desk.found, std::cout);
  std::cerr << fmt::format("{} cases passed, {} failed; {} rule files have no cases\n", runner.passed, runner.failed,
                           runner.without_cases);
  return runner.failed == 0 && desk.found.errors() == 0 ? 0 : 1;
}

void add_one(CLI::App& rules, const char* name, const char* what, int (*run)(const rules_options&), int& exit_code) {
  auto options = std::make_shared<rules_options>();
  options->rules.fields = data_root() + "/rules/fields";
  auto* command = rules.add_subcommand(name, what);
  command->add_option("PATH", options->rules.rules, "rule files and folders")->required();
  command->add_option("--fields", options->rules.fields, "folder of field tables and logsources");
  command->add_option("--placeholders", options->rules.placeholders, "YAML file with the values of %placeholders%");
  command->add_option("--data", options->data, "where connectors/ and config/ lie");
  command->add_option("-o", "output format")
      ->check(CLI::IsMember({"json", "text"}))
      ->each([options](const std::string& format) { options->json = format == "json"; });
  command->callback([options, run, &exit_code] { exit_code = run(*options); });
}

} // namespace

void add_rules(CLI::App& app, int& exit_code) {
  auto* rules = app.add_subcommand("rules", "check, list, test and backtest detection rules");
  rules->require_subcommand(1);
  add_one(*rules, "check", "report what is wrong with rules", check_rules, exit_code);
  add_one(*rules, "list", "list the rules that load", list_rules, exit_code);
  add_one(*rules, "test", "run the cases beside the rules", test_rules, exit_code);
  add_backtest(*rules, exit_code);
}

} // namespace soc::cli
