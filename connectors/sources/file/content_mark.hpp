// sources/file/content_mark.hpp - a place in a file's content, recognizable without trusting names and inodes: how far,
// a hash of the head, a hash of the bytes just before. What a checkpoint holds. Pure: bytes come through a function.
#pragma once
#include "base/result.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace soc::sources {

/// Reads up to `size` bytes at `offset`; fewer at the end of the content.
using read_at_function = std::function<std::string(std::uint64_t offset, std::size_t size)>;

constexpr std::size_t mark_head_bytes = 1024, mark_tail_bytes = 256;

struct content_mark {
  std::uint64_t offset = 0;    ///< bytes of content dealt with; of the decompressed content for .gz
  std::uint32_t head_size = 0; ///< first bytes hashed: min(offset, mark_head_bytes)
  std::uint64_t head_hash = 0;
  std::uint32_t tail_size = 0; ///< bytes before `offset` hashed: min(offset, mark_tail_bytes)
  std::uint64_t tail_hash = 0;
  bool skipping = false; ///< inside a line whose head was cut off as a record already

  bool operator==(const content_mark&) const = default;
};

/// Keeps a mark while content is read in order.
class mark_keeper {
public:
  /// The next bytes of the content.
  void advance(std::string_view bytes);
  /// Starts from a mark that was verified against the content behind `read_at`.
  void resume(const content_mark& mark, const read_at_function& read_at);
  /// Where the content was read to.
  const content_mark& mark() const { return mark_; }
  /// The bytes just before, for a comparison with what is there now.
  const std::string& tail() const { return tail_; }

private:
  content_mark mark_;
  std::string head_, tail_;
};

/// The content behind `read_at` is the one `mark` was taken from: it has at least `offset` bytes and both hashes agree.
/// A mark at offset 0 fits every content.
bool holds_mark(const content_mark& mark, const read_at_function& read_at);

/// The mark at `offset` of the content behind `read_at`.
content_mark mark_at(std::uint64_t offset, const read_at_function& read_at);

/// Two contents begin alike: the first and the last kibibyte of the shorter's `size` bytes agree.
bool begin_alike(const read_at_function& a, const read_at_function& b, std::uint64_t size);

/// A file as a checkpoint knows it. The key is its device and inode.
struct file_checkpoint {
  std::string path;
  std::uint64_t device = 0, inode = 0;
  content_mark mark;
  bool finished = false; ///< a compressed file that was read to its end
};

std::string checkpoint_key(std::uint64_t device, std::uint64_t inode);
std::string encode(const file_checkpoint& checkpoint);
result<file_checkpoint> decode_file_checkpoint(std::string_view bytes);

} // namespace soc::sources
