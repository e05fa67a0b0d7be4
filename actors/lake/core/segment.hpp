// lake/core/segment.hpp - the file of the event store: a header, blocks one after the other, and once it is sealed an
// index and a trailer. An open one ends where its last whole block ends; what is behind that is torn off, and a damaged
// block before it is passed over. Pure: bytes in, bytes out.
//
//   "SOCLAKE1" | blocks (block.hpp) | index | size of the index u64 | its checksum u64 | "SOCLAKEF"
#pragma once
#include "lake/core/block.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace soc::lake {

constexpr std::string_view segment_head = "SOCLAKE1";
constexpr std::string_view segment_end = "SOCLAKEF";
constexpr std::size_t segment_trailer_bytes = 24;

/// What is known of a segment's blocks.
struct segment_index {
  std::vector<block_entry> blocks;

  std::uint64_t rows() const;
  std::uint64_t raw_bytes() const;
  unix_ns first() const; ///< 0 without blocks
  unix_ns last() const;
};

/// Index and trailer, to be put behind the last block.
std::string encode_index(const segment_index& index);
/// The index of a sealed segment. Fails with corrupt (not sealed, damaged), version_mismatch.
result<segment_index> read_index(std::string_view file);

/// Begins as a segment, but not as one of this format.
bool is_of_other_format(std::string_view file);

/// The whole blocks of an open segment, each checked.
struct tail_scan {
  segment_index index;
  std::uint64_t whole_bytes = 0; ///< behind it is no block that could be read; 0: it holds none
  std::string damage;            ///< why it ends there; empty when the file ends there
  bool damaged = false;          ///< no crash tore that off: events that were acknowledged are left out
};
tail_scan scan_tail(std::string_view file);

/// Which blocks go into the sealed segment as they are, and which are put together: neighbours smaller than
/// `small_bytes`, up to `target_bytes` of raw bytes or `target_rows`. Ranges [first, last), in order.
struct seal_step {
  std::size_t first = 0, last = 0;
  bool as_is = false;
};
std::vector<seal_step> plan_seal(const segment_index& index, std::uint64_t small_bytes, std::uint64_t target_bytes,
                                 std::uint64_t target_rows);

} // namespace soc::lake
