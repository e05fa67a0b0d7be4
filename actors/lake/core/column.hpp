// lake/core/column.hpp - the values of one field of a block's events, in the order of the rows that have it: written
// once, read back as values that point into the bytes they were read from. Strings that repeat are kept once. Pure.
#pragma once
#include "base/arena.hpp"
#include "base/result.hpp"
#include "model/value.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace soc::lake {

constexpr std::size_t max_block_rows = 1U << 20;
constexpr int max_list_depth = 8; ///< lists in lists; deeper ones become their text

/// Appends the encoded column to `out`. The first byte says how:
/// 0 mixed: each value with its kind; 1 integers: zigzag differences; 2 integers, all the same; 3 booleans, a byte
/// each; 4 reals, 8 bytes each; 5 strings: lengths, then bytes; 6 strings: distinct ones (count, lengths, bytes), then
/// the index of each value in 1, 2 or 4 bytes.
void encode_column(std::span<const model::value> values, std::string& out);

/// `count` values; strings point into `bytes`, lists and the array itself are in `memory`. Fails with ec::corrupt.
result<std::span<const model::value>> decode_column(std::string_view bytes, std::size_t count, arena& memory);

} // namespace soc::lake
