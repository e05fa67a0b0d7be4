#include "connectors/sources/http/json_values.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace soc::sources {

namespace {

bool is_json_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::size_t skip_space(std::string_view text, std::size_t at) {
  while (at < text.size() && is_json_space(text[at]))
    ++at;
  return at;
}

/// One past the closing quote; npos when there is none.
std::size_t string_end(std::string_view text, std::size_t at) {
  for (++at;; ++at) {
    at = text.find_first_of("\"\\", at);
    if (at == std::string_view::npos)
      return at;
    if (text[at] == '"')
      return at + 1;
    ++at;
  }
}

std::size_t container_end(std::string_view text, std::size_t at) {
  std::string closers;
  while (at < text.size()) {
    at = text.find_first_of("\"{}[]", at);
    if (at == std::string_view::npos)
      return 0;
    const char c = text[at];
    if (c == '"') {
      at = string_end(text, at);
      if (at == std::string_view::npos)
        return 0;
      continue;
    }
    ++at;
    if (c == '{' || c == '[') {
      if (closers.size() >= max_json_depth)
        return 0;
      closers.push_back(c == '{' ? '}' : ']');
    } else {
      if (closers.empty() || closers.back() != c)
        return 0;
      closers.pop_back();
      if (closers.empty())
        return at;
    }
  }
  return 0;
}

failure unclosed(std::size_t at) {
  return {ec::invalid_input, "no whole JSON value at byte " + std::to_string(at)};
}

outcome array_elements(std::string_view array, std::size_t base, std::vector<std::string_view>& values) {
  auto at = skip_space(array, 1);
  if (at < array.size() && array[at] == ']')
    return done{};
  for (;;) {
    const auto begin = skip_space(array, at);
    const auto end = json_value_end(array, begin);
    if (end == 0)
      return unclosed(base + begin);
    values.push_back(array.substr(begin, end - begin));
    at = skip_space(array, end);
    if (at >= array.size() || (array[at] != ',' && array[at] != ']'))
      return unclosed(base + at);
    if (array[at] == ']')
      return done{};
    ++at;
  }
}

} // namespace

std::size_t json_value_end(std::string_view text, std::size_t at) {
  at = skip_space(text, at);
  if (at >= text.size())
    return 0;
  if (text[at] == '{' || text[at] == '[')
    return container_end(text, at);
  if (text[at] == '"') {
    const auto end = string_end(text, at);
    return end == std::string_view::npos ? 0 : end;
  }
  const auto end = text.find_first_of(" \t\r\n,]}{[\"", at);
  return end == std::string_view::npos ? text.size() : end == at ? 0 : end;
}

outcome json_values(std::string_view text, std::vector<std::string_view>& values) {
  for (auto at = skip_space(text, 0); at < text.size(); at = skip_space(text, at)) {
    const auto end = json_value_end(text, at);
    if (end == 0)
      return unclosed(at);
    const auto value = text.substr(at, end - at);
    if (value.front() != '[')
      values.push_back(value);
    else if (const auto elements = array_elements(value, at, values); !elements)
      return elements;
    at = end;
  }
  return done{};
}

std::string_view json_member(std::string_view object, std::string_view name) {
  std::size_t at = object.find('{') + 1;
  while (at < object.size()) {
    at = object.find_first_not_of(" \t\r\n,", at);
    if (at == std::string_view::npos || object[at] != '"')
      return {};
    const auto key_end = json_value_end(object, at);
    const auto colon = key_end == 0 ? std::string_view::npos : object.find_first_not_of(" \t\r\n", key_end);
    if (colon == std::string_view::npos || object[colon] != ':')
      return {};
    const auto begin = object.find_first_not_of(" \t\r\n", colon + 1);
    const auto end = begin == std::string_view::npos ? 0 : json_value_end(object, begin);
    if (end == 0)
      return {};
    if (object.substr(at + 1, key_end - at - 2) == name)
      return object.substr(begin, end - begin);
    at = end;
  }
  return {};
}

std::string_view json_at(std::string_view value, std::string_view path) {
  if (path.empty())
    return value;
  if (const auto whole = json_member(value, path); !whole.empty())
    return whole;
  for (auto dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.', dot + 1))
    if (const auto inner = json_member(value, path.substr(0, dot)); !inner.empty())
      if (const auto found = json_at(inner, path.substr(dot + 1)); !found.empty())
        return found;
  return {};
}

std::string json_text(std::string_view json) {
  if (json.empty() || json.front() != '"')
    return std::string(json);
  const auto parsed = nlohmann::json::parse(json, nullptr, false);
  // A string that is no JSON (a broken escape, bytes that are no UTF-8) is kept without its quotes.
  return parsed.is_string() ? parsed.get<std::string>() : std::string(json.substr(1, json.size() - 2));
}

} // namespace soc::sources
