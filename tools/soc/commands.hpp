// tools/soc/commands.hpp - one function a command of the binary, in a file of its own. Each adds its options to `app`
// and, when chosen, sets `exit_code`: 0 fine, 1 findings or failures in the data, 2 wrong use. stdout is for machines,
// stderr for people.
#pragma once
#include <CLI/CLI.hpp>

namespace soc::cli {

void add_version(CLI::App& app, int& exit_code);
void add_detect(CLI::App& app, int& exit_code);
void add_rules(CLI::App& app, int& exit_code);
void add_backtest(CLI::App& rules, int& exit_code); ///< below `rules`
void add_intel(CLI::App& app, int& exit_code);
void add_correlate(CLI::App& app, int& exit_code);
void add_lake(CLI::App& app, int& exit_code);
void add_node(CLI::App& app, int& exit_code);
void add_shell(CLI::App& app, int& exit_code);
void add_quarantine(CLI::App& app, int& exit_code);
void add_incident(CLI::App& app, int& exit_code);
void add_config(CLI::App& app, int& exit_code);
void add_doctor(CLI::App& app, int& exit_code);
void add_normalize(CLI::App& app, int& exit_code);
void add_mapping(CLI::App& app, int& exit_code);
void add_playbook(CLI::App& app, int& exit_code);
void add_agent(CLI::App& app, int& exit_code);
void add_secret(CLI::App& app, int& exit_code);
void add_audit(CLI::App& app, int& exit_code);

} // namespace soc::cli
