// tools/soc/main.cpp - the one binary: node, shell and the offline commands.
#include "tools/soc/commands.hpp"

#include <algorithm>
#include <exception>
#include <iostream>

namespace soc::cli {

void add_version(CLI::App& app, int& exit_code) {
  app.add_subcommand("version", "print the version")->callback([&exit_code] {
    std::cout << "soc 0.1.0 (OCSF 1.8.0, Sigma 2.1)\n";
    exit_code = 0;
  });
}

} // namespace soc::cli

int main(int argc, char** argv) {
  CLI::App app{"Agentic SOC: SIEM and SOAR in one binary", "soc"};
  app.require_subcommand(1);
  int exit_code = 2;
  soc::cli::add_node(app, exit_code);
  soc::cli::add_shell(app, exit_code);
  soc::cli::add_quarantine(app, exit_code);
  soc::cli::add_incident(app, exit_code);
  soc::cli::add_config(app, exit_code);
  soc::cli::add_doctor(app, exit_code);
  soc::cli::add_version(app, exit_code);
  soc::cli::add_normalize(app, exit_code);
  soc::cli::add_mapping(app, exit_code);
  soc::cli::add_detect(app, exit_code);
  soc::cli::add_rules(app, exit_code);
  soc::cli::add_intel(app, exit_code);
  soc::cli::add_correlate(app, exit_code);
  soc::cli::add_lake(app, exit_code);
  soc::cli::add_playbook(app, exit_code);
  soc::cli::add_agent(app, exit_code);
  soc::cli::add_secret(app, exit_code);
  soc::cli::add_audit(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  } catch (const std::exception& e) { // of a library, on input no command foresaw
    std::cerr << "soc: " << e.what() << '\n';
    return 2;
  }
  if (!std::cout.flush()) { // a result that is cut off must not look like a whole one
    std::cerr << "soc: standard output can't be written\n";
    return std::max(exit_code, 1);
  }
  return exit_code;
}
