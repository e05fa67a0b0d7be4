// ingest/core/pattern_program.hpp - the common part of regular expressions, matched by backtracking over ASCII text: a
// tenth of what RE2 takes to find groups in a short value. Gives what RE2 gives or gives up; never takes more than a
// bounded number of steps. Compiled once, then read-only and shared.
#pragma once
#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace soc::ingest {

class pattern_program {
public:
  enum class outcome : std::uint8_t { no, yes, gave_up };

  /// Nothing when the pattern holds something that is not done here. It must be one that RE2 takes.
  static std::optional<pattern_program> compile(std::string_view pattern, bool any_case, bool dot_takes_newline);

  /// The leftmost match. `groups` gets the whole and the groups, as far as it is long; data() is null for those that
  /// took no part. Only for texts without bytes above 127.
  outcome search(std::string_view text, std::span<std::string_view> groups) const;

  /// Whether a look at how the text begins, or whether it holds what every match starts with, already says no. For any
  /// text.
  bool is_hopeless(std::string_view text) const;

  using byte_set = std::bitset<256>;
  static constexpr std::size_t most_groups = 20;

private:
  friend class pattern_compiler;
  friend class pattern_matcher;
  enum class op : std::uint8_t { literal, run, split, jump, save, at_begin, at_end, at_word, not_at_word, done };
  struct step {
    op what = op::done;
    bool greedy = true;
    bool whole_only = false;           ///< run: nothing shorter than the longest can lead to a match
    std::uint32_t set = 0;             ///< run: index of its bytes
    std::uint32_t least = 0, most = 0; ///< run: how many; literal: place and length in `texts_`
    std::uint32_t to = 0, other = 0;   ///< split: first choice, second; jump: to; save: slot
  };
  /// What can come next from a step on.
  struct outlook {
    byte_set first;
    bool may_end = false;        ///< a match without another byte
    bool may_end_at_end = false; ///< the same, at the end of the text only
    bool looks_around = false;   ///< ^, \b or \B come before the next byte
  };

  std::vector<step> steps_;
  std::vector<outlook> outlooks_; ///< by step
  std::vector<byte_set> sets_;
  std::string texts_;
  bool plain_beginning_ = false; ///< anchored, and what comes first is a byte
  std::string start_;            ///< the literal every match starts with
  std::size_t after_start_ = 0;  ///< the step behind it
  int start_byte_ = -1;
  std::size_t groups_ = 0;
  bool anchored_ = false;
};

} // namespace soc::ingest
