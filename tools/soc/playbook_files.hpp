// tools/soc/playbook_files.hpp - what the parts of `soc playbook` share: which files are meant, loading and checking
// them, one jq child for all.
#pragma once
#include "connectors/targets/jq/jq_engine.hpp"
#include "playbook/core/library.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

namespace soc::cli {

struct playbook_arguments {
  std::vector<std::string> paths;
  std::string components = "connectors/targets", resources = "config/resources", response = "config/response", inputs,
              incidents, playbook, to, user, reason;
  std::uint64_t number = 0;
  bool as_json = false;
};

std::shared_ptr<targets::jq_engine> jq_here();
void print_playbook_diagnostics(const diagnostics& found);
/// playbook.yaml files of the paths: a file, a playbook's folder, or a folder of such folders.
std::vector<std::string> playbook_files(const std::vector<std::string>& paths);
/// All of them, checked, and those beside them that they may use as sub-playbooks.
playbook::library load_all_playbooks(const playbook_arguments& given, diagnostics& found);

/// import, export, publish, versions, rollback, replay.
void add_playbook_exchange(CLI::App& command, int& exit_code);

} // namespace soc::cli
