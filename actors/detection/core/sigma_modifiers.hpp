// detection/core/sigma_modifiers.hpp - the modifiers of a detection item ("|contains|all", "|base64offset|contains",
// "|re|i"): how they change its values. Pure; wrong use is reported with its place.
#pragma once
#include "base/yaml_text.hpp"
#include "detection/core/sigma_rule.hpp"

#include <map>

namespace soc::detection {

/// Values for |expand: "%known_dcs%" → the list under "known_dcs".
using placeholder_values = std::map<std::string, std::vector<std::string>>;

struct item_context {
  const std::string& file;
  const placeholder_values& placeholders;
  diagnostics& found;
};

/// Reads one `key: values` entry of a search identifier. Nothing, and an error reported, when it can't be evaluated.
std::shared_ptr<const detection_item> read_detection_item(const YAML::Node& key, const YAML::Node& values,
                                                          const item_context& context);
/// A keyword list entry.
std::shared_ptr<const detection_item> read_keywords(const YAML::Node& values, bool all, const item_context& context);

} // namespace soc::detection
