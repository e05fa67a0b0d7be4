// lake/segment_file.hpp - segments on the disk: a file that is appended to and fsynced, a file that is read through the
// map, and what a start finds in a directory. Blocking I/O: for detached actors and offline commands.
//
//   <lane>-<made, unix ms>-<number>.open   appended to, or left behind by a node that ended
//   <the same>.seg                         sealed, never changed
#pragma once
#include "lake/core/segment.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace soc::lake {

/// A file's bytes as they were when it was opened; stay readable when it is removed.
class mapped_file {
public:
  /// The first `bytes` of it, 0 = all. Fails with io_error, corrupt when it is shorter.
  static result<std::shared_ptr<const mapped_file>> open(const std::filesystem::path& path, std::uint64_t bytes = 0);
  ~mapped_file();
  mapped_file(const mapped_file&) = delete;
  mapped_file& operator=(const mapped_file&) = delete;
  std::string_view bytes() const { return {data_, size_}; }

private:
  mapped_file(const char* data, std::size_t size) : data_(data), size_(size) {}
  const char* data_;
  std::size_t size_;
};

/// A new file that grows by whole pieces.
class append_file {
public:
  /// Fails with io_error; never overwrites one that is there.
  static result<std::unique_ptr<append_file>> create(const std::filesystem::path& path);
  ~append_file();
  append_file(const append_file&) = delete;
  append_file& operator=(const append_file&) = delete;

  /// All of it or, after a failure, nothing that counts: size() stays, and what was written of it is cut off.
  outcome append(std::string_view bytes);
  /// On the disk when it returns.
  outcome sync();
  std::uint64_t size() const { return size_; }
  const std::filesystem::path& path() const { return path_; }

private:
  append_file(std::filesystem::path path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  std::filesystem::path path_;
  int descriptor_;
  std::uint64_t size_ = 0;
};

/// Makes the names in a directory durable.
outcome sync_directory(const std::filesystem::path& directory);

struct segment_info {
  std::string name; ///< without the ending
  bool sealed = false;
  segment_index index;
  std::uint64_t bytes = 0; ///< of the file, as far as it is whole
  /// Of an open one in a directory that another process writes to: that may seal and remove it at any moment.
  std::shared_ptr<const mapped_file> held;
};
std::filesystem::path path_of(const std::filesystem::path& directory, const std::string& name, bool sealed);
/// Its bytes, as far as it is whole.
result<std::shared_ptr<const mapped_file>> open_segment(const std::filesystem::path& directory,
                                                        const segment_info& info);

/// What a directory holds. With `repair` torn ends are cut off, half-written and superseded files removed; without, the
/// files are left as they are (another process may write there). A damaged sealed segment is put aside as .damaged; of
/// a damaged open one a copy is, and its whole blocks are read. Segments of another format stay as they are.
struct found_segments {
  std::vector<segment_info> all;     ///< by name
  std::vector<std::string> repaired; ///< what was done, for the log
  bool has_changed = false;          ///< a file was gone before it was read
};
result<found_segments> find_segments(const std::filesystem::path& directory, bool repair);

} // namespace soc::lake
