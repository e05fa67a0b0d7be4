// ingest/core/input_loader.hpp - the `inputs` of a mapping, compiled: how its records are recognized and decoded. Used
// while loading only.
#pragma once
#include "ingest/core/mapping.hpp"

#include <yaml-cpp/yaml.h>

#include <string>

namespace soc::ingest {

class input_loader {
public:
  input_loader(const std::string& file, model::field_dictionary& names, diagnostics& found)
      : file_(file), names_(names), found_(found) {}
  mapping_input load(const YAML::Node& node);

private:
  void load_detection(const YAML::Node& node, input_detection& detect);
  void load_steps(const YAML::Node& node, mapping_input& input);
  bool load_step(const YAML::Node& node, decode_step& step);
  void load_kv(const YAML::Node& node, decode_step& step);
  void load_csv(const YAML::Node& node, decode_step& step);
  void load_patterns(const YAML::Node& node, decode_step& step);
  void error(const std::string& code, const YAML::Node& node, std::string what, std::string hint = {});
  std::vector<std::string> columns(const YAML::Node& node);

  const std::string& file_;
  model::field_dictionary& names_;
  diagnostics& found_;
};

} // namespace soc::ingest
