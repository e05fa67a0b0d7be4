// sources/file/file_options.hpp - what a `kind: file` connector is told. Read once at start; a value.
#pragma once
#include "base/diagnostic.hpp"
#include "base/result.hpp"
#include "base/yaml_text.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace soc::sources {

/// How lines become records of several lines.
enum class multiline_mode {
  none,         ///< a line is a record
  starts_with,  ///< a line that matches `pattern` begins a record, the others continue it
  audit_serial, ///< Linux auditd: lines with the same msg=audit(time:serial) are one record
};

struct multiline_options {
  multiline_mode mode = multiline_mode::none;
  std::string pattern;                     ///< RE2, for starts_with
  std::chrono::milliseconds timeout{1000}; ///< an unfinished record is complete when nothing follows for so long
  std::size_t max_lines = 1000;
};

struct file_options {
  std::vector<std::string> paths;   ///< globs: *, ?, [..], ** for any depth of folders
  std::vector<std::string> exclude; ///< globs over whole paths
  bool from_end = false;            ///< files that are there at the very first start are read from their end
  multiline_options multiline;
  std::size_t max_line_bytes = 1U << 20;
  std::chrono::milliseconds poll{250};    ///< how often files are looked at without being told by inotify
  std::chrono::milliseconds rescan{5000}; ///< how often the globs are expanded without being told by inotify
  std::size_t max_files = 10'000;
};

/// Relative paths are resolved against `root`.
result<file_options> parse_file_options(yaml_map_reader& reader, diagnostics& found, const std::string& root = {});

} // namespace soc::sources
