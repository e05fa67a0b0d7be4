// tools/soc/doctor_command.cpp - `soc doctor`: what is wrong with this machine or a configuration, and how to mend it.
// Looks only; changes nothing. Exit 0: nothing that stops a node; 1: something does.
#include "node/config.hpp"
#include "node/content.hpp"
#include "tools/soc/commands.hpp"
#include "tools/soc/table.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace soc::cli {

namespace {

enum class verdict { fine, look, broken };

struct finding {
  std::string what;
  verdict how = verdict::fine;
  std::string detail, mend;
};

using findings = std::vector<finding>;

std::string find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string all = path ? path : "/usr/bin:/bin";
  all += ":/usr/sbin:/sbin";
  for (std::size_t at = 0; at <= all.size();) {
    const auto end = std::min(all.find(':', at), all.size());
    const auto candidate = all.substr(at, end - at) + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0)
      return candidate;
    at = end + 1;
  }
  return {};
}

void check_nats(const node::config& c, findings& out) {
  if (!c.nats.urls.empty()) {
    out.push_back({"nats", verdict::fine, fmt::format("{} url(s) configured; not contacted", c.nats.urls.size()), ""});
    return;
  }
  const auto server = find_program("nats-server");
  if (server.empty())
    out.push_back({"nats-server", verdict::broken, "not installed, and nats.urls is empty",
                   "apt-get install nats-server, or set nats.urls"});
  else
    out.push_back({"nats-server", verdict::fine, server, ""});
}

void check_data_dir(const node::config& c, findings& out) {
  std::error_code error;
  std::filesystem::create_directories(c.data_dir, error);
  if (error || ::access(c.data_dir.c_str(), W_OK) != 0) {
    out.push_back({"data directory", verdict::broken, c.data_dir + " can't be written",
                   "mkdir -p it and give it to the node's user, or change node.data_dir"});
    return;
  }
  struct statvfs disk {};
  if (::statvfs(c.data_dir.c_str(), &disk) == 0) {
    const auto free_gib = static_cast<double>(disk.f_bavail) * static_cast<double>(disk.f_frsize) / (1u << 30);
    out.push_back({"disk",
                   free_gib < 1    ? verdict::broken
                   : free_gib < 10 ? verdict::look
                                   : verdict::fine,
                   fmt::format("{:.1f} GiB free at {}", free_gib, c.data_dir),
                   free_gib < 10 ? "free some, or lower nats.max_stream_mib and nats.max_age_hours" : ""});
  }
}

void check_limits(findings& out) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  out.push_back({"open files", files.rlim_cur < 1024 ? verdict::look : verdict::fine,
                 fmt::format("limit {}", files.rlim_cur),
                 files.rlim_cur < 1024 ? "ulimit -n 65536, or LimitNOFILE= in the unit" : ""});
  std::ifstream watches("/proc/sys/fs/inotify/max_user_watches");
  long count = 0;
  if (watches >> count)
    out.push_back({"inotify watches", count < 8192 ? verdict::look : verdict::fine, fmt::format("limit {}", count),
                   count < 8192 ? "sysctl fs.inotify.max_user_watches=65536 (files are polled meanwhile)" : ""});
  std::ifstream receive("/proc/sys/net/core/rmem_max");
  if (receive >> count)
    out.push_back({"UDP receive buffer", count < (1 << 22) ? verdict::look : verdict::fine,
                   fmt::format("limit {} bytes", count),
                   count < (1 << 22)
                       ? "sysctl net.core.rmem_max=16777216 if syslog over UDP is used: bursts are dropped otherwise"
                       : ""});
}

void check_files(const node::config& c, findings& out) {
  for (const auto& connector : c.connectors) {
    if (connector.kind != "file" || !connector.options["paths"])
      continue;
    for (const auto& path : connector.options["paths"]) {
      const auto text = node::resolve(c, path.as<std::string>(""));
      const auto folder = std::filesystem::path(text).parent_path();
      if (text.find('*') == std::string::npos && ::access(folder.c_str(), X_OK) != 0)
        out.push_back({"connector " + connector.name, verdict::look, folder.string() + " can't be entered",
                       "check the path, or the permissions of the node's user (group adm reads most logs)"});
    }
  }
}

void check_content(const node::config& c, findings& out) {
  diagnostics found;
  const auto loaded = node::load_content(c, found);
  if (loaded)
    found.append(loaded->left_out);
  for (const auto& d : found.all())
    if (d.level == diagnostic_level::error)
      std::cerr << render(d, {});
  if (found.errors() > 0 || !loaded)
    out.push_back({"content", verdict::broken, fmt::format("{} errors, above", found.errors()),
                   "soc config check, soc rules check, soc mapping test and soc playbook check show each place"});
  else
    out.push_back({"content", verdict::fine, loaded->summary(), ""});
}

int print_findings(const findings& all, const std::string& format) {
  nlohmann::json rows = nlohmann::json::array();
  bool broken = false;
  for (const auto& f : all) {
    const char* word = f.how == verdict::fine ? "fine" : f.how == verdict::look ? "look" : "broken";
    rows.push_back({f.what, word, f.detail, f.mend});
    broken |= f.how == verdict::broken;
  }
  const nlohmann::json answer{{"columns", {"what", "state", "detail", "how to mend"}}, {"rows", rows}};
  std::cout << (format == "json" ? plain_json(answer).dump() + "\n" : render_answer(answer, {0, false}));
  return broken ? 1 : 0;
}

int run_doctor(const std::string& file, const std::string& format) {
  findings all;
  diagnostics found;
  const auto config = node::load_config(file, "localhost", found);
  for (const auto& d : found.all())
    std::cerr << render(d, {});
  if (found.errors() > 0) {
    all.push_back(
        {"configuration", verdict::broken, fmt::format("{} errors, above", found.errors()), "mend them in " + file});
    return print_findings(all, format);
  }
  all.push_back({"configuration", verdict::fine, file, ""});
  check_nats(config, all);
  check_data_dir(config, all);
  check_limits(all);
  check_files(config, all);
  check_content(config, all);
  return print_findings(all, format);
}

} // namespace

void add_doctor(CLI::App& app, int& exit_code) {
  auto* command =
      app.add_subcommand("doctor", "say what is wrong with this machine or a configuration, and how to mend it");
  auto file = std::make_shared<std::string>("config/soc.yaml");
  auto format = std::make_shared<std::string>("text");
  command->add_option("--config", *file, "the configuration to look at");
  command->add_option("-o", *format, "text or json")->check(CLI::IsMember({"text", "json"}));
  command->callback([file, format, &exit_code] { exit_code = run_doctor(*file, *format); });
}

} // namespace soc::cli
