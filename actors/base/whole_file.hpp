// base/whole_file.hpp - the bytes of a small file at once. Streams throw when a folder is read as a file, and names of
// files come from people and even from logs (time zones).
#pragma once
#include <cstddef>
#include <optional>
#include <string>

namespace soc {

/// Nothing when it can't be opened or read (a folder, say). A larger file gives its first `most` bytes and one more.
std::optional<std::string> read_whole_file(const std::string& path, std::size_t most = 64 * 1024 * 1024);

} // namespace soc
