#include "runtime/private_file.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace soc {

namespace {

bool write_all(int fd, const std::string& text) {
  return ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
}

void sync_folder(const std::filesystem::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return;
  (void)::fsync(fd);
  ::close(fd);
}

} // namespace

outcome create_private_file(const std::string& path, const std::string& text) {
  auto folder = std::filesystem::path(path).parent_path();
  if (folder.empty())
    folder = ".";
  std::error_code ignored;
  std::filesystem::create_directories(folder, ignored);
  std::string draft = path + ".XXXXXX";
  const int fd = ::mkostemp(draft.data(), O_CLOEXEC); // mode 0600
  if (fd < 0)
    return failure{ec::io_error, path + ": " + std::strerror(errno)};
  const bool written = write_all(fd, text);
  ::close(fd);
  // A link is refused where a file is already: that one is kept.
  const bool linked = written && (::link(draft.c_str(), path.c_str()) == 0 || errno == EEXIST);
  const auto why = errno;
  ::unlink(draft.c_str());
  if (!linked)
    return failure{ec::io_error, path + ": " + std::strerror(why)};
  sync_folder(folder);
  return done{};
}

} // namespace soc
