#include "tools/soc/data_root.hpp"

#include <cstdlib>
#include <filesystem>

namespace soc::cli {

std::string data_root() {
  if (const char* home = std::getenv("SOC_HOME"); home != nullptr && *home != '\0')
    return home;
  std::error_code error;
  const auto binary = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  for (const auto& candidate : {binary / "../share/agentic-soc", binary, binary / "..", binary / "../.."})
    if (std::filesystem::exists(candidate / "rules/fields", error))
      return std::filesystem::weakly_canonical(candidate, error).string();
  return SOC_SOURCE_DIR;
}

} // namespace soc::cli
