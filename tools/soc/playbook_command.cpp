#include "base/whole_file.hpp"
#include "playbook/core/simulate.hpp"
#include "response/content.hpp"
#include "tools/soc/commands.hpp"
#include "tools/soc/playbook_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>

namespace soc::cli {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

int check_playbooks(const playbook_arguments& given) {
  diagnostics found;
  const auto good = load_all_playbooks(given, found);
  print_playbook_diagnostics(found);
  if (given.as_json)
    std::cout << json{{"playbooks", good.size()}, {"errors", found.errors()}, {"warnings", found.warnings()}}.dump()
              << "\n";
  std::cerr << fmt::format("{} playbooks good, {} errors, {} warnings\n", good.size(), found.errors(),
                           found.warnings());
  return found.errors() > 0 ? 1 : 0;
}

int dry_run_playbooks(const playbook_arguments& given) {
  diagnostics found;
  const auto good = load_all_playbooks(given, found);
  print_playbook_diagnostics(found);
  if (found.errors() > 0)
    return 1;
  playbook::playbook_case plan;
  if (!given.inputs.empty()) {
    std::ifstream in(given.inputs, std::ios::binary);
    plan.inputs = json::parse(in, nullptr, false);
    if (!plan.inputs.is_object()) {
      std::cerr << given.inputs << ": not a JSON object of inputs\n";
      return 2;
    }
  }
  int failed = 0;
  for (const auto& [name, d] : good) {
    auto inputs = playbook::checked_inputs(*d, plan.inputs);
    if (!inputs) {
      std::cerr << inputs.error().what << "\n";
      ++failed;
      continue;
    }
    auto one = plan;
    one.inputs = std::move(inputs).take();
    auto out = playbook::to_json(
        playbook::simulate(playbook::pinned_texts(good, name), one, {targets::jq_function_of(jq_here()), {}}));
    out["playbook"] = name;
    std::cout << out.dump() << "\n";
  }
  return failed > 0 ? 1 : 0;
}

struct case_tally {
  std::size_t passed = 0, failed = 0;
};

void run_cases(const playbook::library& all, const playbook::definition_ptr& d, case_tally& tally, diagnostics& found) {
  const auto folder = fs::path(d->file).parent_path() / "cases";
  std::error_code ignored;
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (entry.path().extension() == ".yaml")
      files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  if (files.empty())
    found.warning("PLB043", {d->file, 0, 0}, fmt::format("playbook '{}' has no cases", d->name),
                  "add cases/*.yaml beside it");
  for (const auto& file : files) {
    const auto text = read_text_file(file, "PLB040", found);
    auto one = text ? playbook::load_case(file, *text, found) : std::nullopt;
    if (!one) {
      ++tally.failed;
      continue;
    }
    auto inputs = playbook::checked_inputs(*d, one->inputs);
    const auto wrong = inputs ? std::vector<std::string>{} : std::vector<std::string>{inputs.error().what};
    if (inputs)
      one->inputs = std::move(inputs).take();
    const auto differing =
        wrong.empty() ? playbook::differences(*one, playbook::simulate(playbook::pinned_texts(all, d->name), *one,
                                                                       {targets::jq_function_of(jq_here()), {}}))
                      : wrong;
    (differing.empty() ? tally.passed : tally.failed) += 1;
    for (const auto& line : differing)
      std::cerr << fmt::format("{}: {}: {}\n", file, one->title, line);
  }
}

int test_playbooks(const playbook_arguments& given) {
  diagnostics found;
  const auto good = load_all_playbooks(given, found);
  case_tally tally;
  for (const auto& [name, d] : good)
    run_cases(good, d, tally, found);
  print_playbook_diagnostics(found);
  if (given.as_json)
    std::cout << json{{"passed", tally.passed}, {"failed", tally.failed}, {"errors", found.errors()}}.dump() << "\n";
  std::cerr << fmt::format("{} passed, {} failed\n", tally.passed, tally.failed);
  return tally.failed > 0 || found.errors() > 0 ? 1 : 0;
}

void add_part(CLI::App& app, int& exit_code, const std::string& name, const std::string& help,
              int (*run)(const playbook_arguments&)) {
  auto* part = app.add_subcommand(name, help);
  auto given = std::make_shared<playbook_arguments>();
  part->add_option("paths", given->paths, "playbook.yaml files, or folders of playbooks")->required();
  part->add_option("--components", given->components, "folder of components")->capture_default_str();
  part->add_flag("--json", given->as_json, "a line of JSON on stdout");
  if (name == "dry-run")
    part->add_option("--inputs", given->inputs, "JSON file with the inputs");
  part->callback([given, run, &exit_code] { exit_code = run(*given); });
}

} // namespace

std::vector<std::string> playbook_files(const std::vector<std::string>& paths) {
  std::vector<std::string> out;
  std::error_code ignored;
  for (const auto& path : paths) {
    if (!fs::is_directory(path, ignored)) {
      out.push_back(path);
      continue;
    }
    for (const auto& entry : fs::recursive_directory_iterator(path, ignored))
      if (entry.path().filename() == "playbook.yaml")
        out.push_back(entry.path().string());
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::shared_ptr<targets::jq_engine> jq_here() {
  static const auto engine = std::make_shared<targets::jq_engine>();
  return engine;
}

void print_playbook_diagnostics(const diagnostics& found) {
  for (const auto& item : found.all()) {
    std::cerr << render(item, read_whole_file(item.place.file).value_or(std::string{})) << "\n";
  }
}

playbook::library load_all_playbooks(const playbook_arguments& given, diagnostics& found) {
  std::vector<playbook::playbook_source> sources;
  for (const auto& file : playbook_files(given.paths))
    if (auto text = read_text_file(file, "PLB001", found))
      sources.push_back({file, std::move(*text)});
  if (sources.empty())
    found.error("PLB001", {given.paths.empty() ? "" : given.paths[0], 0, 0}, "no playbook.yaml here");
  diagnostics of_components;
  const auto known = response::load_catalogue(given.components, of_components);
  found.append(of_components);
  return playbook::load_library(sources, response::actions_of(known), found,
                                [](const std::string& program) { return jq_here()->check(program); });
}

void add_playbook(CLI::App& app, int& exit_code) {
  auto* command =
      app.add_subcommand("playbook", "check playbooks, run them without effect, run their cases, publish, exchange");
  command->require_subcommand(1);
  add_part(*command, exit_code, "check", "errors like a compiler's; exit 1 if there are any", check_playbooks);
  add_part(*command, exit_code, "dry-run", "what a run would ask of whom, if every action succeeded",
           dry_run_playbooks);
  add_part(*command, exit_code, "test", "run cases/*.yaml beside each playbook", test_playbooks);
  add_playbook_exchange(*command, exit_code);
}

} // namespace soc::cli
