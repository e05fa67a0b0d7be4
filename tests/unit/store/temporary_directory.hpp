// tests/unit/store/temporary_directory.hpp - a directory that is gone when the test ends.
#pragma once
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace soc::test {

struct temporary_directory {
  std::filesystem::path path;

  temporary_directory() {
    auto pattern = (std::filesystem::temp_directory_path() / "soc-store-XXXXXX").string();
    if (!mkdtemp(pattern.data()))
      throw std::runtime_error("can't make a temporary directory");
    path = pattern;
  }
  ~temporary_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
};

} // namespace soc::test
