// tools/soc/rules_backtest.cpp - soc rules backtest: what a rule would have raised over given logs, before it is let
// loose. One line a rule, the most frequent first, with where to look.
#include "base/json_writer.hpp"
#include "tools/soc/commands.hpp"
#include "tools/soc/data_root.hpp"
#include "tools/soc/detect_run.hpp"

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
  std::set<std::string> files;
  std::vector<std::string> samples; ///< "file:record"
};

/// Takes the lines of a detection run and keeps the sums only.
class backtest_sums : public std::streambuf {
public:
  std::map<std::string, rule_backtest> rules;

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
    ++sum.matches;
    const auto time = match.value("time", "");
    if (!time.empty() && (sum.first.empty() || time < sum.first))
      sum.first = time;
    sum.last = std::max(sum.last, time);
    const auto file = match.value("file", "");
    sum.files.insert(file);
    if (sum.samples.size() < kept_samples)
      sum.samples.push_back(fmt::format("{}:{}", file, match.value("record", 0)));
  }

  std::string line_;
};

struct backtest_options {
  std::string rule;
  std::vector<std::string> inputs;
  std::string fields = data_root() + "/rules/fields", placeholders;
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
  for (const auto& [id, sum] : sums.rules)
    all.emplace_back(id, &sum);
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.second->matches > b.second->matches; });
  for (const auto& [id, sum] : all)
    json ? print_json(id, *sum) : print_text(id, *sum);
}

int run_backtest(const backtest_options& options) {
  diagnostics found;
  detection::rule_sources rules;
  rules.rules = {options.rule};
  rules.fields = options.fields;
  rules.placeholders = options.placeholders;
  detect_run run;
  const bool usable = run.load(rules, {}, found);
  for (const auto& d : found.all())
    if (d.level == diagnostic_level::error)
      std::cerr << render(d, {});
  if (!usable)
    return 2;
  backtest_sums sums;
  std::ostream lines(&sums);
  const bool readable = run.detect(options.inputs, options.threads, lines);
  print(sums, options.json);
  std::cerr << fmt::format("{} rules over {} records: {} would have raised {} alerts\n", run.loaded_rules(),
                           run.totals().records, sums.rules.size(), run.totals().matches);
  for (const auto& cost : run.costs(kept_samples))
    if (cost.share > 0.2 && run.loaded_rules() > 5)
      std::cerr << fmt::format("expensive: {} takes {:.0f} % of the time of all rules\n", cost.title, cost.share * 100);
  return readable ? 0 : 1;
}

} // namespace

void add_backtest(CLI::App& rules, int& exit_code) {
  auto options = std::make_shared<backtest_options>();
  auto* command = rules.add_subcommand("backtest", "what a rule would have raised over given logs");
  command->add_option("RULE", options->rule, "a rule file, or a folder of rules")->required();
  command->add_option("FILE", options->inputs, "log files, or - for stdin")->required();
  command->add_option("--fields", options->fields, "folder of field tables and logsources");
  command->add_option("--placeholders", options->placeholders, "YAML file with the values of %placeholders%");
  command->add_option("--threads", options->threads, "worker threads")->check(CLI::Range(1, 256));
  command->add_option("-o", "output format")
      ->check(CLI::IsMember({"json", "text"}))
      ->each([options](const std::string& format) { options->json = format == "json"; });
  command->callback([options, &exit_code] { exit_code = run_backtest(*options); });
}

} // namespace soc::cli
