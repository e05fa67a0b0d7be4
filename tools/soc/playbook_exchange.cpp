// tools/soc/playbook_exchange.cpp - the parts of `soc playbook` that bring playbooks in and out, publish them, and
// replay incidents.
#include "playbook/core/cacao.hpp"
#include "response/publishing.hpp"
#include "response/rehearsal.hpp"
#include "tools/soc/playbook_files.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <unistd.h>

namespace soc::cli {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

int told_failure(const failure& why) {
  std::cerr << "soc playbook: " << why.what << "\n";
  return 1;
}

std::string who_asks(const playbook_arguments& given) {
  if (!given.user.empty())
    return given.user;
  const char* name = ::getlogin();
  return name == nullptr ? "unknown" : name;
}

int export_playbooks(const playbook_arguments& given) {
  diagnostics found;
  const auto all = load_all_playbooks(given, found);
  print_playbook_diagnostics(found);
  if (found.errors() > 0)
    return 1;
  const auto now = format_rfc3339(system_clock_source().now());
  for (const auto& [name, d] : all)
    std::cout << playbook::to_cacao(*d, now).dump(2, ' ', false, json::error_handler_t::replace) << "\n";
  return 0;
}

int import_playbooks(const playbook_arguments& given) {
  int failed = 0;
  for (const auto& file : given.paths) {
    std::ifstream in(file, std::ios::binary);
    const auto parsed = json::parse(in, nullptr, false);
    diagnostics found;
    const auto text = playbook::from_cacao(file, parsed, found);
    const auto d = text ? playbook::load_playbook(file, *text, found) : nullptr;
    print_playbook_diagnostics(found);
    if (!d) {
      ++failed;
      continue;
    }
    if (given.to.empty()) {
      std::cout << *text;
      continue;
    }
    const auto folder = fs::path(given.to) / d->name;
    const auto target = folder / "playbook.yaml";
    std::error_code error;
    if (fs::exists(target, error)) {
      std::cerr << target.string() << " is there already; it is not replaced\n";
      ++failed;
      continue;
    }
    fs::create_directories(folder, error);
    if (!(std::ofstream(target, std::ios::binary) << *text).flush()) {
      std::cerr << target.string() << " can't be written\n";
      ++failed;
      continue;
    }
    std::cerr << target.string() << "\n";
  }
  return failed > 0 ? 1 : 0;
}

int publish_playbooks(const playbook_arguments& given) {
  diagnostics found;
  const auto good = load_all_playbooks(given, found); // draft → checked
  print_playbook_diagnostics(found);
  if (found.errors() > 0) {
    std::cerr << "nothing is published: the draft has errors\n";
    return 1;
  }
  const auto now = system_clock_source().now();
  for (const auto& [name, d] : good) {
    const auto made = response::publish(d->file, d->version, who_asks(given), given.reason, now);
    if (!made)
      return told_failure(made.error());
    std::cout << fmt::format("{} {} {}\n", name, made->number, made->version);
  }
  return 0;
}

int list_versions(const playbook_arguments& given) {
  for (const auto& file : playbook_files(given.paths)) {
    const auto all = response::versions_of(file);
    if (!all)
      return told_failure(all.error());
    for (const auto& v : *all)
      std::cout << json{{"playbook", file}, {"number", v.number}, {"version", v.version}, {"current", v.current},
                        {"user", v.user},   {"reason", v.reason}, {"time", v.time}}
                       .dump()
                << "\n";
  }
  return 0;
}

int roll_back_playbook(const playbook_arguments& given) {
  const auto files = playbook_files(given.paths);
  if (files.size() != 1) {
    std::cerr << "soc playbook rollback: name one playbook\n";
    return 2;
  }
  const auto back =
      response::roll_back(files[0], given.number, who_asks(given), given.reason, system_clock_source().now());
  if (!back)
    return told_failure(back.error());
  std::cout << fmt::format("{} {}\n", back->number, back->version);
  return 0;
}

struct replay_tally {
  std::size_t incidents = 0, runs = 0, actions = 0;
  std::map<std::string, std::size_t> verdicts;

  void add(const json& outcome) {
    ++incidents;
    for (const auto& run : outcome["runs"]) {
      ++runs;
      for (const auto& action : run["actions"])
        for (const auto& task : action["tasks"]) {
          ++actions;
          ++verdicts[task["verdict"].get<std::string>()];
        }
    }
  }
};

/// What would be done about the incident of a line; nothing, and why on stderr, when that is none.
std::optional<json> replay_line(response::rehearsal& state, const playbook_arguments& given, const std::string& line,
                                std::size_t number) {
  const auto refuse = [&](const std::string& why) {
    std::cerr << fmt::format("{}:{}: {}\n", given.incidents, number, why);
    return std::nullopt;
  };
  auto incident = json::parse(line, nullptr, false);
  if (incident.is_object() && !incident.contains("id") && incident.contains("uid"))
    incident["id"] = incident["uid"];
  if (!incident.is_object() || !incident.contains("id") || !incident["id"].is_string())
    return refuse("no incident (an object with `id`, a text)");
  const auto time = incident.value("updated_at", incident.value("time", json()));
  const auto at = time.is_string() ? parse_rfc3339(time.get<std::string>()) : std::nullopt;
  try {
    return response::rehearse(state, incident, given.playbook, at.value_or(system_clock_source().now()));
  } catch (const json::exception& e) { // a member of another type than an incident's
    return refuse(e.what());
  }
}

int replay_incidents(const playbook_arguments& given) {
  diagnostics found;
  const response::content_folders folders{given.components, given.resources, given.response,
                                          given.paths.empty() ? "playbooks" : given.paths[0]};
  response::rehearsal state;
  state.what = response::load_content(folders, response::own_addresses(), found);
  print_playbook_diagnostics(found);
  if (found.errors() > 0)
    return 1;
  state.jq = targets::jq_function_of(jq_here());
  std::ifstream file;
  if (given.incidents != "-")
    file.open(given.incidents, std::ios::binary);
  std::istream& in = given.incidents == "-" ? std::cin : file;
  if (!in) {
    std::cerr << given.incidents << " can't be read\n";
    return 2;
  }
  replay_tally tally;
  std::size_t line_number = 0, bad = 0;
  for (std::string line; std::getline(in, line);) {
    ++line_number;
    const auto outcome = replay_line(state, given, line, line_number);
    if (!outcome) {
      ++bad;
      continue;
    }
    tally.add(*outcome);
    std::cout << outcome->dump(-1, ' ', false, json::error_handler_t::replace) << "\n";
  }
  std::cerr << fmt::format("{} incidents, {} runs, {} calls that would have been made or refused:", tally.incidents,
                           tally.runs, tally.actions);
  for (const auto& [verdict, count] : tally.verdicts)
    std::cerr << fmt::format(" {} {}", count, verdict);
  std::cerr << "\n";
  return bad > 0 ? 1 : 0;
}

CLI::App* add_exchange_part(CLI::App& app, int& exit_code, const std::string& name, const std::string& help,
                            const std::string& what, const std::shared_ptr<playbook_arguments>& given,
                            int (*run)(const playbook_arguments&)) {
  auto* part = app.add_subcommand(name, help);
  part->add_option("paths", given->paths, what)->required(name != "replay");
  part->add_option("--components", given->components, "folder of components")->capture_default_str();
  part->callback([given, run, &exit_code] { exit_code = run(*given); });
  return part;
}

} // namespace

void add_playbook_exchange(CLI::App& command, int& exit_code) {
  const auto make = [] { return std::make_shared<playbook_arguments>(); };
  const std::string here = "playbook.yaml files, or folders of playbooks";
  add_exchange_part(command, exit_code, "export", "as CACAO v2.0 JSON on stdout", here, make(), export_playbooks);
  auto given = make();
  add_exchange_part(command, exit_code, "import", "from CACAO v2.0 JSON", "files of CACAO JSON", given,
                    import_playbooks)
      ->add_option("--to", given->to, "folder of playbooks to add it to; default: print it");
  given = make();
  auto* part = add_exchange_part(command, exit_code, "publish", "check the draft and make it the current version", here,
                                 given, publish_playbooks);
  part->add_option("--reason", given->reason, "why")->required();
  part->add_option("--as", given->user, "who (default: the login name)");
  add_exchange_part(command, exit_code, "versions", "what was published, as JSON lines", here, make(), list_versions);
  given = make();
  part = add_exchange_part(command, exit_code, "rollback", "make an earlier version current", here, given,
                           roll_back_playbook);
  part->add_option("--number", given->number, "the version")->required();
  part->add_option("--reason", given->reason, "why")->required();
  part->add_option("--as", given->user, "who (default: the login name)");
  given = make();
  part = add_exchange_part(command, exit_code, "replay",
                           "what would be done about past incidents, by whom refused; no effect",
                           "folder of playbooks (default: playbooks)", given, replay_incidents);
  part->add_option("--incidents", given->incidents, "JSON lines, - for stdin")->required();
  part->add_option("--playbook", given->playbook, "this one alone, not what the rules say");
  part->add_option("--response", given->response, "folder of rules and limits")->capture_default_str();
  part->add_option("--resources", given->resources, "folder of resource instances")->capture_default_str();
}

} // namespace soc::cli
