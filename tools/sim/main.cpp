// tools/sim/main.cpp - simulators of outside systems that enforce their rules: for tools/run, demos and tests. Never
// part of a node.
#include "tools/sim/firewall.hpp"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>

namespace {

int usage() {
  std::cerr << "usage: soc_sim firewall --port N [--state FILE] [--token-file FILE] [--rate N]\n"
               "  --port N          listen on 127.0.0.1:N; 0 = a free one, printed\n"
               "  --state FILE      keep blocks and calls there across restarts\n"
               "  --token-file FILE  the bearer token; without it, SOC_SIM_TOKEN of the environment\n"
               "  --rate N          changes a second before 429 (default 100)\n";
  return 2;
}

std::string token_in(const std::string& file) {
  std::ifstream in(file);
  std::string token;
  std::getline(in, token);
  return token;
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 2 || std::string(argv[1]) != "firewall")
    return usage();
  soc::sim::firewall_options options;
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string key = argv[i], value = argv[i + 1];
    if (key == "--port")
      options.port = std::atoi(value.c_str());
    else if (key == "--state")
      options.state_file = value;
    else if (key == "--token-file")
      options.token = token_in(value);
    else if (key == "--rate")
      options.changes_per_s = std::atoi(value.c_str());
    else
      return usage();
  }
  if (const char* token = std::getenv("SOC_SIM_TOKEN"); options.token.empty() && token != nullptr)
    options.token = token;
  if (options.token.empty()) {
    std::cerr << "a token is needed: --token-file or SOC_SIM_TOKEN\n";
    return 2;
  }
  return soc::sim::run_firewall(options);
}
