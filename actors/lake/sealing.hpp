// lake/sealing.hpp - an open segment becomes a sealed one: small blocks are put together, the index is written, the
// file is on the disk before the open one goes. Blocking I/O.
#pragma once
#include "lake/segment_file.hpp"

namespace soc::lake {

struct block_sizes {
  std::uint64_t target_bytes = 8ULL << 20; ///< raw bytes of a block
  std::uint64_t target_rows = 16384;
  std::uint64_t small_bytes = 1ULL << 20; ///< smaller ones are put together when a segment is sealed
  int level = 3;                          ///< zstd
};

/// The sealed segment. The open file stays until the caller removes it: both hold the same events.
result<segment_info> seal(const std::filesystem::path& directory, const segment_info& open, const block_sizes& sizes);

} // namespace soc::lake
