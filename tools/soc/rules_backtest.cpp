// tools/soc/rules_backtest.cpp - soc rules backtest: what a rule would have raised over given logs, or over the events
// a node has stored, before it is let loose. One line a rule, the most frequent first, with where to look.
#include "base/json_writer.hpp"
#include "tools/soc/commands.hpp"
#include "tools/soc/data_root.hpp"
#include "tools/soc/detect_run.hpp"
#include "tools/soc/stored_detection.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>
#include <memory>
#include <set>
#include <streambuf>

namespace soc::cli {

namespace {

constexpr std::size_t kept_samples = 5;

/// What one rule would have raised.
struct rule_backtest {
  std::string title, level, first, last;
  std::uint64_t matches = 0;
  std::set<std::string> files;      ///< or peers and objects that stored events came from
  std::vector<std::string> samples; ///< "file:record"; of stored events time and record

  void add(const std::string& time, const std::string& file, const std::string& sample) {
    ++matches;
    if (!time.empty() && (first.empty() || time < first))
      first = time;
    last = std::max(last, time);
    files.insert(file);
    if (samples.size() < kept_samples)
      samples.push_back(sample);
  }
};
using backtest_sums = std::map<std::string, rule_backtest>; ///< by rule id

/// Takes the lines of a detection run and keeps the sums only.
class summing_lines : public std::streambuf {
public:
  backtest_sums rules;

private:
  std::streamsize xsputn(const char* text, std::streamsize size) override {
    for (std::streamsize i = 0; i < size; ++i)
      overflow(static_cast<unsigned char>(text[i]));
    return size;
  }
  int overflow(int c) override {
    if (c != '\n') {
      line_ += static_cast<char>(c);
      return c;
    }
    take(nlohmann::json::parse(line_, nullptr, false));
    line_.clear();
    return c;
  }

  void take(const nlohmann::json& match) {
    if (!match.is_object() || match.value("origin", "") == "native") // other products' findings are no rule's work
      return;
    auto& sum = rules[match.value("rule_id", "")];
    sum.title = match.value("title", "");
    sum.level = match.value("level", "");
    const auto file = match.value("file", "");
    sum.add(match.value("time", ""), file, fmt::format("{}:{}", file, match.value("record", 0)));
  }

  std::string line_;
};

struct backtest_options {
  std::string rule;
  detection::rule_sources rules; ///< of `rule`
  std::vector<std::string> inputs;
  std::string events, config;
  stored_range range;
  unsigned threads = 1;
  bool json = false;
};

void print_json(const std::string& id, const rule_backtest& sum) {
  std::string line;
  json_writer json(line);
  json.begin_object().key("rule_id").string(id).key("title").string(sum.title).key("level").string(sum.level);
  json.key("matches").integer(static_cast<std::int64_t>(sum.matches));
  json.key("first").string(sum.first).key("last").string(sum.last);
  json.key("files").integer(static_cast<std::int64_t>(sum.files.size())).key("samples").begin_array();
  for (const auto& sample : sum.samples)
    json.string(sample);
  json.end_array().end_object();
  std::cout << line << '\n';
}

void print_text(const std::string& id, const rule_backtest& sum) {
  std::cout << fmt::format("{:>8}  {:13}  {}  ({})\n", sum.matches, sum.level, sum.title, id);
  if (!sum.first.empty())
    std::cout << fmt::format("{:>8}  from {} to {}, in {} files\n", "", sum.first, sum.last, sum.files.size());
  for (const auto& sample : sum.samples)
    std::cout << fmt::format("{:>8}  {}\n", "", sample);
}

void print(const backtest_sums& sums, bool json) {
  std::vector<std::pair<std::string, const rule_backtest*>> all;
  for (const auto& [id, sum] : sums)
    all.emplace_back(id, &sum);
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.second->matches > b.second->matches; });
  for (const auto& [id, sum] : all)
    json ? print_json(id, *sum) : print_text(id, *sum);
}

int backtest_files(const backtest_options& options) {
  diagnostics found;
  detect_run run;
  const bool usable = run.load(options.rules, {}, found);
  for (const auto& d : found.all())
    if (d.level == diagnostic_level::error)
      std::cerr << render(d, {});
  if (!usable)
    return 2;
  summing_lines sums;
  std::ostream lines(&sums);
  const bool readable = run.detect(options.inputs, options.threads, lines);
  print(sums.rules, options.json);
  std::cerr << fmt::format("{} rules over {} records: {} would have raised {} alerts\n", run.loaded_rules(),
                           run.totals().records, sums.rules.size(), run.totals().matches);
  for (const auto& cost : run.costs(kept_samples))
    if (cost.share > 0.2 && run.loaded_rules() > 5)
      std::cerr << fmt::format("expensive: {} takes {:.0f} % of the time of all rules\n", cost.title, cost.share * 100);
  return readable ? 0 : 1;
}

/// When, and the record as far as a line shows it.
std::string sample_of(const model::alert& a) {
  std::size_t shown = 400;
  auto record = a.records.empty() ? std::string() : a.records.front().raw;
  if (record.size() > shown) {
    while (shown > 0 && (static_cast<unsigned char>(record[shown]) & 0xC0) == 0x80) // not within a character
      --shown;
    record = record.substr(0, shown) + "…";
  }
  std::replace_if(
      record.begin(), record.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  return format_rfc3339(a.time) + " " + record;
}

int backtest_stored(const backtest_options& options) {
  const auto directory = store_directory(options.events, options.config);
  const auto asked = options.range.question();
  if (!directory || !asked) {
    std::cerr << "soc rules: " << (directory ? asked.error().what : directory.error().what) << '\n';
    return 2;
  }
  const auto raised = detect_stored(*directory, options.rules, *asked);
  if (!raised)
    return 2;
  backtest_sums sums;
  for (const auto& a : raised->alerts) {
    auto& sum = sums[a->rule_id];
    sum.title = a->title;
    sum.level = model::to_string(a->level);
    std::transform(sum.level.begin(), sum.level.end(), sum.level.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    sum.add(format_rfc3339(a->time), a->records.empty() ? std::string() : a->records.front().origin, sample_of(*a));
  }
  print(sums, options.json);
  std::cerr << fmt::format("{} rules over {} stored events: {} would have raised {} alerts\n", raised->rules,
                           raised->read.events, sums.size(), raised->alerts.size());
  return raised->read.problems.empty() ? 0 : 1;
}

} // namespace

void add_backtest(CLI::App& rules, int& exit_code) {
  auto options = std::make_shared<backtest_options>();
  options->rules.fields = data_root() + "/rules/fields";
  auto* command = rules.add_subcommand("backtest", "what a rule would have raised over given logs or stored events");
  command->add_option("RULE", options->rule, "a rule file, or a folder of rules")->required();
  auto* files = command->add_option("FILE", options->inputs,
                                    "log files, or - for stdin; none: the events that a node has stored");
  command->add_option("--fields", options->rules.fields, "folder of field tables and logsources");
  command->add_option("--placeholders", options->rules.placeholders, "YAML file with the values of %placeholders%");
  command->add_option("--threads", options->threads, "worker threads, for files")->check(CLI::Range(1, 256));
  command->add_option("--events", options->events, "an event store, or a node's data directory")->excludes(files);
  command
      ->add_option("--config", options->config,
                   "the configuration of the node whose events are read; default config/soc.yaml")
      ->excludes(files);
  for (auto* option : options->range.add_to(*command))
    option->excludes(files);
  command->add_option("-o", "output format")
      ->check(CLI::IsMember({"json", "text"}))
      ->each([options](const std::string& format) { options->json = format == "json"; });
  command->callback([options, &exit_code] {
    options->rules.rules = {options->rule};
    exit_code = options->inputs.empty() ? backtest_stored(*options) : backtest_files(*options);
  });
}

} // namespace soc::cli
