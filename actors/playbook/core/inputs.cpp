#include "playbook/core/inputs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace soc::playbook {

using nlohmann::json;

namespace {

std::optional<json> parsed_json(const std::string& text) {
  auto value = json::parse(text, nullptr, false);
  return value.is_discarded() ? std::nullopt : std::optional(std::move(value));
}

std::optional<json> integer_of(const std::string& text) {
  std::int64_t number = 0;
  const auto* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  return error == std::errc{} && end == last ? std::optional(json(number)) : std::nullopt;
}

std::optional<json> boolean_of(const std::string& text) {
  if (text == "true" || text == "yes")
    return json(true);
  return text == "false" || text == "no" ? std::optional(json(false)) : std::nullopt;
}

json list_of(const std::string& text) {
  if (auto whole = text.starts_with('[') ? parsed_json(text) : std::nullopt; whole && whole->is_array())
    return std::move(*whole);
  json out = json::array();
  for (std::size_t from = 0; from <= text.size();) {
    const auto comma = std::min(text.find(',', from), text.size());
    if (comma > from)
      out.push_back(text.substr(from, comma - from));
    from = comma + 1;
  }
  return out;
}

/// Nothing: the text is no such value.
std::optional<json> value_of(input_type type, const std::string& text) {
  switch (type) {
  case input_type::integer:
    return integer_of(text);
  case input_type::boolean:
    return boolean_of(text);
  case input_type::list:
    return list_of(text);
  case input_type::object:
    return parsed_json(text);
  case input_type::any:
    return parsed_json(text).value_or(json(text));
  default:
    return json(text);
  }
}

failure unknown_input(const definition& d, const std::string& name) {
  std::vector<std::string> known;
  std::string all;
  for (const auto& in : d.inputs) {
    known.push_back(in.name);
    all += (all.empty() ? "" : ", ") + in.name;
  }
  const auto near = did_you_mean(name, known);
  return {ec::invalid_input,
          fmt::format("playbook '{}' has no input '{}'; {}", d.name, name,
                      near.empty() ? "it takes: " + (all.empty() ? "none" : all) : "did you mean '" + near + "'?")};
}

} // namespace

result<json> inputs_of_words(const definition& d, const std::vector<std::string>& words) {
  json out = json::object();
  for (const auto& word : words) {
    const auto equals = word.find('=');
    if (equals == std::string::npos || equals == 0)
      return failure{ec::invalid_input, fmt::format("'{}' is no input: write NAME=VALUE", word)};
    const auto name = word.substr(0, equals);
    const auto declared =
        std::find_if(d.inputs.begin(), d.inputs.end(), [&](const auto& in) { return in.name == name; });
    if (declared == d.inputs.end())
      return unknown_input(d, name);
    auto value = value_of(declared->type, word.substr(equals + 1));
    if (!value)
      return failure{ec::invalid_input, fmt::format("input '{}' of playbook '{}' must be {}, not '{}'", name, d.name,
                                                    to_string(declared->type), word.substr(equals + 1))};
    out[name] = std::move(*value);
  }
  return out;
}

} // namespace soc::playbook
