#include "base/json_template.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace soc {

using nlohmann::json;

namespace {

struct filter_call {
  std::string name;
  std::vector<std::string> arguments;
};

struct reference_text {
  std::string path;
  std::vector<filter_call> filters;
};

struct filter_kind {
  std::string_view name;
  std::size_t arguments;
};
constexpr filter_kind filter_kinds[] = {{"where", 2},  {"pluck", 1}, {"first", 0},  {"last", 0},  {"unique", 0},
                                        {"length", 0}, {"limit", 1}, {"join", 1},   {"lower", 0}, {"upper", 0},
                                        {"text", 0},   {"json", 0},  {"default", 1}};

/// Words and 'quoted words' of a reference, '|' as a word of its own.
result<std::vector<std::string>> template_words(std::string_view text) {
  std::vector<std::string> out;
  std::size_t i = 0;
  while (i < text.size()) {
    if (text[i] == ' ') {
      ++i;
    } else if (text[i] == '|') {
      out.emplace_back("|");
      ++i;
    } else if (text[i] == '\'') {
      const auto end = text.find('\'', i + 1);
      if (end == std::string_view::npos)
        return failure{ec::invalid_input, fmt::format("${{{}}}: a quote is not closed", text)};
      out.push_back("'" + std::string(text.substr(i + 1, end - i - 1)));
      i = end + 1;
    } else {
      const auto end = std::min(text.find_first_of(" |", i), text.size());
      out.emplace_back(text.substr(i, end - i));
      i = end;
    }
  }
  return out;
}

std::string unquoted(const std::string& word) {
  return !word.empty() && word.front() == '\'' ? word.substr(1) : word;
}

result<reference_text> parse_reference(std::string_view text) {
  auto words = template_words(text);
  if (!words)
    return words.error();
  if (words->empty() || words->front() == "|")
    return failure{ec::invalid_input, fmt::format("${{{}}}: no path", text)};
  reference_text out{words->front(), {}};
  std::size_t i = 1;
  while (i < words->size()) {
    if ((*words)[i] != "|" || i + 1 == words->size())
      return failure{ec::invalid_input, fmt::format("${{{}}}: '|' and a filter expected", text)};
    filter_call call{(*words)[i + 1], {}};
    for (i += 2; i < words->size() && (*words)[i] != "|"; ++i)
      call.arguments.push_back(unquoted((*words)[i]));
    const auto* kind = std::find_if(std::begin(filter_kinds), std::end(filter_kinds),
                                    [&](const auto& k) { return k.name == call.name; });
    if (kind == std::end(filter_kinds))
      return failure{ec::invalid_input, fmt::format("${{{}}}: no filter is called '{}'", text, call.name)};
    if (kind->arguments != call.arguments.size())
      return failure{ec::invalid_input, fmt::format("${{{}}}: '{}' takes {} argument(s), not {}", text, call.name,
                                                    kind->arguments, call.arguments.size())};
    out.filters.push_back(std::move(call));
  }
  return out;
}

json filtered_list(const json& list, const filter_call& f) {
  json out = json::array();
  for (const auto& item : list) {
    if (f.name == "where") {
      const auto* at = find_path(item, f.arguments[0]);
      if (at != nullptr && json_to_text(*at) == f.arguments[1])
        out.push_back(item);
    } else if (f.name == "pluck") {
      const auto* at = find_path(item, f.arguments[0]);
      if (at != nullptr && !at->is_null())
        out.push_back(*at);
    } else if (std::find(out.begin(), out.end(), item) == out.end()) { // unique
      out.push_back(item);
    }
  }
  return out;
}

result<json> limited(const json& list, const std::string& count) {
  std::size_t most = 0;
  const auto [end, error] = std::from_chars(count.data(), count.data() + count.size(), most);
  if (error != std::errc{} || end != count.data() + count.size())
    return failure{ec::invalid_input, fmt::format("limit needs a whole number, not '{}'", count)};
  json out = json::array();
  for (std::size_t i = 0; i < std::min(most, list.size()); ++i)
    out.push_back(list[i]);
  return out;
}

std::string with_case(std::string text, bool upper) {
  for (auto& c : text)
    if (upper ? (c >= 'a' && c <= 'z') : (c >= 'A' && c <= 'Z'))
      c = static_cast<char>(c ^ 0x20);
  return text;
}

result<json> apply_list_filter(const json& value, const filter_call& f) {
  if (!value.is_array())
    return failure{ec::invalid_input, fmt::format("filter '{}' needs a list, not {}", f.name, value.type_name())};
  if (f.name == "first")
    return value.empty() ? json() : value.front();
  if (f.name == "last")
    return value.empty() ? json() : value.back();
  if (f.name == "limit")
    return limited(value, f.arguments[0]);
  if (f.name == "join") {
    std::string text;
    for (std::size_t i = 0; i < value.size(); ++i)
      text += (i == 0 ? "" : f.arguments[0]) + json_to_text(value[i]);
    return json(text);
  }
  return filtered_list(value, f);
}

result<json> apply_filter(json value, const filter_call& f) {
  if (f.name == "default")
    return value.is_null() ? json(f.arguments[0]) : value;
  if (f.name == "length")
    return json(value.is_string() ? value.get_ref<const std::string&>().size() : value.size());
  if (f.name == "text")
    return json(json_to_text(value));
  if (f.name == "json")
    return json(value.dump(-1, ' ', false, json::error_handler_t::replace));
  if (f.name == "lower" || f.name == "upper")
    return json(with_case(json_to_text(value), f.name == "upper"));
  return apply_list_filter(value, f);
}

result<json> evaluate(std::string_view text, const json& scope) {
  auto parsed = parse_reference(text);
  if (!parsed)
    return parsed.error();
  const bool optional =
      std::any_of(parsed->filters.begin(), parsed->filters.end(), [](const auto& f) { return f.name == "default"; });
  const auto* at = find_path(scope, parsed->path);
  if (at == nullptr && !optional)
    return failure{ec::not_found, fmt::format("${{{}}}: there is no '{}' here", text, parsed->path)};
  json value = at == nullptr ? json() : *at;
  for (const auto& f : parsed->filters) {
    if (value.is_null() && f.name != "default" && optional)
      continue;
    auto next = apply_filter(std::move(value), f);
    if (!next)
      return failure{next.error().code, fmt::format("${{{}}}: {}", text, next.error().what)};
    value = std::move(next).take();
  }
  return value;
}

/// Calls `on_text(literal)` and `on_reference(inside)` over a string; false where "${" is not closed.
template <class Text, class Reference>
bool walk_template(std::string_view s, Text on_text, Reference on_reference) {
  std::size_t i = 0;
  while (i < s.size()) {
    const auto at = s.find("${", i);
    if (at == std::string_view::npos) {
      on_text(s.substr(i));
      return true;
    }
    if (at > i && s[at - 1] == '$') { // "$${" is a literal "${"
      on_text(s.substr(i, at - 1 - i));
      on_text("${");
      i = at + 2;
      continue;
    }
    on_text(s.substr(i, at - i));
    const auto end = s.find('}', at);
    if (end == std::string_view::npos)
      return false;
    on_reference(s.substr(at + 2, end - at - 2));
    i = end + 1;
  }
  return true;
}

result<json> expand_text(const std::string& s, const json& scope) {
  std::string text;
  std::optional<json> only;
  std::optional<failure> wrong;
  std::size_t references = 0;
  const bool closed = walk_template(
      s, [&](std::string_view literal) { text += literal; },
      [&](std::string_view inside) {
        auto value = evaluate(inside, scope);
        if (!value) {
          wrong = wrong ? wrong : value.error();
          return;
        }
        text += json_to_text(*value);
        ++references;
        if (inside.size() + 3 == s.size())
          only = std::move(value).take();
      });
  if (!closed)
    return failure{ec::invalid_input, fmt::format("'{}': '${{' is not closed", s)};
  if (wrong)
    return *wrong;
  if (only && references == 1)
    return *only;
  return json(std::move(text));
}

result<json> expand_within(const json& pattern, const json& scope, const part_maker& instead, std::size_t& budget) {
  if (instead)
    if (auto made = instead(pattern))
      return std::move(*made);
  if (pattern.is_string()) {
    auto out = expand_text(pattern.get_ref<const std::string&>(), scope);
    if (!out)
      return out;
    const std::size_t size = out->is_string() ? out->get_ref<const std::string&>().size()
                                              : out->dump(-1, ' ', false, json::error_handler_t::replace).size();
    if (size > budget)
      return failure{ec::too_large, fmt::format("the expanded value is over {} bytes", max_expanded_bytes)};
    budget -= size;
    return out;
  }
  if (!pattern.is_structured())
    return pattern;
  json out = pattern.is_array() ? json::array() : json::object();
  for (const auto& item : pattern.items()) {
    auto value = expand_within(item.value(), scope, instead, budget);
    if (!value)
      return value;
    if (pattern.is_array())
      out.push_back(std::move(value).take());
    else
      out[item.key()] = std::move(value).take();
  }
  return out;
}

} // namespace

const json* find_path(const json& scope, std::string_view path) {
  const json* at = &scope;
  while (!path.empty()) {
    if (path.front() == '[') {
      const auto end = path.find(']');
      std::size_t index = 0;
      if (end == std::string_view::npos)
        return nullptr;
      const auto [stop, error] = std::from_chars(path.data() + 1, path.data() + end, index);
      if (error != std::errc{} || stop != path.data() + end || !at->is_array() || index >= at->size())
        return nullptr;
      at = &(*at)[index];
      path.remove_prefix(end + 1);
    } else {
      const auto end = std::min(path.find_first_of(".["), path.size());
      if (!at->is_object())
        return nullptr;
      const auto found = at->find(std::string(path.substr(0, end)));
      if (found == at->end())
        return nullptr;
      at = &*found;
      path.remove_prefix(end);
    }
    if (!path.empty() && path.front() == '.')
      path.remove_prefix(1);
  }
  return at;
}

std::string json_to_text(const json& value) {
  if (value.is_string())
    return value.get<std::string>();
  if (value.is_null())
    return {};
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

result<json> expand(const json& pattern, const json& scope, const part_maker& instead) {
  std::size_t budget = max_expanded_bytes;
  return expand_within(pattern, scope, instead, budget);
}

result<std::vector<template_reference>> references(const json& pattern) {
  std::vector<template_reference> out;
  std::optional<failure> wrong;
  const auto visit = [&](const json& text, auto&& self) -> void {
    if (text.is_structured())
      for (const auto& item : text)
        self(item, self);
    if (!text.is_string())
      return;
    const auto& s = text.get_ref<const std::string&>();
    const bool closed = walk_template(
        s, [](std::string_view) {},
        [&](std::string_view inside) {
          auto parsed = parse_reference(inside);
          if (!parsed) {
            wrong = wrong ? wrong : parsed.error();
            return;
          }
          const bool optional = std::any_of(parsed->filters.begin(), parsed->filters.end(),
                                            [](const auto& f) { return f.name == "default"; });
          out.push_back({parsed->path, optional});
        });
    if (!closed && !wrong)
      wrong = failure{ec::invalid_input, fmt::format("'{}': '${{' is not closed", s)};
  };
  visit(pattern, visit);
  if (wrong)
    return *wrong;
  return out;
}

} // namespace soc
