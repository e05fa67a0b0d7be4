// tools/soc/secret_command.cpp - `soc secret`: the encrypted file behind secret:NAME. A value comes on stdin, never as
// an argument.
#include "runtime/secrets.hpp"
#include "tools/soc/commands.hpp"

#include <iostream>
#include <iterator>
#include <termios.h>
#include <unistd.h>

namespace soc::cli {

namespace {

struct secret_arguments {
  secret_files files = default_secret_files();
  std::string name;
};

int told(const outcome& result) {
  if (result)
    return 0;
  std::cerr << "soc secret: " << result.error().what << "\n";
  return 1;
}

/// A terminal doesn't show what is typed.
std::string value_from_stdin() {
  if (::isatty(0) == 0) {
    std::string text((std::istreambuf_iterator<char>(std::cin)), {});
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
      text.pop_back();
    return text;
  }
  termios before{};
  ::tcgetattr(0, &before);
  auto silent = before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  ::tcsetattr(0, TCSANOW, &silent);
  std::cerr << "value: ";
  std::string line;
  std::getline(std::cin, line);
  ::tcsetattr(0, TCSANOW, &before);
  std::cerr << "\n";
  return line;
}

int set_it(const secret_arguments& given) {
  const auto value = value_from_stdin();
  if (value.empty()) {
    std::cerr << "soc secret: no value on stdin\n";
    return 2;
  }
  return told(set_secret(given.files, given.name, value));
}

int list_them(const secret_arguments& given) {
  const auto names = secret_names(given.files);
  if (!names)
    return told(names.error());
  for (const auto& name : *names)
    std::cout << name << "\n";
  return 0;
}

void add_secret_part(CLI::App& app, int& exit_code, const char* name, const char* help, bool named,
                     int (*run)(const secret_arguments&)) {
  auto* part = app.add_subcommand(name, help);
  auto given = std::make_shared<secret_arguments>();
  if (named)
    part->add_option("name", given->name, "letters, digits, . _ - /")->required();
  part->add_option("--file", given->files.file, "the encrypted file (SOC_SECRETS)")->capture_default_str();
  part->add_option("--key", given->files.key_file, "the key's file, 0600 (SOC_SECRETS_KEY)")->capture_default_str();
  part->callback([given, run, &exit_code] { exit_code = run(*given); });
}

} // namespace

void add_secret(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("secret", "secrets that are kept encrypted, used as secret:NAME");
  command->require_subcommand(1);
  add_secret_part(*command, exit_code, "init", "make the key, once", false,
                  [](const secret_arguments& given) { return told(make_secret_key(given.files)); });
  add_secret_part(*command, exit_code, "set", "keep the value that comes on stdin", true, set_it);
  add_secret_part(*command, exit_code, "list", "names, never values", false, list_them);
  add_secret_part(*command, exit_code, "remove", "forget one", true,
                  [](const secret_arguments& given) { return told(remove_secret(given.files, given.name)); });
}

} // namespace soc::cli
