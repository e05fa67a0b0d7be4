// tools/soc/shell_command.cpp - `soc shell`: inspects and steers a running node or cluster. Words go to a node as a
// ControlRequest; the answer is data that is laid out here. `tail` subscribes to what every subscriber can see.
#include "base/hash.hpp"
#include "base/time.hpp"
#include "response/core/audit_chain.hpp"
#include "tools/soc/commands.hpp"
#include "tools/soc/control_client.hpp"
#include "tools/soc/line_editor.hpp"
#include "tools/soc/shell_target.hpp"
#include "tools/soc/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <pwd.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace soc::cli {

namespace {

using nlohmann::json;

volatile bool interrupted = false;

struct shell_options {
  target_options target;
  std::string command, node, output = "text", user;
  std::vector<std::string> words; ///< a command already split, instead of `command`
  std::int64_t timeout_ms = 0;    ///< 0: as long as the command usually takes
};

/// How long an answer is waited for when nobody says: the end of a run that is waited for has the time runs have.
std::int64_t usual_timeout_ms(const std::vector<std::string>& words) {
  const bool begins_a_run = words[0] == "run" || words[0] == "rerun";
  return begins_a_run && std::find(words.begin(), words.end(), "--wait") != words.end() ? 600'000 : 10'000;
}

screen screen_of(int descriptor) {
  screen s;
  winsize size{};
  if (!::isatty(descriptor))
    return {0, false};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    s.columns = size.ws_col;
  s.colours = std::getenv("NO_COLOR") == nullptr;
  return s;
}

std::string login_name() {
  const auto* entry = ::getpwuid(::getuid());
  return entry ? entry->pw_name : fmt::format("uid-{}", ::getuid());
}

class shell {
public:
  shell(std::unique_ptr<control_client> client, shell_options options)
      : client_(std::move(client)), options_(std::move(options)), screen_(screen_of(STDOUT_FILENO)) {}

  int run_command(const std::vector<std::string>& words) {
    if (words.empty())
      return 0;
    if (words[0] == "tail")
      return tail(words);
    if (words[0].starts_with('@')) { // how nodes mark what they ask of one another
      std::cerr << "soc shell: a command does not begin with '@'; see help\n";
      return 2;
    }
    const auto reply = ask(words);
    if (!reply) {
      std::cerr << "soc shell: " << printable(reply.error().what) << '\n';
      return 2;
    }
    return print_reply(*reply);
  }

  result<wire::control_reply> ask(const std::vector<std::string>& words) {
    wire::control_request request;
    const auto now = system_clock_source().now();
    request.id = id_builder().add(now).add(static_cast<std::int64_t>(::getpid())).add(++asked_).hex();
    request.user = options_.user;
    request.words = words;
    request.json = true;
    const auto patience = options_.timeout_ms > 0 ? options_.timeout_ms : usual_timeout_ms(words);
    request.deadline = now + patience * ns_per_ms;
    // By its deadline a node says what is the matter: that answer is waited for.
    interrupted = false;
    return client_->ask(options_.node, request, std::chrono::milliseconds(patience) + 4 * wire::handing_on,
                        interrupted);
  }

private:
  int print_reply(const wire::control_reply& reply) {
    if (!reply.error.empty())
      std::cerr << "soc shell: " << printable(reply.error) << '\n';
    if (reply.body.empty())
      return reply.exit_code;
    const auto answer = json::parse(reply.body, nullptr, false);
    if (answer.is_discarded())
      std::cout << printable(reply.body, true);
    else if (options_.output == "json")
      std::cout << plain_json(answer).dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
    else
      std::cout << render_answer(answer, screen_);
    std::cout.flush();
    return reply.exit_code;
  }

  int tail(const std::vector<std::string>& words) {
    static const std::map<std::string, std::string> subjects{
        {"incidents", "soc.json.*.incident.>"}, {"alerts", "soc.json.*.alert"}, {"audit", "soc.*.audit"}};
    const auto what = words.size() > 1 ? words[1] : std::string("incidents");
    const auto found = subjects.find(what);
    if (found == subjects.end()) {
      std::cerr << "soc shell: tail incidents, alerts or audit\n";
      return 2;
    }
    interrupted = false;
    const auto before = std::signal(SIGINT, [](int) { interrupted = true; });
    const auto ended = client_->listen(
        found->second,
        [&](const std::string& from, const std::string& payload) {
          for (const auto& line : response::audit_lines_of(payload)) // of the audit, one or more
            std::cout << (options_.output == "json" ? line : printable(from) + "  " + printable(line)) << std::endl;
          return true;
        },
        interrupted);
    std::signal(SIGINT, before);
    if (!ended)
      std::cerr << "soc shell: " << printable(ended.error().what) << '\n';
    return ended ? 0 : 2;
  }

  std::unique_ptr<control_client> client_;
  shell_options options_;
  screen screen_;
  std::int64_t asked_ = 0;
};

/// Command names for completion; a node that does not answer gives none.
std::vector<std::string> command_names(shell& s) {
  std::vector<std::string> names{"tail", "quit"};
  const auto reply = s.ask({"help"});
  if (!reply)
    return names;
  const auto answer = json::parse(reply->body, nullptr, false);
  if (answer.is_object() && answer.contains("rows"))
    for (const auto& row : answer["rows"])
      if (row.is_array() && !row.empty() && row[0].is_string()) {
        const auto usage = row[0].get<std::string>();
        names.push_back(usage.substr(0, usage.find(' ')));
      }
  return names;
}

int run_interactive(shell& s) {
  line_editor editor("soc> ", command_names(s));
  std::signal(SIGINT, [](int) { interrupted = true; });
  int code = 0;
  while (const auto line = editor.read()) {
    const auto words = split_words(*line);
    if (!words) {
      std::cerr << "soc shell: " << words.error().what << '\n';
      continue;
    }
    if (!words->empty() && ((*words)[0] == "quit" || (*words)[0] == "exit"))
      break;
    code = s.run_command(*words);
  }
  return code;
}

void add_target_options(CLI::App& command, shell_options& options) {
  command.add_option("--config", options.target.config_file, "the node's configuration: says where NATS is");
  command.add_option("--data", options.target.data_dir, "a node's data directory, instead of --config");
  command.add_option("--nats", options.target.url, "a NATS url, instead of --config");
  command.add_option("--node", options.node, "ask this node; any node knows all of them");
  command.add_option("-o", options.output, "text or json")->check(CLI::IsMember({"text", "json"}));
  command.add_option("--as", options.user, "name written into the audit stream (default: the login name)");
  command
      .add_option("--timeout-ms", options.timeout_ms,
                  "how long to wait for an answer (10000; for a run's end, --wait, 600000)")
      ->check(CLI::Range(100, 600'000));
}

int run_shell(shell_options options) {
  const auto target = find_target(options.target);
  if (!target) {
    std::cerr << "soc shell: " << printable(target.error().what) << '\n';
    return 2;
  }
  if (options.user.empty())
    options.user = login_name();
  auto client = control_client::connect(*target);
  if (!client) {
    std::cerr << "soc shell: " << printable(client.error().what) << '\n';
    return 2;
  }
  shell s(std::move(*client), options);
  if (!options.words.empty())
    return s.run_command(options.words);
  if (options.command.empty())
    return run_interactive(s);
  const auto words = split_words(options.command);
  if (!words) {
    std::cerr << "soc shell: " << words.error().what << '\n';
    return 2;
  }
  return s.run_command(*words);
}

} // namespace

void add_shell(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("shell", "inspect and steer a running node or cluster (`help` inside)");
  auto options = std::make_shared<shell_options>();
  add_target_options(*command, *options);
  command->add_option("-c", options->command, "run one command and exit with its code");
  command->callback([options, &exit_code] { exit_code = run_shell(*options); });
}

void add_quarantine(CLI::App& app, int& exit_code) {
  auto* group = app.add_subcommand("quarantine", "records a running node could not read: list them, replay them");
  group->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, auto make_command) {
    auto* command = group->add_subcommand(name, help);
    auto options = std::make_shared<shell_options>();
    auto value = std::make_shared<std::string>();
    add_target_options(*command, *options);
    make_command(*command, *value);
    command->callback([=, name = std::string(name), &exit_code] {
      options->words = {"quarantine"};
      if (name == "replay")
        options->words.emplace_back(name);
      if (!value->empty())
        options->words.insert(options->words.end(), {name == "replay" ? "--connector" : "--last", *value});
      exit_code = run_shell(*options);
    });
  };
  add("list", "the newest of them, with the reason",
      [](CLI::App& command, std::string& value) { command.add_option("--last", value, "how many (50)"); });
  add("replay", "send them through the mappings the node has now", [](CLI::App& command, std::string& value) {
    command.add_option("--connector", value, "only what this connector read");
  });
}

void add_incident(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<shell_options>();
  auto id = std::make_shared<std::string>(), form = std::make_shared<std::string>();
  auto tenant = std::make_shared<std::string>();
  auto svg = std::make_shared<bool>(false);
  auto* command = app.add_subcommand("incident", "an incident of a running node: timeline, attack path, entities");
  command->add_option("id", *id, "the incident, or the beginning of its id")->required();
  command->add_option("--tenant", *tenant, "whose it is (any)");
  command->add_flag("--svg", *svg, "path and timeline as a picture");
  command->add_option("--form", *form, "another form")
      ->check(CLI::IsMember({"ocsf", "stix", "navigator", "dot", "markdown", "svg"}));
  add_target_options(*command, *options);
  command->callback([=, &exit_code] {
    options->words = {"incident", *id};
    if (*svg || !form->empty())
      options->words.insert(options->words.end(), {"--as", *svg ? std::string("svg") : *form});
    if (!tenant->empty())
      options->words.insert(options->words.end(), {"--tenant", *tenant});
    exit_code = run_shell(*options);
  });
}

} // namespace soc::cli
