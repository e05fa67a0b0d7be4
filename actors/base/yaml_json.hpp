// base/yaml_json.hpp - a YAML node as JSON: plain scalars become numbers, booleans and null by YAML 1.2's core schema,
// quoted ones stay text. Pure.
#pragma once
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

namespace soc {

/// Undefined and empty nodes become null. Aliases have been limited by parse_yaml.
nlohmann::json yaml_to_json(const YAML::Node& node);

} // namespace soc
