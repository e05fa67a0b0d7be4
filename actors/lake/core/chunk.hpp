// lake/core/chunk.hpp - the compressed pieces of a block: each a zstd frame with a checksum of what is stored, found
// through a table of sizes. Pure.
#pragma once
#include "base/arena.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace soc::lake {

constexpr std::uint64_t max_chunk_bytes = 512ULL << 20; ///< uncompressed

struct chunk_place {
  std::uint64_t raw_bytes = 0, stored_bytes = 0; ///< equal: stored as it is
  std::uint64_t checksum = 0;                    ///< of the stored bytes
};

/// Compresses chunk after chunk with one context.
class chunk_writer {
public:
  explicit chunk_writer(int level);
  ~chunk_writer();
  chunk_writer(const chunk_writer&) = delete;
  chunk_writer& operator=(const chunk_writer&) = delete;

  void add(std::string_view bytes);
  void clear();
  const std::vector<chunk_place>& places() const { return places_; }
  const std::string& bytes() const { return bytes_; }

private:
  void* context_;
  int level_;
  std::vector<chunk_place> places_;
  std::string bytes_;
};

/// The chunk's bytes, in `memory` (or in `stored` itself when it is not compressed). Fails with ec::corrupt.
result<std::string_view> read_chunk(std::string_view stored, const chunk_place& place, arena& memory);

} // namespace soc::lake
