#include "lake/segment_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace soc::lake {

namespace {

namespace fs = std::filesystem;

failure io_failure(const char* what, const fs::path& path) {
  return {ec::io_error, fmt::format("{} {}: {}", path.string(), what, std::strerror(errno))};
}

} // namespace

result<std::shared_ptr<const mapped_file>> mapped_file::open(const fs::path& path, std::uint64_t bytes) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return io_failure("can't be opened", path);
  struct stat info {};
  const bool known = ::fstat(fd, &info) == 0;
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (!known || size < bytes) {
    ::close(fd);
    return failure{ec::corrupt, path.string() + " is shorter than it was"};
  }
  const auto wanted = bytes == 0 ? size : bytes;
  void* at = wanted == 0 ? nullptr : ::mmap(nullptr, wanted, PROT_READ, MAP_PRIVATE, fd, 0);
  const auto mapped = at == MAP_FAILED ? io_failure("can't be mapped", path) : failure{};
  ::close(fd);
  if (mapped.code != ec::none)
    return mapped;
  return std::shared_ptr<const mapped_file>(new mapped_file(static_cast<const char*>(at), wanted));
}

mapped_file::~mapped_file() {
  if (data_ != nullptr)
    ::munmap(const_cast<char*>(data_), size_);
}

result<std::unique_ptr<append_file>> append_file::create(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
  if (fd < 0)
    return io_failure("can't be made", path);
  return std::unique_ptr<append_file>(new append_file(path, fd));
}

append_file::~append_file() {
  ::close(descriptor_);
}

outcome append_file::append(std::string_view bytes) {
  auto at = size_;
  while (!bytes.empty()) {
    const auto wrote = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (wrote < 0 && errno == EINTR)
      continue;
    if (wrote <= 0) {
      const auto why = io_failure("can't be written", path_);
      (void)!::ftruncate(descriptor_, static_cast<off_t>(size_));
      return why;
    }
    at += static_cast<std::uint64_t>(wrote);
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  size_ = at;
  return done{};
}

outcome append_file::sync() {
  if (::fdatasync(descriptor_) != 0)
    return io_failure("can't be synced", path_);
  return done{};
}

outcome sync_directory(const fs::path& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return io_failure("can't be opened", directory);
  const int failed = ::fsync(fd);
  ::close(fd);
  if (failed != 0)
    return io_failure("can't be synced", directory);
  return done{};
}

fs::path path_of(const fs::path& directory, const std::string& name, bool sealed) {
  return directory / (name + (sealed ? ".seg" : ".open"));
}

result<std::shared_ptr<const mapped_file>> open_segment(const fs::path& directory, const segment_info& info) {
  if (info.held)
    return info.held;
  return mapped_file::open(path_of(directory, info.name, info.sealed), info.bytes);
}

namespace {

/// One directory as it is read; `repair`s as it goes.
class directory_reading {
public:
  directory_reading(fs::path directory, bool repair) : directory_(std::move(directory)), repair_(repair) {}

  outcome read(std::vector<fs::path> files) {
    std::sort(files.begin(), files.end());
    for (const auto& path : files)
      if (path.extension() == ".seg")
        read_sealed(path);
    for (const auto& path : files) {
      if (path.extension() == ".open")
        read_open(path);
      else if (path.extension() == ".tmp")
        remove(path, "was never finished");
    }
    std::sort(out_.all.begin(), out_.all.end(), [](auto& a, auto& b) { return a.name < b.name; });
    return repair_ && !out_.repaired.empty() ? sync_directory(directory_) : outcome(done{});
  }
  found_segments take() { return std::move(out_); }

private:
  void note(const fs::path& path, const std::string& what) {
    out_.repaired.push_back(path.filename().string() + " " + what);
  }
  void remove(const fs::path& path, const std::string& why) {
    if (!repair_)
      return;
    std::error_code ignored;
    fs::remove(path, ignored);
    note(path, why + ": removed");
  }

  bool is_gone(const fs::path& path) {
    std::error_code ignored;
    const bool gone = !fs::exists(path, ignored);
    out_.has_changed = out_.has_changed || gone;
    return gone;
  }

  void read_sealed(const fs::path& path) {
    const auto file = mapped_file::open(path);
    if (!file && is_gone(path))
      return;
    auto index = file ? read_index((*file)->bytes()) : result<segment_index>(file.error());
    if (index) {
      out_.all.push_back({path.stem().string(), true, std::move(*index), (*file)->bytes().size(), nullptr});
      return;
    }
    note(path, "is left out: " + index.error().what);
    std::error_code ignored;
    if (repair_ && index.error().code == ec::corrupt)
      fs::rename(path, path.string() + ".damaged", ignored);
  }

  /// A copy of an open segment whose damaged blocks are about to go. False: it could not be made.
  bool keep_damaged(const fs::path& path, std::size_t whole_blocks) {
    if (!repair_)
      return note(path, fmt::format("is damaged: {} whole blocks are read", whole_blocks)), true;
    const auto copy = path.string() + ".damaged";
    std::error_code failed, ignored;
    fs::copy_file(path, copy, fs::copy_options::overwrite_existing, failed);
    if (failed) {
      fs::remove(copy, ignored);
      note(path, "is damaged and left out: a copy can't be made: " + failed.message());
      return false;
    }
    note(path, fmt::format("is damaged: {} whole blocks are read, all of it is kept as .damaged", whole_blocks));
    return true;
  }

  void read_open(const fs::path& path) {
    const auto name = path.stem().string();
    if (std::any_of(out_.all.begin(), out_.all.end(), [&](auto& s) { return s.sealed && s.name == name; }))
      return remove(path, "is sealed already");
    const auto file = mapped_file::open(path);
    if (!file && is_gone(path))
      return;
    if (!file)
      return note(path, "is left out: " + file.error().what);
    const auto bytes = (*file)->bytes();
    if (is_of_other_format(bytes))
      return note(path, "is left out: a segment of a newer format");
    auto scan = scan_tail(bytes);
    if (scan.damaged && !keep_damaged(path, scan.index.blocks.size()))
      return;
    if (repair_ && scan.whole_bytes < bytes.size()) {
      std::error_code failed;
      fs::resize_file(path, scan.whole_bytes, failed);
      note(path, fmt::format("cut from {} to {} bytes: {}", bytes.size(), scan.whole_bytes, scan.damage));
    }
    if (scan.index.blocks.empty())
      return remove(path, "holds nothing");
    out_.all.push_back({name, false, std::move(scan.index), scan.whole_bytes, repair_ ? nullptr : *file});
  }

  fs::path directory_;
  bool repair_;
  found_segments out_;
};

} // namespace

namespace {

result<found_segments> read_directory(const fs::path& directory, bool repair) {
  std::error_code error;
  std::vector<fs::path> files;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error))
    files.push_back(at->path());
  if (error)
    return failure{ec::io_error, fmt::format("{} can't be read: {}", directory.string(), error.message())};
  directory_reading reading(directory, repair);
  if (auto read = reading.read(std::move(files)); !read)
    return read.error();
  return reading.take();
}

} // namespace

/// What was sealed or removed meanwhile is looked for again.
result<found_segments> find_segments(const fs::path& directory, bool repair) {
  auto found = read_directory(directory, repair);
  for (int again = 0; again < 5 && found && found->has_changed; ++again)
    found = read_directory(directory, repair);
  return found;
}

} // namespace soc::lake
