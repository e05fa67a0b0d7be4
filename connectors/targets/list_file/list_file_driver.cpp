#include "connectors/targets/list_file/list_file_driver.hpp"

#include "base/json_template.hpp"
#include "connectors/targets/nftables/command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <unistd.h>

namespace soc::targets {

using nlohmann::json;
using response::call_outcome;
using response::component_call;
using kind = call_outcome::kind;

namespace {

constexpr std::size_t most_entries = 200'000;
constexpr std::chrono::seconds reload_limit{10};

std::string setting(const component_call& what, const char* name, std::string otherwise = {}) {
  const auto at = what.instance->settings.find(name);
  return at != what.instance->settings.end() && at->is_string() ? at->get<std::string>() : std::move(otherwise);
}

result<std::string> line_for(const component_call& what, const std::string& value) {
  if (value.empty() || value.find_first_of("\r\n") != std::string::npos || value.find('\0') != std::string::npos)
    return failure{ec::invalid_input, "the entry is empty or holds a line break"};
  auto line = expand(setting(what, "line", "${value}"), json{{"value", value}, {"params", what.parameters}});
  if (!line)
    return line.error();
  auto text = json_to_text(*line);
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

std::vector<std::string> lines_in(const std::string& path) {
  std::vector<std::string> out;
  std::ifstream in(path, std::ios::binary);
  for (std::string line; std::getline(in, line);)
    out.push_back(line);
  return out;
}

outcome replace_file(const std::string& path, const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines)
    text += line + "\n";
  const auto next = path + ".soc-next";
  const int fd = ::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0)
    return failure{ec::io_error, fmt::format("{}: {}", next, std::strerror(errno))};
  const bool good = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  ::close(fd);
  if (!good || ::rename(next.c_str(), path.c_str()) != 0)
    return failure{ec::io_error, fmt::format("{}: {}", path, std::strerror(errno))};
  return done{};
}

outcome run_reload(const component_call& what) {
  std::vector<std::string> arguments;
  if (const auto at = what.instance->settings.find("reload"); at != what.instance->settings.end() && at->is_array())
    for (const auto& word : *at)
      arguments.push_back(json_to_text(word));
  if (arguments.empty())
    return done{};
  const auto ran = run_command(arguments, "", reload_limit);
  if (!ran)
    return ran.error();
  if (ran->exit_code != 0)
    return failure{ec::unavailable,
                   fmt::format("{} ended with {}: {}", arguments[0], ran->exit_code, ran->errors.substr(0, 200))};
  return done{};
}

} // namespace

call_outcome list_file_driver::call(const component_call& what) {
  const auto at = what.component->actions.find(what.action);
  const auto path = setting(what, "path");
  if (at == what.component->actions.end() || path.empty())
    return {kind::failed, nullptr, "the instance needs `settings: {path: …}`"};
  const auto& verb = at->second.driver_action;
  const auto value = what.parameters.find(at->second.target);
  const auto line = line_for(what, value == what.parameters.end() ? "" : json_to_text(*value));
  if (!line)
    return {kind::failed, nullptr, line.error().what};
  std::lock_guard lock(mutex_);
  auto lines = lines_in(path);
  const auto place = std::find(lines.begin(), lines.end(), *line);
  const bool there = place != lines.end();
  if (verb == "get_entry")
    return {kind::succeeded, {{"listed", there}, {"blocked", there}, {"entries", lines.size()}}, ""};
  const bool add = verb == "add_entry";
  if (!add && verb != "remove_entry")
    return {kind::failed, nullptr, fmt::format("the list_file driver has no action '{}'", verb)};
  if (add != there) {
    if (lines.empty() && !setting(what, "header").empty())
      lines.push_back(setting(what, "header"));
    if (add && lines.size() >= most_entries)
      return {kind::failed, nullptr, fmt::format("the list has {} entries: no more fit", most_entries)};
    if (add)
      lines.push_back(*line);
    else
      lines.erase(std::find(lines.begin(), lines.end(), *line));
    if (const auto written = replace_file(path, lines); !written)
      return {kind::failed, nullptr, written.error().what};
  }
  // Also when nothing changed: the last attempt may have got no further than the file.
  if (const auto reloaded = run_reload(what); !reloaded)
    return {kind::transient, nullptr, reloaded.error().what};
  return {kind::succeeded, {{"listed", add}, {add == there ? "unchanged" : "changed", true}}, ""};
}

} // namespace soc::targets
