#include "base/yaml_json.hpp"

#include <charconv>

namespace soc {

using nlohmann::json;

namespace {

json plain_scalar(const std::string& text) {
  if (text == "null" || text == "~" || text.empty())
    return {};
  if (text == "true" || text == "false")
    return text == "true";
  const char* last = text.data() + text.size();
  std::int64_t whole = 0;
  if (const auto [end, error] = std::from_chars(text.data(), last, whole); error == std::errc{} && end == last)
    return whole;
  double real = 0;
  if (const auto [end, error] = std::from_chars(text.data(), last, real, std::chars_format::fixed);
      error == std::errc{} && end == last && text.find_first_of("0123456789") != std::string::npos)
    return real;
  return text;
}

} // namespace

json yaml_to_json(const YAML::Node& node) {
  if (!node.IsDefined() || node.IsNull())
    return {};
  if (node.IsScalar())
    return node.Tag() == "!" ? json(node.Scalar()) : plain_scalar(node.Scalar());
  json out = node.IsSequence() ? json::array() : json::object();
  for (const auto& item : node)
    if (node.IsSequence())
      out.push_back(yaml_to_json(item));
    else
      out[item.first.Scalar()] = yaml_to_json(item.second);
  return out;
}

} // namespace soc
