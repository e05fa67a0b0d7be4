#include "base/json_condition.hpp"

#include "base/json_template.hpp"
#include "base/network.hpp"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

namespace soc {

using nlohmann::json;

namespace condition_parts {

enum class comparison { text, regex, cidr, greater, greater_equal, less, less_equal, exists, null, any_item };

/// One value a field is held against.
struct value_test {
  comparison kind = comparison::text;
  std::string text; ///< lower-case unless cased; wildcards as written
  bool cased = false;
  bool wants = true; ///< exists: true or false
  double number = 0;
  std::shared_ptr<const RE2> pattern;
  std::optional<network> range;
  std::shared_ptr<const json_condition::node> inner; ///< any_item
};

} // namespace condition_parts

using condition_parts::comparison;
using condition_parts::value_test;

struct json_condition::node {
  enum class kind { all, any, negation, field } what = kind::all;
  std::vector<std::shared_ptr<const node>> parts;
  std::string path;              ///< field
  std::vector<value_test> tests; ///< field: any of them, or all with the modifier
  bool every = false;
};

namespace {

using node_ptr = std::shared_ptr<const json_condition::node>;
using node_kind = json_condition::node::kind;

constexpr int max_condition_depth = 64;

std::string lower_text(std::string text) {
  for (auto& c : text)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c | 0x20);
  return text;
}

/// Sigma's wildcards: * any run, ? one character, backslash escapes them. Linear in both (no backtracking past the last
/// *).
bool wildcard_match(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, mark = 0;
  while (t < text.size()) {
    const bool escaped = p + 1 < pattern.size() && pattern[p] == '\\' &&
                         (pattern[p + 1] == '*' || pattern[p + 1] == '?' || pattern[p + 1] == '\\');
    if (p < pattern.size() && !escaped && pattern[p] == '*') {
      star = p++;
      mark = t;
    } else if (p < pattern.size() &&
               (escaped ? pattern[p + 1] == text[t] : pattern[p] == '?' || pattern[p] == text[t])) {
      p += escaped ? 2 : 1;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*')
    ++p;
  return p == pattern.size();
}

std::optional<double> number_of(const json& value) {
  if (value.is_number())
    return value.get<double>();
  if (!value.is_string())
    return std::nullopt;
  const auto& s = value.get_ref<const std::string&>();
  double out = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), out);
  return error == std::errc{} && end == s.data() + s.size() ? std::optional(out) : std::nullopt;
}

bool holds(const json_condition::node& n, const json& document);

bool test_number(const value_test& test, const json& value) {
  const auto number = number_of(value);
  if (!number)
    return false;
  switch (test.kind) {
  case comparison::greater:
    return *number > test.number;
  case comparison::greater_equal:
    return *number >= test.number;
  case comparison::less:
    return *number < test.number;
  default:
    return *number <= test.number;
  }
}

bool test_value(const value_test& test, const json& value) {
  switch (test.kind) {
  case comparison::text: {
    if (value.is_structured() || value.is_null())
      return false;
    const auto text = json_to_text(value);
    return wildcard_match(test.text, test.cased ? text : lower_text(text));
  }
  case comparison::regex:
    return value.is_primitive() && !value.is_null() && RE2::PartialMatch(json_to_text(value), *test.pattern);
  case comparison::cidr: {
    const auto address = value.is_string() ? parse_network(value.get_ref<const std::string&>()) : std::nullopt;
    return address && test.range->contains(*address);
  }
  case comparison::any_item:
    return value.is_object() && holds(*test.inner, value);
  case comparison::exists:
  case comparison::null:
    return false; // judged on the whole field
  default:
    return test_number(test, value);
  }
}

/// Calls `visit` for each value at `path`, through lists; stops when it answers true.
template <class Visit>
bool any_value_at(const json& at, std::string_view path, Visit visit) {
  if (at.is_array())
    return std::any_of(at.begin(), at.end(), [&](const json& item) { return any_value_at(item, path, visit); });
  if (path.empty())
    return visit(at);
  if (!at.is_object())
    return false;
  // A key may itself hold dots: the longest beginning that is a key wins.
  for (auto end = path.size();; end = path.rfind('.', end - 1)) {
    if (end == std::string_view::npos)
      return false;
    const auto found = at.find(std::string(path.substr(0, end)));
    if (found != at.end())
      return any_value_at(*found, end == path.size() ? std::string_view{} : path.substr(end + 1), visit);
    if (end == 0)
      return false;
  }
}

bool test_holds(const value_test& test, const std::string& path, const json& document) {
  if (test.kind == comparison::exists || test.kind == comparison::null) {
    const bool there = any_value_at(document, path, [](const json& v) { return !v.is_null(); });
    return test.kind == comparison::null ? !there : there == test.wants;
  }
  return any_value_at(document, path, [&](const json& v) { return test_value(test, v); });
}

bool holds(const json_condition::node& n, const json& document) {
  const auto part_holds = [&](const node_ptr& part) { return holds(*part, document); };
  const auto test_passes = [&](const value_test& test) { return test_holds(test, n.path, document); };
  switch (n.what) {
  case node_kind::all:
    return std::all_of(n.parts.begin(), n.parts.end(), part_holds);
  case node_kind::any:
    return std::any_of(n.parts.begin(), n.parts.end(), part_holds);
  case node_kind::negation:
    return !holds(*n.parts.front(), document);
  case node_kind::field:
    return n.every ? std::all_of(n.tests.begin(), n.tests.end(), test_passes)
                   : std::any_of(n.tests.begin(), n.tests.end(), test_passes);
  }
  return false;
}

void collect_fields(const json_condition::node& n, std::vector<std::string>& out) {
  if (n.what == node_kind::field)
    out.push_back(n.path);
  for (const auto& part : n.parts)
    collect_fields(*part, out);
}

/// Compiles one detection map; reports at places of its file.
class condition_compiler {
public:
  condition_compiler(const std::string& file, const std::string& code, diagnostics& found)
      : file_(file), code_(code), found_(found) {}

  node_ptr compile(const YAML::Node& detection) {
    if (!detection.IsDefined() || !detection.IsMap())
      return error(detection, "a condition must be a map of selections", "write `selection: {field: value}`");
    if (is_bare_selection(detection))
      return selection(detection, 0);
    std::map<std::string, YAML::Node> selections;
    YAML::Node condition(YAML::NodeType::Undefined);
    for (const auto& item : detection) {
      if (item.first.Scalar() == "condition")
        condition = item.second;
      else
        selections.emplace(item.first.Scalar(), item.second);
    }
    for (const auto& [name, body] : selections)
      if (auto compiled = selection(body, 0))
        compiled_.emplace(name, std::move(compiled));
    if (compiled_.size() != selections.size())
      return nullptr;
    if (condition.IsDefined() && condition.IsScalar())
      return expression(condition);
    if (compiled_.size() == 1)
      return compiled_.begin()->second;
    return error(detection, "no 'condition' says how the selections go together", "add `condition: a and not b`");
  }

private:
  node_ptr error(const YAML::Node& at, std::string what, std::string hint = {}) {
    found_.error(code_, place_of(file_, at), std::move(what), std::move(hint));
    return nullptr;
  }

  /// {field: value, …} without a condition: one selection, written without its name.
  static bool is_bare_selection(const YAML::Node& detection) {
    bool bare = false;
    for (const auto& item : detection) {
      if (item.first.Scalar() == "condition")
        return false;
      const auto& body = item.second;
      const bool named = (body.IsMap() && item.first.Scalar().find('|') == std::string::npos) ||
                         (body.IsSequence() && body.size() > 0 && body[0].IsMap());
      bare = bare || !named;
    }
    return bare;
  }

  node_ptr selection(const YAML::Node& body, int depth) {
    if (depth > max_condition_depth)
      return error(body, "selections are nested too deeply");
    auto out = std::make_shared<json_condition::node>();
    if (body.IsMap()) {
      for (const auto& item : body) {
        auto part = field(item.first, item.second, depth);
        if (!part)
          return nullptr;
        out->parts.push_back(std::move(part));
      }
      return out;
    }
    if (body.IsSequence() && body.size() > 0 && body[0].IsMap()) {
      out->what = node_kind::any;
      for (const auto& item : body) {
        auto part = selection(item, depth + 1);
        if (!part)
          return nullptr;
        out->parts.push_back(std::move(part));
      }
      return out;
    }
    return error(body, "a selection must be a map of fields, or a list of such maps");
  }

  node_ptr field(const YAML::Node& key, const YAML::Node& values, int depth) {
    auto out = std::make_shared<json_condition::node>();
    out->what = node_kind::field;
    std::vector<std::string> modifiers;
    const auto& text = key.Scalar();
    std::size_t start = text.find('|');
    out->path = text.substr(0, start);
    while (start != std::string::npos) {
      const auto end = text.find('|', start + 1);
      modifiers.push_back(text.substr(start + 1, end == std::string::npos ? end : end - start - 1));
      start = end;
    }
    out->every = std::erase(modifiers, "all") > 0;
    const bool many = values.IsSequence();
    for (std::size_t i = 0; i < (many ? values.size() : 1); ++i) {
      auto test = one_test(key, modifiers, many ? YAML::Node(values[i]) : values, depth);
      if (!test)
        return nullptr;
      out->tests.push_back(std::move(*test));
    }
    return out;
  }

  std::optional<value_test> one_test(const YAML::Node& key, const std::vector<std::string>& modifiers,
                                     const YAML::Node& value, int depth) {
    value_test test;
    test.cased = std::find(modifiers.begin(), modifiers.end(), "cased") != modifiers.end();
    if (std::find(modifiers.begin(), modifiers.end(), "any") != modifiers.end()) {
      test.kind = comparison::any_item;
      test.inner = selection(value, depth + 1);
      return test.inner ? std::optional(test) : std::nullopt;
    }
    if (value.IsNull()) {
      test.kind = comparison::null;
      return test;
    }
    if (!value.IsScalar()) {
      error(value, fmt::format("the value of '{}' must be text, a number or a list of them", key.Scalar()));
      return std::nullopt;
    }
    test.text = test.cased ? value.Scalar() : lower_text(value.Scalar());
    for (const auto& name : modifiers)
      if (!modify(test, name, key, value))
        return std::nullopt;
    return test;
  }

  bool modify(value_test& test, const std::string& name, const YAML::Node& key, const YAML::Node& value) {
    static const std::map<std::string, comparison> numeric{{"gt", comparison::greater},
                                                           {"gte", comparison::greater_equal},
                                                           {"lt", comparison::less},
                                                           {"lte", comparison::less_equal}};
    if (name == "contains")
      test.text = "*" + test.text + "*";
    else if (name == "startswith")
      test.text += "*";
    else if (name == "endswith")
      test.text = "*" + test.text;
    else if (name == "cased")
      return true;
    else if (name == "exists") {
      test.kind = comparison::exists;
      test.wants = test.text == "true" || test.text == "yes";
    } else if (const auto at = numeric.find(name); at != numeric.end()) {
      const auto number = number_of(json(value.Scalar()));
      test.kind = at->second;
      test.number = number.value_or(0);
      if (!number)
        error(value, fmt::format("'{}' compares numbers; '{}' is none", name, value.Scalar()));
      return number.has_value();
    } else if (name == "re")
      return compile_regex(test, value);
    else if (name == "cidr") {
      test.kind = comparison::cidr;
      test.range = parse_network(value.Scalar());
      if (!test.range)
        error(value, fmt::format("'{}' is no network", value.Scalar()), "write it as 10.0.0.0/8 or 2001:db8::/32");
      return test.range.has_value();
    } else {
      static const std::vector<std::string> known{"contains", "startswith", "endswith", "re",    "cidr", "gt", "gte",
                                                  "lt",       "lte",        "exists",   "cased", "all",  "any"};
      const auto near = did_you_mean(name, known);
      error(key, fmt::format("unknown modifier '{}'", name),
            near.empty() ? "" : fmt::format("did you mean '{}'?", near));
      return false;
    }
    return true;
  }

  bool compile_regex(value_test& test, const YAML::Node& value) {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(4 << 20);
    auto pattern = std::make_shared<RE2>(value.Scalar(), options);
    if (!pattern->ok()) {
      error(value, "not a valid regular expression: " + pattern->error());
      return false;
    }
    test.kind = comparison::regex;
    test.pattern = std::move(pattern);
    return true;
  }

  // ---- condition: or < and < not < ( ), names, "1 of x*", "all of them"

  node_ptr expression(const YAML::Node& condition) {
    words_.clear();
    at_ = 0;
    std::string word;
    for (const char c : condition.Scalar() + " ") {
      const bool paren = c == '(' || c == ')';
      if (c != ' ' && c != '\t' && c != '\n' && !paren) {
        word += c;
        continue;
      }
      if (!word.empty())
        words_.push_back(std::move(word));
      word.clear();
      if (paren)
        words_.emplace_back(1, c);
    }
    condition_ = condition;
    auto out = either(0);
    if (out && at_ < words_.size())
      return error(condition, fmt::format("'{}' was not expected in the condition", words_[at_]));
    return out;
  }

  bool accept(std::string_view word) {
    if (at_ < words_.size() && lower_text(words_[at_]) == word) {
      ++at_;
      return true;
    }
    return false;
  }

  static node_ptr group(node_kind kind, std::vector<node_ptr> parts) {
    if (parts.size() == 1 && kind != node_kind::negation)
      return parts.front();
    auto out = std::make_shared<json_condition::node>();
    out->what = kind;
    out->parts = std::move(parts);
    return out;
  }

  node_ptr either(int depth) {
    std::vector<node_ptr> parts;
    do {
      auto part = both(depth);
      if (!part)
        return nullptr;
      parts.push_back(std::move(part));
    } while (accept("or"));
    return group(node_kind::any, std::move(parts));
  }

  node_ptr both(int depth) {
    std::vector<node_ptr> parts;
    do {
      auto part = factor(depth);
      if (!part)
        return nullptr;
      parts.push_back(std::move(part));
    } while (accept("and"));
    return group(node_kind::all, std::move(parts));
  }

  node_ptr factor(int depth) {
    if (depth > max_condition_depth)
      return error(condition_, "the condition is nested too deeply");
    if (accept("not")) {
      auto part = factor(depth + 1);
      return part ? group(node_kind::negation, {part}) : nullptr;
    }
    if (accept("(")) {
      auto out = either(depth + 1);
      if (out && !accept(")"))
        return error(condition_, "a ')' is missing in the condition");
      return out;
    }
    if (at_ >= words_.size())
      return error(condition_, "the condition ends too early", "a selection's name is expected");
    const auto word = words_[at_++];
    if ((word == "1" || word == "any" || word == "all") && accept("of"))
      return quantified(word == "all");
    const auto found = compiled_.find(word);
    if (found != compiled_.end())
      return found->second;
    return unknown_selection(word);
  }

  node_ptr unknown_selection(const std::string& word) {
    std::vector<std::string> names;
    for (const auto& [name, body] : compiled_)
      names.push_back(name);
    const auto near = did_you_mean(word, names);
    return error(condition_, fmt::format("the condition names '{}', but no selection is called so", word),
                 near.empty() ? std::string{} : fmt::format("did you mean '{}'?", near));
  }

  node_ptr quantified(bool all) {
    if (at_ >= words_.size())
      return error(condition_, "'of' needs a selection, a pattern or 'them'");
    const auto pattern = words_[at_++];
    std::vector<node_ptr> parts;
    for (const auto& [name, body] : compiled_)
      if ((pattern == "them" && name.front() != '_') || wildcard_match(pattern, name))
        parts.push_back(body);
    if (parts.empty())
      return unknown_selection(pattern);
    return group(all ? node_kind::all : node_kind::any, std::move(parts));
  }

  const std::string& file_;
  const std::string& code_;
  diagnostics& found_;
  std::map<std::string, node_ptr> compiled_;
  std::vector<std::string> words_;
  std::size_t at_ = 0;
  YAML::Node condition_;
};

} // namespace

std::optional<json_condition> json_condition::parse(const std::string& file, const YAML::Node& detection,
                                                    const std::string& code, diagnostics& found) {
  auto root = condition_compiler(file, code, found).compile(detection);
  if (!root)
    return std::nullopt;
  return json_condition(std::move(root));
}

bool json_condition::matches(const json& document) const {
  return holds(*root_, document);
}

std::vector<std::string> json_condition::fields() const {
  std::vector<std::string> out;
  collect_fields(*root_, out);
  return out;
}

} // namespace soc
