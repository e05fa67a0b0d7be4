#include "connectors/sources/http/json_values.hpp"

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

} // namespace soc::sources
