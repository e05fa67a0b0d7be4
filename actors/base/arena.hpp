// base/arena.hpp - bump allocation for the strings and slots of one batch. Owned by the batch; everything is freed with
// it. Not thread-safe: filled by one actor, then read-only.
#pragma once
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>
#include <vector>

namespace soc {

class arena {
public:
  explicit arena(std::size_t block_bytes = 64 * 1024) : block_bytes_(block_bytes) {}
  arena(arena&&) = default;
  arena& operator=(arena&&) = default;

  void* allocate(std::size_t bytes, std::size_t align) {
    std::size_t at = (used_ + align - 1) & ~(align - 1);
    if (blocks_.empty() || at + bytes > capacity_) {
      grow(bytes + align);
      at = 0;
    }
    used_ = at + bytes;
    return blocks_.back().get() + at;
  }

  /// The last `bytes` of what was allocated last are not needed.
  void give_back(std::size_t bytes) { used_ -= bytes; }

  /// Uninitialised room for `count` trivially destructible T.
  template <class T>
  T* make_array(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    return static_cast<T*>(allocate(count * sizeof(T), alignof(T)));
  }

  /// A copy that lives as long as the arena.
  std::string_view copy(std::string_view text) {
    if (text.empty())
      return {};
    auto* at = static_cast<char*>(allocate(text.size(), 1));
    std::memcpy(at, text.data(), text.size());
    return {at, text.size()};
  }

  /// Bytes asked of the system.
  std::size_t reserved_bytes() const { return reserved_bytes_; }

  /// Forgets everything but keeps one block for reuse.
  void reset() {
    if (blocks_.size() > 1) {
      blocks_.front() = std::move(blocks_.back());
      blocks_.resize(1);
      reserved_bytes_ = capacity_;
    }
    used_ = 0;
  }

private:
  void grow(std::size_t at_least) {
    capacity_ = at_least > block_bytes_ ? at_least : block_bytes_;
    blocks_.emplace_back(new char[capacity_]);
    reserved_bytes_ += capacity_;
    used_ = 0;
  }

  std::size_t block_bytes_, capacity_ = 0, used_ = 0, reserved_bytes_ = 0;
  std::vector<std::unique_ptr<char[]>> blocks_;
};

} // namespace soc
