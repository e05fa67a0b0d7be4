#include "detection/core/sigma_condition.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::detection {

namespace {

struct condition_token {
  std::string text;
  int column = 0; ///< from 0 in the condition
};

/// Thrown inside parse_condition only.
struct condition_error {
  int column;
  std::string message, hint;
};

constexpr int max_condition_depth = 64;

std::vector<condition_token> tokens_of(const std::string& text) {
  std::vector<condition_token> out;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      ++i;
      continue;
    }
    const auto start = i;
    if (c == '(' || c == ')' || c == '|') {
      ++i;
    } else {
      i = text.find_first_of(" \t\r\n()|", i);
      if (i == std::string::npos)
        i = text.size();
    }
    out.push_back({text.substr(start, i - start), static_cast<int>(start)});
  }
  return out;
}

std::string lower_word(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

class condition_parser {
public:
  condition_parser(const std::string& text, const named_selections& selections, std::vector<bool>& used)
      : tokens_(tokens_of(text)), selections_(selections), used_(used), end_(static_cast<int>(text.size())) {}

  expression_ptr parse() {
    auto out = parse_or(0);
    if (at_ < tokens_.size())
      refuse_rest();
    return out;
  }

private:
  bool is(std::string_view word) const { return at_ < tokens_.size() && lower_word(tokens_[at_].text) == word; }
  int column() const { return at_ < tokens_.size() ? tokens_[at_].column : end_; }

  [[noreturn]] void refuse_rest() const {
    const auto& token = tokens_[at_];
    if (token.text == "|")
      throw condition_error{token.column, "aggregation expressions ('| count() …') are no longer part of Sigma",
                            "write a correlation rule of type event_count or value_count instead"};
    if (token.text == ")")
      throw condition_error{token.column, "')' without '('", {}};
    throw condition_error{token.column, fmt::format("expected 'and' or 'or' before '{}'", token.text), {}};
  }

  static expression_ptr join(expression_kind kind, std::vector<expression_ptr> parts) {
    if (parts.size() == 1)
      return parts.front();
    return std::make_shared<const expression>(expression{kind, std::move(parts), nullptr, {}});
  }

  expression_ptr parse_or(int depth) {
    std::vector<expression_ptr> parts{parse_and(depth)};
    while (is("or")) {
      ++at_;
      parts.push_back(parse_and(depth));
    }
    return join(expression_kind::any, std::move(parts));
  }

  expression_ptr parse_and(int depth) {
    std::vector<expression_ptr> parts{parse_not(depth)};
    while (is("and")) {
      ++at_;
      parts.push_back(parse_not(depth));
    }
    return join(expression_kind::all, std::move(parts));
  }

  expression_ptr parse_not(int depth) {
    if (depth > max_condition_depth)
      throw condition_error{column(), "the condition is nested too deeply", "split it with selections"};
    if (!is("not"))
      return parse_primary(depth);
    ++at_;
    return join_not(parse_not(depth + 1));
  }

  static expression_ptr join_not(expression_ptr part) {
    return std::make_shared<const expression>(expression{expression_kind::negation, {std::move(part)}, nullptr, {}});
  }

  expression_ptr parse_primary(int depth) {
    if (at_ == tokens_.size())
      throw condition_error{end_, "the condition ends where a search identifier is expected", {}};
    if (is("(")) {
      ++at_;
      auto inner = parse_or(depth + 1);
      if (!is(")"))
        throw condition_error{column(), "expected ')'", {}};
      ++at_;
      return inner;
    }
    if (at_ + 1 < tokens_.size() && lower_word(tokens_[at_ + 1].text) == "of")
      return parse_quantifier();
    return selection_named(tokens_[at_++]);
  }

  expression_ptr selection_named(const condition_token& token) {
    for (std::size_t i = 0; i < selections_.size(); ++i)
      if (selections_[i].first == token.text) {
        used_[i] = true;
        return selections_[i].second;
      }
    std::vector<std::string> known;
    for (const auto& s : selections_)
      known.push_back(s.first);
    const auto near = did_you_mean(token.text, known);
    throw condition_error{token.column, fmt::format("no search identifier '{}' in the detection", token.text),
                          near.empty() ? std::string() : fmt::format("did you mean '{}'?", near)};
  }

  expression_ptr parse_quantifier() {
    const auto count = tokens_[at_];
    const auto how = lower_word(count.text);
    if (how != "1" && how != "all" && how != "any")
      throw condition_error{count.column, fmt::format("'{} of' is not a quantifier", count.text),
                            "Sigma has '1 of', 'any of' and 'all of'"};
    at_ += 2;
    if (at_ == tokens_.size())
      throw condition_error{end_, fmt::format("'{} of' what?", count.text),
                            "name a pattern such as selection_*, or them"};
    const auto pattern = tokens_[at_++];
    std::vector<expression_ptr> parts;
    for (std::size_t i = 0; i < selections_.size(); ++i)
      if (selects(pattern.text, selections_[i].first)) {
        used_[i] = true;
        parts.push_back(selections_[i].second);
      }
    if (parts.empty())
      throw condition_error{pattern.column, fmt::format("no search identifier matches '{}'", pattern.text), {}};
    return join(how == "all" ? expression_kind::all : expression_kind::any, std::move(parts));
  }

  /// `them` is every identifier that doesn't start with an underscore.
  static bool selects(const std::string& pattern, const std::string& name) {
    if (lower_word(pattern) == "them")
      return !name.starts_with('_');
    return matches_glob(text_pattern::parse(pattern).pieces(), name);
  }

  std::vector<condition_token> tokens_;
  const named_selections& selections_;
  std::vector<bool>& used_;
  int end_;
  std::size_t at_ = 0;
};

} // namespace

expression_ptr parse_condition(const std::string& text, const source_place& place, const named_selections& selections,
                               std::vector<bool>& used, diagnostics& found) {
  used.resize(selections.size(), false);
  try {
    return condition_parser(text, selections, used).parse();
  } catch (const condition_error& e) {
    auto at = place;
    if (at.line > 0)
      at.column += e.column;
    found.error("SIG007", at, e.message, e.hint);
    return nullptr;
  }
}

} // namespace soc::detection
