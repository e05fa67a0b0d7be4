// tools/soc/agent_command.cpp - `soc agent`: runs on an endpoint, takes orders over NATS and carries out those its own
// file allows. Until SIGTERM or SIGINT.
#include "base/yaml_text.hpp"
#include "connectors/targets/agent/agent_host.hpp"
#include "connectors/targets/agent/agent_line.hpp"
#include "runtime/secrets.hpp"
#include "tools/soc/commands.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <csignal>
#include <fstream>
#include <iostream>
#include <thread>

namespace soc::cli {

namespace {

volatile std::sig_atomic_t agent_ends = 0;

void end_agent(int) {
  agent_ends = 1;
}

result<targets::agent_line_options> line_of_settings(const targets::agent_settings& from) {
  targets::agent_line_options out;
  out.urls = fmt::format("{}", fmt::join(from.urls, ","));
  out.user = from.user;
  out.credentials_file = from.credentials_file;
  out.nkey_seed_file = from.nkey_seed_file;
  out.tls_ca = from.tls_ca;
  out.tls_certificate = from.tls_certificate;
  out.tls_key = from.tls_key;
  out.name = "soc agent " + from.host;
  if (!from.password.empty()) {
    auto password = read_secret(from.password);
    if (!password)
      return password.error();
    out.password = std::move(password).take();
  }
  return out;
}

/// Serves until told to end; connects again when the line is lost for good.
int serve(const targets::agent_settings& settings) {
  const auto clock = std::make_shared<system_clock_source>();
  targets::agent_host host(settings, clock);
  const auto ends = [] { return agent_ends != 0; };
  std::string told;
  while (!ends()) {
    auto options = line_of_settings(settings);
    auto line = options ? targets::agent_line::connect(*options)
                        : result<std::shared_ptr<targets::agent_line>>(options.error());
    if (line) {
      std::cerr << fmt::format("soc agent: {} takes orders: {}\n", settings.host, fmt::join(settings.allowed, ", "))
                << std::flush;
      told.clear();
      (void)(*line)->serve(
          targets::agent_subject(settings.host), [&](const std::string& m) { return host.take(m); }, ends);
    } else if (told != line.error().what) {
      told = line.error().what;
      std::cerr << "soc agent: " << told << "; tries again\n" << std::flush;
    }
    for (int i = 0; i < 10 && !ends(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return 0;
}

int run_agent(const std::string& file, bool only_check) {
  diagnostics found;
  const auto text = read_text_file(file, "AGT001", found);
  const auto settings = text ? targets::load_agent_settings(file, *text, found) : targets::agent_settings{};
  for (const auto& item : found.all())
    std::cerr << render(item, text.value_or("")) << "\n";
  if (found.errors() > 0)
    return 1;
  if (only_check)
    return 0;
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGTERM, end_agent);
  std::signal(SIGINT, end_agent);
  return serve(settings);
}

} // namespace

void add_agent(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand(
      "agent", "take orders on an endpoint: end processes, quarantine files, isolate, collect evidence");
  auto file = std::make_shared<std::string>("/etc/soc/agent.yaml");
  auto check = std::make_shared<bool>(false);
  command->add_option("--config", *file, "the agent's file: NATS, allowed actions, limits (config/agent.yaml)")
      ->capture_default_str();
  command->add_flag("--check", *check, "look at the file only");
  command->callback([file, check, &exit_code] { exit_code = run_agent(*file, *check); });
}

} // namespace soc::cli
