// tools/soc/node_command.cpp - `soc node`: runs a node until SIGTERM or SIGINT; SIGHUP reloads. And `soc config check`.
#include "node/node.hpp"
#include "tools/soc/commands.hpp"

#include <csignal>
#include <iostream>
#include <map>
#include <unistd.h>

namespace soc::cli {

namespace {

std::string host_name() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return name;
}

/// Diagnostics with the lines they point at.
void print_load_problems(const diagnostics& found) {
  std::map<std::string, std::string> texts;
  for (const auto& d : found.all()) {
    auto [at, is_new] = texts.try_emplace(d.place.file);
    if (is_new) {
      diagnostics ignored;
      at->second = read_text_file(d.place.file, "", ignored).value_or("");
    }
    std::cerr << render(d, at->second);
  }
}

/// Blocked before any thread starts, so that only this thread takes them.
sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int s : {SIGTERM, SIGINT, SIGHUP})
    sigaddset(&set, s);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return set;
}

int wait_for_end(node::node& running, const node::logger_ptr& log, const sigset_t& signals) {
  for (;;) {
    const timespec poll{0, 250'000'000};
    const int got = ::sigtimedwait(&signals, nullptr, &poll);
    if (got == SIGHUP) {
      running.reload();
    } else if (got == SIGTERM || got == SIGINT) {
      log->info("ending on {}", got == SIGTERM ? "SIGTERM" : "SIGINT");
      running.stop();
      return 0;
    }
    std::string why;
    if (!running.healthy(why)) {
      log->critical("the supervision tree gave up: {}", why);
      running.stop();
      return 1;
    }
  }
}

int run_node(const std::string& file, const std::string& name) {
  const auto signals = block_signals();
  diagnostics found;
  auto config = node::load_config(file, name.empty() ? host_name() : name, found);
  auto content = found.errors() == 0 ? node::load_content(config, found) : nullptr;
  print_load_problems(found);
  if (found.errors() > 0 || !content) {
    std::cerr << "soc node: " << found.errors()
              << " errors in the configuration or in what it names; nothing was started\n";
    return 1;
  }
  print_load_problems(content->left_out);
  auto log = node::make_logger(config.log, config.name);
  if (!log) {
    std::cerr << "soc node: " << log.error().what << '\n';
    return 1;
  }
  if (content->left_out.errors() > 0)
    (*log)->error("{} errors in rules and mappings: what is broken is left out, the rest works; soc config check shows "
                  "each place",
                  content->left_out.errors());
  auto running = node::node::start(config, content, *log);
  if (!running) {
    (*log)->critical("{}", running.error().what);
    std::cerr << "soc node: " << running.error().what << '\n';
    return 1;
  }
  return wait_for_end(**running, *log, signals);
}

int check_config(const std::string& file) {
  diagnostics found;
  const auto config = node::load_config(file, host_name(), found);
  const auto content = found.errors() == 0 ? node::load_content(config, found) : nullptr;
  if (content)
    found.append(content->left_out);
  print_load_problems(found);
  std::cerr << file << ": " << found.errors() << " errors, " << found.warnings() << " warnings";
  if (content)
    std::cerr << "; " << content->summary();
  std::cerr << '\n';
  return found.errors() == 0 && content ? 0 : 1;
}

} // namespace

void add_node(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("node", "run a node until SIGTERM; SIGHUP reloads");
  auto file = std::make_shared<std::string>("config/soc.yaml");
  auto name = std::make_shared<std::string>();
  command->add_option("--config", *file, "the configuration");
  command->add_option("--name", *name, "the node's name if the configuration gives none (default: the host name)");
  command->callback([file, name, &exit_code] { exit_code = run_node(*file, *name); });
}

void add_config(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("config", "look at configurations");
  command->require_subcommand(1);
  auto* check = command->add_subcommand("check", "every error with file:line:column and a hint");
  auto file = std::make_shared<std::string>();
  check->add_option("FILE", *file, "the configuration")->required();
  check->callback([file, &exit_code] { exit_code = check_config(*file); });
}

} // namespace soc::cli
