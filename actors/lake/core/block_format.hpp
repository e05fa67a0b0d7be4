// lake/core/block_format.hpp - what writer and reader of blocks agree on (block.hpp describes it). Inside lake/core
// only.
#pragma once
#include <cstddef>
#include <cstdint>

namespace soc::lake {

constexpr std::uint32_t block_magic = 0x42434F53; ///< "SOCB"
constexpr std::size_t frame_head_bytes = 16;      ///< magic, header size, checksum

/// Integer columns every block has, in this order, one after the other in chunk 2.
enum class system_column : std::uint8_t { time, received, position, source, type, shape, class_uid, mapped };
constexpr std::size_t system_column_count = 8;

constexpr std::size_t directory_chunk = 0, index_chunk = 1, system_chunk = 2, raw_chunk = 3;
constexpr std::size_t pack_bytes = 64 * 1024; ///< a chunk of columns is closed at this size

} // namespace soc::lake
