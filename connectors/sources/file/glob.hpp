// sources/file/glob.hpp - paths by pattern: *, ?, [..] within a name, ** for any depth of folders. Matching is pure;
// expanding reads folders. Hidden names are matched only by patterns that name the dot.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace soc::sources {

bool glob_matches(std::string_view pattern, std::string_view path);

/// Regular files (through links) that match, sorted; at most `max_files`. Folders that can't be read are passed over.
std::vector<std::string> expand_glob(const std::string& pattern, std::size_t max_files);

/// The folders whose direct children can match, as far as they exist now: what is to be watched.
std::vector<std::string> folders_of_glob(const std::string& pattern, std::size_t max_folders);

} // namespace soc::sources
