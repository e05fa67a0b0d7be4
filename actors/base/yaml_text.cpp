#include "base/yaml_text.hpp"

#include "base/whole_file.hpp"
#include "base/yaml_progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>

namespace soc {

namespace {

constexpr std::size_t max_depth = 100;

/// Nodes counted as a reader would meet them, so that aliases of aliases are seen for what they cost, and one that lies
/// within itself has no end. Readers walk the tree as deep as it is.
bool within_budget(const YAML::Node& node, std::size_t& left, std::size_t depth = 0) {
  if (left == 0 || depth > max_depth)
    return false;
  --left;
  if (node.IsSequence() || node.IsMap())
    for (const auto& item : node) {
      const bool fits = node.IsMap()
                            ? within_budget(item.first, left, depth + 1) && within_budget(item.second, left, depth + 1)
                            : within_budget(item, left, depth + 1);
      if (!fits)
        return false;
    }
  return true;
}

} // namespace

yaml_text parse_yaml(std::string file, std::string text, const std::string& code, diagnostics& found,
                     std::size_t max_nodes) {
  yaml_text out{std::move(file), std::move(text), {}};
  if (const auto stop = where_yaml_stays(out.text)) {
    found.error(code, {out.file, stop->line + 1, stop->column + 1}, "not valid YAML: nothing can begin with this here",
                "a list in one line is written [a, b]");
    return out;
  }
  try {
    out.documents = YAML::LoadAll(out.text);
  } catch (const YAML::Exception& e) {
    found.error(code, {out.file, e.mark.line + 1, e.mark.column + 1}, "not valid YAML: " + e.msg,
                "check indentation and quoting at this place");
    out.documents.clear();
    return out;
  }
  std::size_t left = max_nodes;
  for (const auto& document : out.documents)
    if (!within_budget(document, left)) {
      found.error(code, {out.file, 0, 0},
                  fmt::format("more than {} nodes after expanding aliases, or nested deeper than {} levels", max_nodes,
                              max_depth),
                  "split the file, or remove nested aliases");
      out.documents.clear();
      break;
    }
  return out;
}

std::optional<std::string> read_text_file(const std::string& path, const std::string& code, diagnostics& found,
                                          std::size_t max_bytes) {
  auto text = read_whole_file(path, max_bytes);
  if (!text) {
    found.error(code, {path, 0, 0}, "can't be read", "check the path and the permissions");
    return std::nullopt;
  }
  if (text->size() > max_bytes) {
    found.error(code, {path, 0, 0}, fmt::format("more than {} bytes", max_bytes), "split the file");
    return std::nullopt;
  }
  return text;
}

source_place place_of(const std::string& file, const YAML::Node& node) {
  if (!node.IsDefined())
    return {file, 0, 0};
  const auto mark = node.Mark();
  return {file, mark.line + 1, mark.column + 1};
}

yaml_map_reader::yaml_map_reader(const std::string& file, YAML::Node map, std::string what, std::string code,
                                 diagnostics& found)
    : file_(file), what_(std::move(what)), code_(std::move(code)), map_(map), found_(found) {
  is_map_ = map_.IsDefined() && map_.IsMap();
  if (!is_map_)
    found_.error(code_, place_of(file_, map_), what_ + " is not a map of keys", "write it as `key: value` lines");
}

source_place yaml_map_reader::place(const std::string& key) const {
  if (!key.empty() && is_map_)
    for (const auto& item : map_)
      if (item.first.IsScalar() && item.first.Scalar() == key)
        return place_of(file_, item.second);
  return place_of(file_, map_);
}

YAML::Node yaml_map_reader::get(const std::string& key) {
  asked_.push_back(key);
  if (!is_map_)
    return YAML::Node(YAML::NodeType::Undefined);
  for (const auto& item : map_)
    if (item.first.IsScalar() && item.first.Scalar() == key)
      return item.second;
  return YAML::Node(YAML::NodeType::Undefined);
}

std::optional<std::string> yaml_map_reader::text(const std::string& key) {
  const auto node = get(key);
  if (!node.IsDefined() || node.IsNull())
    return std::nullopt;
  if (!node.IsScalar()) {
    found_.error(code_, place_of(file_, node), fmt::format("'{}' of {} must be text", key, what_));
    return std::nullopt;
  }
  return node.Scalar();
}

std::string yaml_map_reader::required_text(const std::string& key) {
  auto value = text(key);
  if (!value && is_map_)
    found_.error(code_, place(), fmt::format("{} has no '{}'", what_, key), fmt::format("add `{}:`", key));
  return value.value_or(std::string{});
}

std::optional<std::int64_t> yaml_map_reader::integer(const std::string& key) {
  const auto value = text(key);
  if (!value)
    return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), number);
  if (error != std::errc{} || end != value->data() + value->size()) {
    found_.error(code_, place(key), fmt::format("'{}' of {} must be a whole number, not '{}'", key, what_, *value));
    return std::nullopt;
  }
  return number;
}

std::optional<bool> yaml_map_reader::boolean(const std::string& key) {
  const auto value = text(key);
  if (!value)
    return std::nullopt;
  if (*value == "true" || *value == "yes" || *value == "on")
    return true;
  if (*value == "false" || *value == "no" || *value == "off")
    return false;
  found_.error(code_, place(key), fmt::format("'{}' of {} must be true or false, not '{}'", key, what_, *value));
  return std::nullopt;
}

std::vector<std::string> yaml_map_reader::texts(const std::string& key) {
  const auto node = get(key);
  if (!node.IsDefined() || node.IsNull())
    return {};
  if (node.IsScalar())
    return {node.Scalar()};
  std::vector<std::string> out;
  if (node.IsSequence())
    for (const auto& item : node)
      if (item.IsScalar())
        out.push_back(item.Scalar());
      else
        found_.error(code_, place_of(file_, item), fmt::format("items of '{}' of {} must be text", key, what_));
  else
    found_.error(code_, place_of(file_, node), fmt::format("'{}' of {} must be text or a list", key, what_));
  return out;
}

void yaml_map_reader::reject_unknown() {
  if (!is_map_)
    return;
  for (const auto& item : map_) {
    const std::string key = item.first.IsScalar() ? item.first.Scalar() : "(not a text key)";
    if (std::find(asked_.begin(), asked_.end(), key) != asked_.end())
      continue;
    const auto near = did_you_mean(key, asked_);
    found_.error(code_, place_of(file_, item.first), fmt::format("unknown key '{}' in {}", key, what_),
                 near.empty() ? std::string{} : fmt::format("did you mean '{}'?", near));
  }
}

} // namespace soc
