#include "connectors/sources/file/file_options.hpp"

#include "connectors/sources/common/option_reading.hpp"

#include <re2/re2.h>

#include <filesystem>

namespace soc::sources {

namespace {

std::vector<std::string> read_globs(yaml_map_reader& reader, const std::string& key, const std::string& root) {
  auto globs = reader.texts(key);
  for (auto& glob : globs)
    if (!glob.empty() && glob.front() != '/' && !root.empty())
      glob = (std::filesystem::path(root) / glob).lexically_normal().string();
  return globs;
}

void read_multiline(yaml_map_reader& reader, diagnostics& found, multiline_options& out) {
  const auto mode = read_choice(reader, found, "multiline", {"none", "starts_with", "audit_serial"});
  out.mode = mode == "starts_with"    ? multiline_mode::starts_with
             : mode == "audit_serial" ? multiline_mode::audit_serial
                                      : multiline_mode::none;
  out.pattern = reader.text("multiline_pattern").value_or("");
  out.timeout = std::chrono::milliseconds(read_number(reader, found, "multiline_timeout_ms", 1000, 10, 600'000));
  out.max_lines = static_cast<std::size_t>(read_number(reader, found, "multiline_max_lines", 1000, 2, 100'000));
  if ((out.mode == multiline_mode::starts_with) == out.pattern.empty())
    found.error(code_missing, reader.place("multiline"),
                "'multiline: starts_with' and 'multiline_pattern' belong together", "multiline_pattern: '^\\d{4}-'");
  const re2::RE2 compiled(out.pattern, re2::RE2::Quiet);
  if (!compiled.ok())
    found.error(code_option, reader.place("multiline_pattern"), "'multiline_pattern': " + compiled.error());
}

} // namespace

result<file_options> parse_file_options(yaml_map_reader& reader, diagnostics& found, const std::string& root) {
  const auto errors_before = found.errors();
  file_options out;
  claim_common_keys(reader);
  out.paths = read_globs(reader, "paths", root);
  out.exclude = read_globs(reader, "exclude", root);
  out.from_end = read_choice(reader, found, "start", {"beginning", "end"}) == "end";
  read_multiline(reader, found, out.multiline);
  out.max_line_bytes = static_cast<std::size_t>(
      read_number(reader, found, "max_line_bytes", static_cast<std::int64_t>(out.max_line_bytes), 64, 64 << 20));
  out.poll = std::chrono::milliseconds(read_number(reader, found, "poll_ms", 250, 10, 60'000));
  out.rescan = std::chrono::milliseconds(read_number(reader, found, "rescan_ms", 5000, 100, 3'600'000));
  out.max_files = static_cast<std::size_t>(read_number(reader, found, "max_files", 10'000, 1, 1'000'000));
  if (out.paths.empty())
    found.error(code_missing, reader.place(), "a file connector has no 'paths'", "paths: [/var/log/nginx/*.log]");
  if (found.errors() > errors_before)
    return failure{ec::invalid_input, "the options of a file connector have errors"};
  return out;
}

} // namespace soc::sources
