// ingest/core/pattern_syntax.hpp - the syntax of regular expressions as far as pattern_program does them, read into
// parts. Pure; used while mappings are loaded.
#pragma once
#include <bitset>
#include <cstdint>
#include <string_view>
#include <vector>

namespace soc::ingest {

constexpr std::uint32_t pattern_endless = 0xFFFFFFFF;

/// A part of a pattern.
struct pattern_part {
  enum class kind : std::uint8_t { nothing, bytes, sequence, choice, repeat, group, begin, end, word, not_word };
  kind what = kind::nothing;
  std::bitset<256> bytes;
  std::vector<pattern_part> inner;
  std::uint32_t least = 0, most = 0; ///< repeat; group: its number in `least`
  bool greedy = true;

  bool may_be_empty() const;
};

/// Thrown while a pattern is read or compiled: it has something that is not done.
struct pattern_not_done {};

struct read_pattern {
  pattern_part root;
  std::uint32_t groups = 0;
};
/// Throws pattern_not_done.
read_pattern read_pattern_syntax(std::string_view pattern, bool any_case, bool dot_takes_newline);

} // namespace soc::ingest
