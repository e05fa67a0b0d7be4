#include "intel/core/stix_pattern.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace soc::intel {

namespace {

constexpr std::size_t max_alternatives = 10'000;
constexpr std::size_t max_terms = 32;
constexpr int max_depth = 32;

/// Thrown inside parse_stix_pattern only.
struct pattern_error {
  std::size_t at;
  std::string what;
};

/// One way the pattern can hold; `why` says what makes it impossible to evaluate.
struct alternative {
  std::vector<indicator_term> terms;
  std::string why;
};
using alternatives = std::vector<alternative>;

enum class token_kind { end, word, text, symbol };
struct token {
  token_kind kind = token_kind::end;
  std::string text;
  std::size_t at = 0;
};

class pattern_lexer {
public:
  explicit pattern_lexer(std::string_view text) : text_(text) {}

  token next() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])))
      ++at_;
    token out{token_kind::end, {}, at_};
    if (at_ == text_.size())
      return out;
    const char c = text_[at_];
    if (c == '\'')
      return quoted(out);
    if (is_word(c)) {
      out.kind = token_kind::word;
      read_word(out.text);
      return out;
    }
    out.kind = token_kind::symbol;
    out.text = c;
    ++at_;
    if ((c == '!' || c == '<' || c == '>') && at_ < text_.size() && text_[at_] == '=')
      out.text += text_[at_++];
    return out;
  }

private:
  static bool is_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.' || c == ':' || c == '+';
  }

  token& quoted(token& out) {
    out.kind = token_kind::text;
    for (++at_; at_ < text_.size() && text_[at_] != '\''; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size())
        ++at_;
      out.text += text_[at_];
    }
    if (at_ == text_.size())
      throw pattern_error{out.at, "the text has no end"};
    ++at_;
    return out;
  }

  /// An object path is one word: file:hashes.'SHA-256', x:refs[*].value.
  void read_word(std::string& to) {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '[' && to.find(':') != std::string::npos) {
        const auto end = text_.find(']', at_);
        if (end == std::string_view::npos)
          throw pattern_error{at_, "']' is missing"};
        to.append(text_.substr(at_, end + 1 - at_));
        at_ = end + 1;
      } else if (c == '\'' && to.ends_with('.')) {
        const auto end = text_.find('\'', at_ + 1);
        if (end == std::string_view::npos)
          throw pattern_error{at_, "the text has no end"};
        to.append(text_.substr(at_ + 1, end - at_ - 1));
        at_ = end + 1;
      } else if (is_word(c)) {
        to += c;
        ++at_;
      } else {
        return;
      }
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

/// What the values of an object path are.
std::vector<indicator_kind> kinds_of_path(const std::string& path) {
  const auto ends = [&](std::string_view end) { return path.ends_with(end); };
  if (path == "ipv4-addr:value" || path == "ipv6-addr:value")
    return {indicator_kind::ip};
  if (path == "domain-name:value")
    return {indicator_kind::domain};
  if (path == "url:value")
    return {indicator_kind::url};
  if (path == "email-addr:value" || (path.starts_with("email-message:") && ends("_ref.value")))
    return {indicator_kind::email};
  if (path.starts_with("domain-name:resolves_to_refs") && ends(".value"))
    return {indicator_kind::ip, indicator_kind::domain};
  if (path.starts_with("network-traffic:") && (ends("src_ref.value") || ends("dst_ref.value")))
    return {indicator_kind::ip, indicator_kind::domain};
  const bool is_file = path.starts_with("file:") || path.starts_with("artifact:") || path.starts_with("process:");
  if (is_file && path.find("hashes.") != std::string::npos)
    return {indicator_kind::hash};
  return {};
}

class pattern_parser {
public:
  explicit pattern_parser(std::string_view text) : lexer_(text) { advance(); }

  alternatives parse() {
    auto out = observations(0);
    if (now_.kind != token_kind::end)
      throw pattern_error{now_.at, fmt::format("'{}' can't stand here", now_.text)};
    return out;
  }

private:
  void advance() { now_ = lexer_.next(); }
  bool is_symbol(const char* text) const { return now_.kind == token_kind::symbol && now_.text == text; }
  bool is_word(const char* text) const { return now_.kind == token_kind::word && now_.text == text; }
  void expect(const char* symbol) {
    if (!is_symbol(symbol))
      throw pattern_error{now_.at, fmt::format("'{}' is expected", symbol)};
    advance();
  }

  static void merge(alternatives& to, alternatives more, std::size_t at) {
    if (to.size() + more.size() > max_alternatives)
      throw pattern_error{at, fmt::format("more than {} alternatives", max_alternatives)};
    std::move(more.begin(), more.end(), std::back_inserter(to));
  }

  static alternatives product(const alternatives& left, const alternatives& right, std::size_t at) {
    if (left.size() * right.size() > max_alternatives)
      throw pattern_error{at, fmt::format("more than {} alternatives", max_alternatives)};
    alternatives out;
    for (const auto& a : left)
      for (const auto& b : right) {
        auto both = a;
        for (const auto& term : b.terms)
          if (std::find(both.terms.begin(), both.terms.end(), term) == both.terms.end())
            both.terms.push_back(term);
        if (both.why.empty())
          both.why = b.why;
        if (both.terms.size() > max_terms)
          both.why = fmt::format("more than {} terms", max_terms);
        out.push_back(std::move(both));
      }
    return out;
  }

  void leave_out(alternatives& all, const std::string& why) {
    for (auto& a : all)
      a.why = why;
  }

  /// [..] OR [..]; other joints and qualifiers need several events.
  alternatives observations(int depth) {
    auto out = observation(depth);
    while (is_word("OR") || is_word("AND") || is_word("FOLLOWEDBY")) {
      const auto joint = now_.text;
      const auto at = now_.at;
      advance();
      merge(out, observation(depth), at);
      if (joint != "OR")
        leave_out(out, joint + " of several observations");
    }
    return out;
  }

  alternatives observation(int depth) {
    if (depth > max_depth)
      throw pattern_error{now_.at, "too deeply nested"};
    alternatives out;
    if (is_symbol("(")) {
      advance();
      out = observations(depth + 1);
      expect(")");
    } else {
      expect("[");
      out = any_of(depth + 1);
      expect("]");
    }
    while (is_word("WITHIN") || is_word("REPEATS") || is_word("START") || is_word("STOP")) {
      leave_out(out, now_.text + " needs several events");
      advance();
      while (now_.kind == token_kind::text || is_word("SECONDS") || is_word("TIMES") ||
             (now_.kind == token_kind::word && std::isdigit(static_cast<unsigned char>(now_.text.front()))) ||
             (now_.kind == token_kind::word && now_.text == "t"))
        advance();
    }
    return out;
  }

  alternatives any_of(int depth) {
    auto out = all_of(depth);
    while (is_word("OR")) {
      const auto at = now_.at;
      advance();
      merge(out, all_of(depth), at);
    }
    return out;
  }

  alternatives all_of(int depth) {
    auto out = comparison(depth);
    while (is_word("AND")) {
      const auto at = now_.at;
      advance();
      out = product(out, comparison(depth), at);
    }
    return out;
  }

  alternatives comparison(int depth) {
    if (depth > max_depth)
      throw pattern_error{now_.at, "too deeply nested"};
    if (is_symbol("(")) {
      advance();
      auto out = any_of(depth + 1);
      expect(")");
      return out;
    }
    bool negated = false;
    if (is_word("NOT") || is_word("EXISTS")) {
      negated = true;
      advance();
    }
    if (now_.kind != token_kind::word || now_.text.find(':') == std::string::npos)
      throw pattern_error{now_.at, "an object path like 'domain-name:value' is expected"};
    const auto path = now_.text;
    advance();
    if (negated && (is_symbol("]") || is_symbol(")") || is_word("AND") || is_word("OR")))
      return {{{}, "EXISTS"}};
    if (is_word("NOT")) {
      negated = true;
      advance();
    }
    const auto op = now_.text;
    if (now_.kind != token_kind::word && now_.kind != token_kind::symbol)
      throw pattern_error{now_.at, "a comparison is expected"};
    advance();
    const auto values = op == "IN" ? list() : std::vector{literal()};
    if (negated || (op != "=" && op != "IN" && op != "ISSUBSET"))
      return {{{}, negated ? "NOT" : op}};
    return terms(path, op, values);
  }

  std::vector<std::string> list() {
    std::vector<std::string> out;
    expect("(");
    while (true) {
      out.push_back(literal());
      if (out.size() > max_alternatives)
        throw pattern_error{now_.at, fmt::format("more than {} values", max_alternatives)};
      if (is_symbol(")"))
        break;
      expect(",");
    }
    advance();
    return out;
  }

  /// Text, number, boolean; t'…', b'…' and h'…' too.
  std::string literal() {
    if (now_.kind != token_kind::text && now_.kind != token_kind::word)
      throw pattern_error{now_.at, "a value is expected"};
    auto out = now_.text;
    const bool typed = now_.kind == token_kind::word && (out == "t" || out == "b" || out == "h");
    advance();
    if (typed && now_.kind == token_kind::text) {
      out = now_.text;
      advance();
    }
    return out;
  }

  static alternatives terms(const std::string& path, const std::string& op, const std::vector<std::string>& values) {
    const auto kinds = kinds_of_path(path);
    if (kinds.empty() || (op == "ISSUBSET" && kinds.front() != indicator_kind::ip))
      return {{{}, fmt::format("{} {}", path, kinds.empty() ? "is not looked at" : op)}};
    alternatives out;
    for (const auto& value : values) {
      alternative one{{}, fmt::format("'{}' is no value of {}", value, path)};
      for (const auto kind : kinds)
        if (auto spelled = spell(kind, value); spelled && one.terms.empty())
          one = {{{kind, std::move(*spelled)}}, {}};
      out.push_back(std::move(one));
    }
    return out;
  }

  pattern_lexer lexer_;
  token now_;
};

} // namespace

result<stix_pattern> parse_stix_pattern(std::string_view text) {
  try {
    stix_pattern out;
    for (auto& one : pattern_parser(text).parse()) {
      if (one.why.empty())
        out.alternatives.push_back(std::move(one.terms));
      else if (std::find(out.left_out.begin(), out.left_out.end(), one.why) == out.left_out.end())
        out.left_out.push_back(one.why);
    }
    return out;
  } catch (const pattern_error& e) {
    return failure{ec::invalid_input, fmt::format("at {}: {}", e.at, e.what)};
  }
}

} // namespace soc::intel
