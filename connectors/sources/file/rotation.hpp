// sources/file/rotation.hpp - which files are the same content under another name: renamed, copied before a truncation,
// compressed. Decides by names and content; the folder is read, nothing is kept.
#pragma once
#include "connectors/sources/file/file_reader.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace soc::sources {

struct file_identity {
  std::uint64_t device = 0, inode = 0;
  auto operator<=>(const file_identity&) const = default;
};

std::optional<file_identity> identity_of(const std::string& path);
std::optional<file_identity> identity_of(int fd);
descriptor open_file(const std::string& path);

/// `name` is what rotation makes of `original`: access.log → access.log.1, access.log-20261124.gz, access-20261124.log.
bool is_rotation_name(const std::string& original, const std::string& name);

/// Paths beside `path` with a name that rotation makes of it, newest first.
std::vector<std::string> rotated_siblings(const std::string& path);

/// The file that goes on behind `mark`, taken from the file at `path` that is no longer there or no longer that
/// content: the same inode under another name, else the same content. Its reader stands at the mark.
struct continuation {
  std::string path;
  file_identity identity;
  std::unique_ptr<file_reader> reader;
};
std::optional<continuation> find_continuation(const std::string& path, const content_mark& mark,
                                              const reader_settings& settings);

} // namespace soc::sources
