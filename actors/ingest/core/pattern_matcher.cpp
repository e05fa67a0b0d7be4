// The backtracking search of a pattern_program.
#include "ingest/core/pattern_program.hpp"

#include <algorithm>
#include <cstring>

namespace soc::ingest {

/// One search.
class pattern_matcher {
public:
  pattern_matcher(const pattern_program& program, std::string_view text)
      : program_(program), begin_(text.data()), end_(text.data() + text.size()), left_(256 + 4 * text.size()) {
    std::fill_n(slots_.begin(), 2 * program.groups_ + 2, nullptr);
  }

  pattern_program::outcome find(std::span<std::string_view> groups) {
    for (const char* at = begin_; at <= end_; ++at) {
      at = next_start(at);
      if (at == nullptr)
        return pattern_program::outcome::no;
      trail_size_ = 0;
      if (run(0, at, 0)) {
        slots_[0] = at;
        for (std::size_t i = 0; i < groups.size(); ++i)
          groups[i] = i <= program_.groups_ && slots_[2 * i] != nullptr && slots_[2 * i + 1] != nullptr
                          ? std::string_view(slots_[2 * i], static_cast<std::size_t>(slots_[2 * i + 1] - slots_[2 * i]))
                          : std::string_view{};
        return pattern_program::outcome::yes;
      }
      if (gave_up_)
        return pattern_program::outcome::gave_up;
      undo(0);
      if (program_.anchored_)
        return pattern_program::outcome::no;
    }
    return pattern_program::outcome::no;
  }

private:
  using op = pattern_program::op;
  static constexpr std::size_t most_depth = 200, most_trail = 256;

  const char* next_start(const char* at) const {
    if (program_.anchored_)
      return at;
    const auto left = static_cast<std::size_t>(end_ - at);
    if (program_.start_.size() > 1)
      return static_cast<const char*>(memmem(at, left, program_.start_.data(), program_.start_.size()));
    if (program_.start_.size() == 1) {
      // What follows the byte is looked at before the match is tried: separators are many.
      while ((at = static_cast<const char*>(
                  std::memchr(at, program_.start_[0], static_cast<std::size_t>(end_ - at)))) != nullptr &&
             !can_go(program_.after_start_, at + 1))
        ++at;
      return at;
    }
    if (program_.start_byte_ >= 0)
      return static_cast<const char*>(std::memchr(at, program_.start_byte_, left));
    const auto& all = program_.outlooks_[0];
    if (all.may_end || all.may_end_at_end || all.looks_around)
      return at;
    while (at < end_ && !all.first[static_cast<unsigned char>(*at)])
      ++at;
    return at == end_ ? nullptr : at;
  }

  bool spend() {
    if (left_ == 0) {
      gave_up_ = true;
      return false;
    }
    --left_;
    return true;
  }

  bool can_go(std::size_t step, const char* at) const {
    const auto& next = program_.outlooks_[step];
    return next.may_end || next.may_end_at_end || next.looks_around ||
           (at < end_ && next.first[static_cast<unsigned char>(*at)]);
  }

  void undo(std::size_t to) {
    while (trail_size_ > to) {
      --trail_size_;
      slots_[trail_[trail_size_].slot] = trail_[trail_size_].was;
    }
  }

  /// The match from a step on, ways tried in order.
  bool run(std::size_t i, const char* at, std::size_t depth) {
    if (depth > most_depth) {
      gave_up_ = true;
      return false;
    }
    while (spend()) {
      const auto& s = program_.steps_[i];
      switch (s.what) {
      case op::literal:
        if (static_cast<std::size_t>(end_ - at) < s.most ||
            std::memcmp(at, program_.texts_.data() + s.least, s.most) != 0)
          return false;
        at += s.most;
        ++i;
        continue;
      case op::run: {
        const auto& set = program_.sets_[s.set];
        const char* stop = at;
        const char* const limit = s.most < static_cast<std::size_t>(end_ - at) ? at + s.most : end_;
        while (stop < limit && set[static_cast<unsigned char>(*stop)])
          ++stop;
        if (static_cast<std::size_t>(stop - at) < s.least)
          return false;
        if (s.whole_only || s.least == s.most) {
          at = stop;
          ++i;
          continue;
        }
        return s.greedy ? try_ends(i + 1, stop, stop - (at + s.least), -1, depth)
                        : try_ends(i + 1, at + s.least, stop - (at + s.least), 1, depth);
      }
      case op::split:
        if (!can_go(s.to, at)) {
          i = s.other;
        } else if (!can_go(s.other, at)) {
          i = s.to;
        } else {
          const auto mark = trail_size_;
          if (run(s.to, at, depth + 1))
            return true;
          if (gave_up_)
            return false;
          undo(mark);
          i = s.other;
        }
        continue;
      case op::jump:
        i = s.to;
        continue;
      case op::save:
        if (trail_size_ == most_trail) {
          gave_up_ = true;
          return false;
        }
        trail_[trail_size_++] = {s.to, slots_[s.to]};
        slots_[s.to] = at;
        ++i;
        continue;
      case op::at_begin:
        if (at != begin_)
          return false;
        ++i;
        continue;
      case op::at_end:
        if (at != end_)
          return false;
        ++i;
        continue;
      case op::at_word:
      case op::not_at_word:
        if (((at > begin_ && is_word(at - 1)) != is_word(at)) != (s.what == op::at_word))
          return false;
        ++i;
        continue;
      case op::done:
        slots_[1] = at;
        return true;
      }
    }
    return false;
  }

  /// What follows a repetition, from each of its ends in turn: `more` after the first, `step` apart.
  bool try_ends(std::size_t next, const char* at, std::ptrdiff_t more, std::ptrdiff_t step, std::size_t depth) {
    const auto mark = trail_size_;
    for (; more >= 0 && spend(); --more, at += step) {
      if (!can_go(next, at))
        continue;
      if (run(next, at, depth + 1))
        return true;
      if (gave_up_)
        return false;
      undo(mark);
    }
    return false;
  }

  bool is_word(const char* at) const {
    if (at >= end_)
      return false;
    const char c = *at;
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  }

  struct change {
    std::uint32_t slot;
    const char* was;
  };
  const pattern_program& program_;
  const char *begin_, *end_;
  std::size_t left_;
  bool gave_up_ = false;
  std::size_t trail_size_ = 0;
  std::array<const char*, 2 * pattern_program::most_groups + 2> slots_;
  std::array<change, most_trail> trail_;
};

pattern_program::outcome pattern_program::search(std::string_view text, std::span<std::string_view> groups) const {
  return pattern_matcher(*this, text).find(groups);
}

} // namespace soc::ingest
