// tools/soc/audit_command.cpp - `soc audit verify`: reads the audit stream itself, not through a node, and checks
// chains, signatures and anchors. `soc audit key` prints a node's public key.
#include "response/core/audit_chain.hpp"
#include "runtime/signing_key.hpp"
#include "tools/soc/commands.hpp"
#include "tools/soc/control_client.hpp"
#include "tools/soc/shell_target.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>

namespace soc::cli {

namespace {

using nlohmann::json;
using response::anchor;

struct audit_arguments {
  target_options target;
  std::string file, save;
  std::vector<std::string> anchors, trusted; ///< trusted: NODE=KEY
  bool as_json = false;
};

result<std::vector<std::string>> lines_of_file(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::vector<std::string> out;
  for (std::string line; std::getline(in, line);)
    if (!line.empty())
      out.push_back(line);
  if (!in.eof())
    return failure{ec::io_error, file + " can't be read"};
  return out;
}

outcome save_lines(const std::string& file, const std::vector<std::string>& lines) {
  std::ofstream out(file, std::ios::binary);
  for (const auto& line : lines)
    out << line << "\n";
  if (!out.flush())
    return failure{ec::io_error, file + " can't be written"};
  return done{};
}

result<std::vector<std::string>> audit_lines(const audit_arguments& given) {
  if (!given.file.empty())
    return lines_of_file(given.file);
  auto target = find_target(given.target);
  if (!target)
    return target.error();
  auto client = control_client::connect(*target);
  if (!client)
    return client.error();
  const auto messages = (*client)->stored("AUDIT", "soc.*.audit");
  if (!messages)
    return messages.error();
  std::vector<std::string> out;
  for (const auto& message : *messages)
    for (auto& line : response::audit_lines_of(message))
      out.push_back(std::move(line));
  return out;
}

struct read_anchors {
  std::vector<anchor> all;
  std::vector<std::string> faults; ///< lines that are none, as a full disk once left them
};

/// Files of anchors that can't be read, or have none, would vouch for nothing without a word: they are failures.
result<read_anchors> anchors_of(const audit_arguments& given) {
  auto files = given.anchors;
  if (files.empty() && !given.target.data_dir.empty())
    files.push_back(given.target.data_dir + "/audit-anchors.jsonl");
  read_anchors out;
  for (const auto& file : files) {
    const auto lines = lines_of_file(file);
    if (!lines)
      return failure{lines.error().code, lines.error().what + "; a node writes its anchors ten seconds after an entry"};
    const auto before = out.all.size();
    for (const auto& line : *lines)
      if (auto a = response::read_anchor(line))
        out.all.push_back(std::move(*a));
      else
        out.faults.push_back(fmt::format("{} has a line that is no anchor: {}", file, line.substr(0, 80)));
    if (out.all.size() == before)
      return failure{ec::not_found, file + " has no anchors"};
  }
  return out;
}

/// NODE=KEY by node.
result<std::map<std::string, std::string>> trusted_keys(const audit_arguments& given) {
  std::map<std::string, std::string> out;
  for (const auto& pair : given.trusted) {
    const auto at = pair.find('=');
    if (at == 0 || at == std::string::npos || at + 1 == pair.size())
      return failure{ec::invalid_input, fmt::format("--trust takes NODE=KEY, not '{}'", pair)};
    out[pair.substr(0, at)] = pair.substr(at + 1);
  }
  return out;
}

/// The chains checked; nothing to check, and a key without anything it signed, are faults too.
response::audit_report report_of(const std::vector<std::string>& lines, const std::vector<anchor>& anchors,
                                 const std::map<std::string, std::string>& trusted) {
  auto report = response::verify_audit(lines, anchors, trusted, signature_is_good);
  if (lines.empty())
    report.faults.push_back("there are no entries");
  for (const auto& [node, key] : trusted)
    if (std::none_of(anchors.begin(), anchors.end(), [&, name = node](const anchor& a) { return a.node == name; }))
      report.faults.push_back(node + ": no anchor is its own, so its key vouches for nothing");
  return report;
}

json report_json(const response::audit_report& report) {
  json chains = json::object();
  for (const auto& [name, c] : report.chains)
    chains[name] = {{"first", c.first}, {"last", c.last}, {"entries", c.entries}, {"anchored", c.anchored}};
  return {{"good", report.faults.empty()}, {"chains", std::move(chains)}, {"faults", report.faults}};
}

int unchecked(const failure& why) {
  std::cerr << "soc audit: " << why.what << "\n";
  return 2;
}

int verify(const audit_arguments& given) {
  const auto trusted = trusted_keys(given);
  if (!trusted)
    return unchecked(trusted.error());
  const auto anchors = anchors_of(given); // before the lines: an entry is stored before it is anchored
  if (!anchors)
    return unchecked(anchors.error());
  const auto lines = audit_lines(given);
  if (!lines)
    return unchecked(lines.error());
  if (const auto saved = given.save.empty() ? outcome(done{}) : save_lines(given.save, *lines); !saved)
    return unchecked(saved.error());
  auto report = report_of(*lines, anchors->all, *trusted);
  report.faults.insert(report.faults.end(), anchors->faults.begin(), anchors->faults.end());
  if (given.as_json)
    std::cout << report_json(report).dump() << "\n";
  for (const auto& [name, c] : report.chains)
    std::cerr << fmt::format("{}: entries {} to {}, anchored to {}\n", name, c.first, c.last, c.anchored);
  for (const auto& fault : report.faults)
    std::cerr << "FAULT " << fault << "\n";
  std::cerr << (report.faults.empty() ? "the audit is whole\n" : fmt::format("{} faults\n", report.faults.size()));
  return report.faults.empty() ? 0 : 1;
}

int print_key(const audit_arguments& given) {
  const auto file =
      (given.target.data_dir.empty() ? std::string("run/data") : given.target.data_dir) + "/keys/node.key";
  if (!std::filesystem::exists(file)) {
    std::cerr << "soc audit: " << file << " is not there: has a node run with this data directory?\n";
    return 1;
  }
  const auto key = signing_key::open(file);
  if (!key) {
    std::cerr << "soc audit: " << key.error().what << "\n";
    return 1;
  }
  std::cout << (*key)->public_hex() << "\n";
  return 0;
}

} // namespace

void add_audit(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("audit", "check the audit: nothing changed, missing or cut off");
  command->require_subcommand(1);
  auto given = std::make_shared<audit_arguments>();
  auto* part = command->add_subcommand("verify", "exit 1 when something is wrong, 2 when it can't be checked");
  part->add_option("--nats", given->target.url, "NATS to read the stream from");
  part->add_option("--data", given->target.data_dir,
                   "data directory of a node with its own NATS; its anchors are used");
  part->add_option("--config", given->target.config_file, "configuration of a node");
  part->add_option("--file", given->file, "saved lines instead of the stream");
  part->add_option("--save", given->save, "write the lines read there");
  part->add_option("--anchors", given->anchors, "files of anchors, best kept on another machine");
  part->add_option("--trust", given->trusted, "NODE=KEY: the node's public key (soc audit key)");
  part->add_flag("--json", given->as_json, "the report on stdout");
  part->callback([given, &exit_code] { exit_code = verify(*given); });
  auto* key = command->add_subcommand("key", "print the public key of the node with this data directory");
  key->add_option("--data", given->target.data_dir, "data directory")->required();
  key->callback([given, &exit_code] { exit_code = print_key(*given); });
}

} // namespace soc::cli
