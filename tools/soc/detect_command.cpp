// tools/soc/detect_command.cpp - soc detect: rules over a log file, one JSON line a match.
#include "detection/rule_files.hpp"
#include "tools/soc/commands.hpp"
#include "tools/soc/data_root.hpp"
#include "tools/soc/detect_run.hpp"

#include <iostream>
#include <memory>

namespace soc::cli {

namespace {

struct detect_options {
  detection::rule_sources rules;
  intel::intel_request indicators;
  std::vector<std::string> inputs;
  std::string explain;
  bool stats = false, walk = false, findings = false;
  unsigned threads = 1;
};

int run_detect(const detect_options& options) {
  diagnostics found;
  detect_run run;
  if (options.rules.rules.empty() && options.indicators.paths.empty()) {
    std::cerr << "nothing to detect with: give --rules, --intel, or both\n";
    return 2;
  }
  if (!run.load(options.rules, options.indicators, found)) {
    for (const auto& d : found.all())
      std::cerr << render(d, {});
    return 2;
  }
  for (const auto& d : found.all())
    if (d.level == diagnostic_level::error || d.code.starts_with("INT"))
      std::cerr << render(d, {});
  const bool readable = !options.explain.empty() ? run.explain(options.explain, options.inputs, std::cout)
                        : options.findings       ? run.find(options.inputs, std::cout)
                                                 : run.detect(options.inputs, options.threads, std::cout);
  if (options.walk)
    run.walk(options.inputs);
  if (options.stats)
    std::cerr << run.stats_json() << '\n';
  return readable && run.failed_rules() == 0 && run.unreadable_records() == 0 ? 0 : 1;
}

} // namespace

void add_detect(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<detect_options>();
  options->rules.fields = data_root() + "/rules/fields";
  options->indicators.fields = data_root() + "/rules/intel/fields.yaml";
  auto* command = app.add_subcommand("detect", "run rules over log files: one JSON line a match");
  command->add_option("--rules", options->rules.rules, "a rule file or folder; may be given several times")
      ->allow_extra_args(false);
  command
      ->add_option("--intel", options->indicators.paths,
                   "indicators: a source description, a folder of them, or a file (STIX, MISP, plain list)")
      ->allow_extra_args(false);
  command->add_option("--observables", options->indicators.fields, "which fields indicators are looked for in");
  command->add_option("--fields", options->rules.fields, "folder of field tables and logsources");
  command->add_option("--placeholders", options->rules.placeholders, "YAML file with the values of %placeholders%");
  command->add_option("--limit-rules", options->rules.limit, "only the first N rules (for measuring)");
  auto* threads = command->add_option("--threads", options->threads, "worker threads")->check(CLI::Range(1, 256));
  auto* explain = command->add_option("--explain", options->explain,
                                      "show which parts of this rule's condition held, event by event");
  command
      ->add_flag("--findings", options->findings,
                 "OCSF Detection Findings in order of time instead of matches, for soc correlate; one thread")
      ->excludes(explain)
      ->excludes(threads);
  command->add_flag("--stats", options->stats, "one JSON line of figures on stderr when done");
  command->add_flag("--walk", options->walk, "also measure a bare walk of the same JSON, for --stats");
  command->add_option("FILE", options->inputs, "log files, or - for stdin")->required();
  command->callback([options, &exit_code] { exit_code = run_detect(*options); });
}

} // namespace soc::cli
