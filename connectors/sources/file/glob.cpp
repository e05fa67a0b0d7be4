#include "connectors/sources/file/glob.hpp"

#include <algorithm>
#include <filesystem>
#include <fnmatch.h>
#include <functional>

namespace soc::sources {

namespace {

namespace fs = std::filesystem;

constexpr int max_glob_depth = 32;

std::vector<std::string> path_segments(std::string_view path) {
  std::vector<std::string> out;
  std::size_t at = 0;
  while (at <= path.size()) {
    const auto end = std::min(path.find('/', at), path.size());
    if (end > at)
      out.emplace_back(path.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

bool segment_matches(const std::string& pattern, const std::string& name) {
  return ::fnmatch(pattern.c_str(), name.c_str(), FNM_PERIOD) == 0;
}

bool segments_match(const std::vector<std::string>& pattern, std::size_t p, const std::vector<std::string>& path,
                    std::size_t i) {
  if (p == pattern.size())
    return i == path.size();
  if (pattern[p] == "**") {
    for (auto skip = i; skip <= path.size(); ++skip)
      if (segments_match(pattern, p + 1, path, skip))
        return true;
    return false;
  }
  return i < path.size() && segment_matches(pattern[p], path[i]) && segments_match(pattern, p + 1, path, i + 1);
}

bool has_wildcard(const std::string& segment) {
  return segment.find_first_of("*?[") != std::string::npos;
}

/// Walks the folders that can hold matches; `visit` gets each folder and the pattern of the names looked for in it.
class folder_walk {
public:
  folder_walk(std::vector<std::string> pattern, std::function<bool(const fs::path&, const std::string&)> visit)
      : pattern_(std::move(pattern)), visit_(std::move(visit)) {}

  void walk(const fs::path& folder, std::size_t p, int depth = 0) {
    if (stopped_ || p >= pattern_.size() || depth > max_glob_depth)
      return;
    if (p + 1 == pattern_.size() && pattern_[p] != "**") {
      std::error_code error;
      if (fs::is_directory(folder, error))
        stopped_ = !visit_(folder, pattern_[p]);
      return;
    }
    if (pattern_[p] == "**") {
      walk(folder, p + 1, depth);
      each_folder(folder, "*", [&](const fs::path& child) { walk(child, p, depth + 1); });
    } else if (has_wildcard(pattern_[p])) {
      each_folder(folder, pattern_[p], [&](const fs::path& child) { walk(child, p + 1, depth + 1); });
    } else {
      walk(folder / pattern_[p], p + 1, depth + 1);
    }
  }

private:
  template <class F>
  void each_folder(const fs::path& folder, const std::string& names, F f) {
    std::error_code error;
    for (fs::directory_iterator at(folder, fs::directory_options::skip_permission_denied, error), end;
         !error && at != end && !stopped_; at.increment(error))
      if (segment_matches(names, at->path().filename().string()) && at->is_directory(error))
        f(at->path());
  }

  std::vector<std::string> pattern_;
  std::function<bool(const fs::path&, const std::string&)> visit_;
  bool stopped_ = false;
};

fs::path root_of(const std::string& pattern) {
  return !pattern.empty() && pattern.front() == '/' ? "/" : ".";
}

} // namespace

bool glob_matches(std::string_view pattern, std::string_view path) {
  return segments_match(path_segments(pattern), 0, path_segments(path), 0);
}

std::vector<std::string> expand_glob(const std::string& pattern, std::size_t max_files) {
  std::vector<std::string> out;
  auto segments = path_segments(pattern);
  if (!segments.empty() && segments.back() == "**")
    segments.push_back("*");
  folder_walk walk(segments, [&](const fs::path& folder, const std::string& names) {
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
      if (out.size() >= max_files)
        return false;
      std::error_code no_file;
      if (segment_matches(names, at->path().filename().string()) && at->is_regular_file(no_file))
        out.push_back(at->path().string());
    }
    return true;
  });
  walk.walk(root_of(pattern), 0);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::vector<std::string> folders_of_glob(const std::string& pattern, std::size_t max_folders) {
  std::vector<std::string> out;
  auto segments = path_segments(pattern);
  if (!segments.empty() && segments.back() == "**")
    segments.push_back("*");
  folder_walk walk(segments, [&](const fs::path& folder, const std::string&) {
    out.push_back(folder.string());
    return out.size() < max_folders;
  });
  walk.walk(root_of(pattern), 0);
  return out;
}

} // namespace soc::sources
