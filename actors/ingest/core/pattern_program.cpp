#include "ingest/core/pattern_program.hpp"

#include "ingest/core/pattern_syntax.hpp"

#include <algorithm>
#include <cstring>

namespace soc::ingest {

namespace {

constexpr std::size_t most_pattern_steps = 1024;
using byte_set = pattern_program::byte_set;

} // namespace

class pattern_compiler {
public:
  using op = pattern_program::op;

  pattern_program build(const pattern_part& root, std::uint32_t groups) {
    if (groups > pattern_program::most_groups)
      throw pattern_not_done{};
    program_.groups_ = groups;
    put(root);
    add(op::done);
    known_.resize(program_.steps_.size());
    program_.outlooks_.resize(program_.steps_.size());
    for (std::size_t i = 0; i < program_.steps_.size(); ++i)
      look(i);
    for (std::size_t i = 0; i < program_.steps_.size(); ++i)
      if (auto& s = program_.steps_[i]; s.what == op::run) {
        const auto& next = program_.outlooks_[i + 1];
        s.whole_only = (program_.sets_[s.set] & next.first).none() && !next.looks_around && (s.greedy || !next.may_end);
      }
    find_start();
    return std::move(program_);
  }

private:
  std::uint32_t add(op what) {
    if (program_.steps_.size() >= most_pattern_steps)
      throw pattern_not_done{};
    program_.steps_.emplace_back().what = what;
    return static_cast<std::uint32_t>(program_.steps_.size() - 1);
  }
  auto& at(std::uint32_t i) { return program_.steps_[i]; }
  std::uint32_t here() const { return static_cast<std::uint32_t>(program_.steps_.size()); }

  void put(const pattern_part& p) {
    switch (p.what) {
    case pattern_part::kind::nothing:
      return;
    case pattern_part::kind::bytes:
      return put_bytes(p.bytes, 1, 1, true);
    case pattern_part::kind::sequence:
      for (const auto& inner : p.inner)
        put(inner);
      return;
    case pattern_part::kind::choice:
      return put_choice(p);
    case pattern_part::kind::repeat:
      return put_repeat(p);
    case pattern_part::kind::group:
      at(add(op::save)).to = 2 * p.least;
      put(p.inner[0]);
      at(add(op::save)).to = 2 * p.least + 1;
      return;
    case pattern_part::kind::begin:
      add(op::at_begin);
      return;
    case pattern_part::kind::end:
      add(op::at_end);
      return;
    case pattern_part::kind::word:
      add(op::at_word);
      return;
    case pattern_part::kind::not_word:
      add(op::not_at_word);
      return;
    }
  }

  void put_bytes(const byte_set& set, std::uint32_t least, std::uint32_t most, bool greedy) {
    if (least == 1 && most == 1 && set.count() == 1) {
      for (std::size_t c = 0; c < 256; ++c)
        if (set[c])
          return put_literal(static_cast<char>(c));
    }
    const auto known = std::find(program_.sets_.begin(), program_.sets_.end(), set);
    const auto index = static_cast<std::uint32_t>(known - program_.sets_.begin());
    if (known == program_.sets_.end())
      program_.sets_.push_back(set);
    auto& s = at(add(op::run));
    s.set = index;
    s.least = least;
    s.most = most;
    s.greedy = greedy;
  }

  /// Neighbours become one text, unless something jumps between them.
  void put_literal(char c) {
    if (!program_.steps_.empty() && program_.steps_.back().what == op::literal && here() > label_) {
      program_.texts_.push_back(c);
      ++program_.steps_.back().most;
      return;
    }
    auto& s = at(add(op::literal));
    s.least = static_cast<std::uint32_t>(program_.texts_.size());
    s.most = 1;
    program_.texts_.push_back(c);
  }

  void put_choice(const pattern_part& p) {
    std::vector<std::uint32_t> ends;
    for (std::size_t i = 0; i < p.inner.size(); ++i) {
      if (i + 1 == p.inner.size()) {
        put(p.inner[i]);
        break;
      }
      const auto split = add(op::split);
      at(split).to = here();
      put(p.inner[i]);
      ends.push_back(add(op::jump));
      at(split).other = here();
      label_ = here();
    }
    for (const auto end : ends)
      at(end).to = here();
    label_ = here();
  }

  void put_repeat(const pattern_part& p) {
    const auto& inner = p.inner[0];
    if (inner.what == pattern_part::kind::bytes)
      return put_bytes(inner.bytes, p.least, p.most, p.greedy);
    for (std::uint32_t i = 0; i < p.least; ++i)
      put(inner);
    if (p.most == pattern_endless) {
      const auto split = add(op::split);
      label_ = here();
      put(inner);
      at(add(op::jump)).to = split;
      choose(split, split + 1, here(), p.greedy);
      label_ = here();
      return;
    }
    std::vector<std::uint32_t> splits;
    for (auto i = p.least; i < p.most; ++i) {
      splits.push_back(add(op::split));
      label_ = here();
      put(inner);
    }
    for (const auto split : splits)
      choose(split, split + 1, here(), p.greedy);
    label_ = here();
  }

  void choose(std::uint32_t split, std::uint32_t inner, std::uint32_t after, bool greedy) {
    at(split).to = greedy ? inner : after;
    at(split).other = greedy ? after : inner;
  }

  /// Loops take at least one byte, so this ends.
  const pattern_program::outlook& look(std::size_t i) {
    auto& out = program_.outlooks_[i];
    if (known_[i])
      return out;
    known_[i] = true;
    const auto& s = program_.steps_[i];
    const auto join = [&](const pattern_program::outlook& other) {
      out.first |= other.first;
      out.may_end |= other.may_end;
      out.may_end_at_end |= other.may_end_at_end;
      out.looks_around |= other.looks_around;
    };
    switch (s.what) {
    case op::literal:
      out.first.set(static_cast<unsigned char>(program_.texts_[s.least]));
      break;
    case op::run:
      out.first = program_.sets_[s.set];
      if (s.least == 0)
        join(look(i + 1));
      break;
    case op::split:
      join(look(s.to));
      join(look(s.other));
      break;
    case op::jump:
      join(look(s.to));
      break;
    case op::at_end: {
      const auto& next = look(i + 1);
      out.looks_around = next.looks_around || next.first.any();
      out.may_end_at_end = next.may_end || next.may_end_at_end;
      break;
    }
    case op::at_begin:
    case op::at_word:
    case op::not_at_word:
      join(look(i + 1));
      out.looks_around = true;
      break;
    case op::save:
      join(look(i + 1));
      break;
    case op::done:
      out.may_end = true;
      break;
    }
    return out;
  }

  void find_start() {
    std::size_t i = 0;
    while (program_.steps_[i].what == op::save)
      ++i;
    const auto& s = program_.steps_[i];
    program_.anchored_ = s.what == op::at_begin;
    if (program_.anchored_) {
      const auto& next = program_.outlooks_[i + 1];
      program_.plain_beginning_ = !next.may_end && !next.may_end_at_end && !next.looks_around;
      program_.after_start_ = i + 1;
    }
    if (s.what == op::literal) {
      program_.start_ = program_.texts_.substr(s.least, s.most);
      program_.after_start_ = i + 1;
    }
    const auto& all = program_.outlooks_[0];
    if (!all.may_end && !all.may_end_at_end && !all.looks_around && all.first.count() == 1)
      for (std::size_t c = 0; c < 256; ++c)
        if (all.first[c])
          program_.start_byte_ = static_cast<int>(c);
  }

  pattern_program program_;
  std::vector<bool> known_;
  std::uint32_t label_ = 0; ///< something jumps to the step here: it must stay one of its own
};

std::optional<pattern_program> pattern_program::compile(std::string_view pattern, bool any_case,
                                                        bool dot_takes_newline) {
  try {
    const auto read = read_pattern_syntax(pattern, any_case, dot_takes_newline);
    return pattern_compiler().build(read.root, read.groups);
  } catch (const pattern_not_done&) {
    return std::nullopt;
  }
}

bool pattern_program::is_hopeless(std::string_view text) const {
  if (plain_beginning_)
    return text.empty() || (static_cast<unsigned char>(text.front()) < 0x80 &&
                            !outlooks_[after_start_].first[static_cast<unsigned char>(text.front())]);
  return start_.size() > 1 && memmem(text.data(), text.size(), start_.data(), start_.size()) == nullptr;
}

} // namespace soc::ingest
