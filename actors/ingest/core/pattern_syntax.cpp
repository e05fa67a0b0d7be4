#include "ingest/core/pattern_syntax.hpp"

#include <algorithm>
#include <string>

namespace soc::ingest {

bool pattern_part::may_be_empty() const {
  switch (what) {
  case kind::bytes:
    return false;
  case kind::sequence:
    return std::all_of(inner.begin(), inner.end(), [](const pattern_part& p) { return p.may_be_empty(); });
  case kind::choice:
    return std::any_of(inner.begin(), inner.end(), [](const pattern_part& p) { return p.may_be_empty(); });
  case kind::repeat:
    return least == 0 || inner[0].may_be_empty();
  case kind::group:
    return inner[0].may_be_empty();
  default:
    return true;
  }
}

namespace {

constexpr std::size_t most_pattern_nesting = 24;

class pattern_reader {
public:
  pattern_reader(std::string_view text, bool any_case, bool dot_newline)
      : text_(text), any_case_(any_case), dot_newline_(dot_newline) {}

  pattern_part read() {
    auto all = choice(0);
    if (at_ != text_.size())
      throw pattern_not_done{};
    return all;
  }
  std::uint32_t groups() const { return groups_; }

private:
  bool more() const { return at_ < text_.size(); }
  char peek() const { return more() ? text_[at_] : '\0'; }
  bool take(std::string_view what) {
    if (text_.substr(at_, what.size()) != what)
      return false;
    at_ += what.size();
    return true;
  }

  pattern_part choice(std::size_t depth) {
    if (depth > most_pattern_nesting)
      throw pattern_not_done{};
    pattern_part out;
    out.what = pattern_part::kind::choice;
    do
      out.inner.push_back(sequence(depth));
    while (take("|"));
    return out.inner.size() == 1 ? std::move(out.inner[0]) : out;
  }

  pattern_part sequence(std::size_t depth) {
    pattern_part out;
    out.what = pattern_part::kind::sequence;
    while (more() && peek() != '|' && peek() != ')')
      out.inner.push_back(repeated(atom(depth)));
    return out;
  }

  pattern_part repeated(pattern_part what) {
    std::uint32_t least = 1, most = 1;
    if (take("*")) {
      least = 0;
      most = pattern_endless;
    } else if (take("+")) {
      most = pattern_endless;
    } else if (take("?")) {
      least = 0;
    } else if (peek() == '{' && more()) {
      ++at_;
      least = number();
      most = take(",") ? (peek() == '}' ? pattern_endless : number()) : least;
      if (!take("}") || (most != pattern_endless && most < least))
        throw pattern_not_done{};
    } else {
      return what;
    }
    pattern_part out;
    out.what = pattern_part::kind::repeat;
    out.least = least;
    out.most = most;
    out.greedy = !take("?");
    if (more() && std::string_view("*+?{").find(peek()) != std::string_view::npos)
      throw pattern_not_done{};
    // What RE2 makes of a loop over nothing is its own.
    if (what.may_be_empty())
      throw pattern_not_done{};
    out.inner.push_back(std::move(what));
    return out;
  }

  std::uint32_t number() {
    std::uint32_t n = 0;
    if (peek() < '0' || peek() > '9')
      throw pattern_not_done{};
    while (peek() >= '0' && peek() <= '9' && n < 10'000)
      n = n * 10 + static_cast<std::uint32_t>(text_[at_++] - '0');
    if (n > 1000)
      throw pattern_not_done{};
    return n;
  }

  pattern_part atom(std::size_t depth) {
    pattern_part out;
    const char c = text_[at_];
    if (c == '(')
      return group(depth);
    if (c == '[')
      return bytes(bracket());
    if (c == '\\')
      return escape();
    if (std::string_view("*+?{").find(c) != std::string_view::npos || static_cast<unsigned char>(c) > 127)
      throw pattern_not_done{};
    ++at_;
    if (c == '^' || c == '$') {
      out.what = c == '^' ? pattern_part::kind::begin : pattern_part::kind::end;
      return out;
    }
    if (c == '.') {
      std::bitset<256> all;
      all.set();
      if (!dot_newline_)
        all.reset('\n');
      return bytes(all);
    }
    return bytes(one(c));
  }

  pattern_part group(std::size_t depth) {
    ++at_;
    pattern_part out;
    const bool outer_case = any_case_, outer_dot = dot_newline_;
    if (take("?P<")) {
      while (more() && peek() != '>')
        ++at_;
      if (!take(">"))
        throw pattern_not_done{};
    } else if (take("?")) {
      while (peek() == 'i' || peek() == 's') {
        (peek() == 'i' ? any_case_ : dot_newline_) = true;
        ++at_;
      }
      if (take(")")) // holds for the rest of the group around it
        return out;
      if (!take(":"))
        throw pattern_not_done{};
      out = choice(depth + 1);
      any_case_ = outer_case;
      dot_newline_ = outer_dot;
      if (!take(")"))
        throw pattern_not_done{};
      return out;
    }
    out.what = pattern_part::kind::group;
    out.least = ++groups_;
    out.inner.push_back(choice(depth + 1));
    any_case_ = outer_case;
    dot_newline_ = outer_dot;
    if (!take(")"))
      throw pattern_not_done{};
    return out;
  }

  static pattern_part bytes(const std::bitset<256>& set) {
    pattern_part out;
    out.what = pattern_part::kind::bytes;
    out.bytes = set;
    return out;
  }

  std::bitset<256> one(char c) const {
    std::bitset<256> set;
    set.set(static_cast<unsigned char>(c));
    return folded(set);
  }

  std::bitset<256> folded(std::bitset<256> set) const {
    if (any_case_)
      for (int c = 'a'; c <= 'z'; ++c)
        if (set[static_cast<std::size_t>(c)] || set[static_cast<std::size_t>(c - 32)]) {
          set.set(static_cast<std::size_t>(c));
          set.set(static_cast<std::size_t>(c - 32));
        }
    return set;
  }

  /// \d, \w, \s and their opposites; false for other letters.
  static bool class_named(char c, std::bitset<256>& set) {
    const auto add = [&](int from, int to) {
      for (int i = from; i <= to; ++i)
        set.set(static_cast<std::size_t>(i));
    };
    switch (c | 32) {
    case 'd':
      add('0', '9');
      break;
    case 'w':
      add('0', '9');
      add('a', 'z');
      add('A', 'Z');
      add('_', '_');
      break;
    case 's':
      for (const char space : std::string_view("\t\n\f\r "))
        add(space, space);
      break;
    default:
      return false;
    }
    if (c < 'a')
      set.flip();
    return true;
  }

  /// The byte that `\c` stands for.
  static char escaped(char c) {
    switch (c) {
    case 't':
      return '\t';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 'f':
      return '\f';
    case 'v':
      return '\v';
    default:
      if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
          static_cast<unsigned char>(c) > 127)
        throw pattern_not_done{};
      return c;
    }
  }

  pattern_part escape() {
    ++at_;
    if (!more())
      throw pattern_not_done{};
    const char c = text_[at_++];
    pattern_part out;
    if (c == 'b' || c == 'B') {
      out.what = c == 'b' ? pattern_part::kind::word : pattern_part::kind::not_word;
      return out;
    }
    if (c == 'z' || c == 'A') {
      out.what = c == 'z' ? pattern_part::kind::end : pattern_part::kind::begin;
      return out;
    }
    std::bitset<256> set;
    return bytes(class_named(c, set) ? set : one(escaped(c)));
  }

  std::bitset<256> bracket() {
    ++at_;
    const bool negated = take("^");
    std::bitset<256> all;
    bool first = true;
    for (; peek() != ']' || first; first = false) {
      if (!more() || peek() == '[' || (first && peek() == ']') || static_cast<unsigned char>(peek()) > 127)
        throw pattern_not_done{};
      char from = text_[at_++];
      if (from == '\\') {
        std::bitset<256> set;
        if (!more())
          throw pattern_not_done{};
        const char c = text_[at_++];
        if (class_named(c, set)) {
          if (peek() == '-' && text_.substr(at_ + 1, 1) != "]")
            throw pattern_not_done{};
          all |= set;
          continue;
        }
        from = escaped(c);
      }
      char to = from;
      if (peek() == '-' && at_ + 1 < text_.size() && text_[at_ + 1] != ']') {
        ++at_;
        to = text_[at_++];
        if (to == '\\')
          to = more() ? escaped(text_[at_++]) : throw pattern_not_done{};
        if (to < from || static_cast<unsigned char>(to) > 127 || to == '[')
          throw pattern_not_done{};
      }
      for (int c = from; c <= to; ++c)
        all.set(static_cast<std::size_t>(c));
    }
    ++at_;
    all = folded(all);
    return negated ? ~all : all;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool any_case_, dot_newline_;
  std::uint32_t groups_ = 0;
};

} // namespace

read_pattern read_pattern_syntax(std::string_view pattern, bool any_case, bool dot_takes_newline) {
  pattern_reader reader(pattern, any_case, dot_takes_newline);
  read_pattern out;
  out.root = reader.read();
  out.groups = reader.groups();
  return out;
}

} // namespace soc::ingest
