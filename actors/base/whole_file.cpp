#include "base/whole_file.hpp"

#include <algorithm>
#include <cstdio>
#include <memory>

namespace soc {

std::optional<std::string> read_whole_file(const std::string& path, std::size_t most) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"), std::fclose);
  if (!file)
    return std::nullopt;
  std::string out;
  while (out.size() <= most) {
    const auto at = out.size(), part = std::min<std::size_t>(64 * 1024, most + 1 - at);
    out.resize(at + part);
    const auto got = std::fread(out.data() + at, 1, part, file.get());
    out.resize(at + got);
    if (got < part)
      break;
  }
  return std::ferror(file.get()) != 0 ? std::nullopt : std::optional(std::move(out));
}

} // namespace soc
