#include "connectors/sources/file/rotation.hpp"

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>

namespace soc::sources {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_siblings = 1000;

file_identity identity_from(const struct stat& status) {
  return {static_cast<std::uint64_t>(status.st_dev), static_cast<std::uint64_t>(status.st_ino)};
}

} // namespace

std::optional<file_identity> identity_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode))
    return std::nullopt;
  return identity_from(status);
}

std::optional<file_identity> identity_of(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0)
    return std::nullopt;
  return identity_from(status);
}

descriptor open_file(const std::string& path) {
  return descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
}

bool is_rotation_name(const std::string& original, const std::string& name) {
  if (name.size() <= original.size())
    return false;
  const auto separated = [&](std::size_t at) { return name[at] == '.' || name[at] == '-' || name[at] == '_'; };
  if (name.compare(0, original.size(), original) == 0)
    return separated(original.size());
  const auto dot = original.rfind('.');
  return dot != std::string::npos && dot > 0 && name.compare(0, dot, original, 0, dot) == 0 && separated(dot);
}

std::vector<std::string> rotated_siblings(const std::string& path) {
  const fs::path original(path);
  std::vector<std::pair<fs::file_time_type, std::string>> found;
  std::error_code error;
  for (fs::directory_iterator at(original.parent_path(), error), end; !error && at != end; at.increment(error)) {
    std::error_code skip;
    if (is_rotation_name(original.filename().string(), at->path().filename().string()) && at->is_regular_file(skip))
      found.emplace_back(at->last_write_time(skip), at->path().string());
    if (found.size() >= max_siblings)
      break;
  }
  std::sort(found.rbegin(), found.rend());
  std::vector<std::string> out;
  for (auto& [time, name] : found)
    out.push_back(std::move(name));
  return out;
}

std::optional<continuation> find_continuation(const std::string& path, const content_mark& mark,
                                              const reader_settings& settings) {
  if (mark.offset == 0)
    return std::nullopt;
  for (const auto& sibling : rotated_siblings(path)) {
    auto file = open_file(sibling);
    if (!file)
      continue;
    const auto identity = identity_of(file.get());
    auto reader = make_reader(std::move(file), settings);
    if (identity && reader->resume(mark))
      return continuation{sibling, *identity, std::move(reader)};
  }
  return std::nullopt;
}

} // namespace soc::sources
