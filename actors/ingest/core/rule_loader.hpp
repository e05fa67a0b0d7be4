// ingest/core/rule_loader.hpp - the `fields` and `ecs` of a mapping, compiled to rules. Used while loading only.
#pragma once
#include "base/diagnostic.hpp"
#include "ingest/core/mapping_rule.hpp"

#include <yaml-cpp/yaml.h>

#include <string>
#include <vector>

namespace soc::ingest {

class rule_loader {
public:
  rule_loader(const std::string& file, const ocsf_schema& schema, const ocsf_object* root,
              model::field_dictionary& names, diagnostics& found)
      : file_(file), schema_(schema), root_(root), names_(names), found_(found) {}

  /// Adds the rules of a map to `rules`; a later rule replaces an earlier one of the same path, null removes it.
  void add(const YAML::Node& map, std::vector<mapping_rule>& rules, std::vector<std::string>* removed = nullptr);
  /// The same for a shared group: what the class has no attribute for is passed over. `under` goes before each path.
  void add_group(const YAML::Node& map, const std::string& under, std::vector<mapping_rule>& rules);

private:
  void add_rule(const std::string& path, const YAML::Node& node, std::vector<mapping_rule>& rules);
  void add_each(const std::string& path, const YAML::Node& node, std::vector<mapping_rule>& rules);
  bool bind_target(const std::string& path, const YAML::Node& node, rule_op op, mapping_rule& rule);
  bool read_recipe(const YAML::Node& node, const mapping_rule& rule, value_recipe& recipe);
  void read_sources(const YAML::Node& node, value_recipe& recipe);
  void read_sum(const YAML::Node& node, value_recipe& recipe);
  void remove(const std::string& path, const YAML::Node& node, std::vector<mapping_rule>& rules);
  void read_map(const YAML::Node& node, const mapping_rule& rule, value_recipe& recipe);
  void read_time(const YAML::Node& node, value_recipe& recipe);
  void read_pick(const YAML::Node& node, value_recipe& recipe);
  void read_format(const std::string& text, const YAML::Node& node, value_recipe& recipe);
  constant read_constant(const YAML::Node& node, const mapping_rule& rule);
  field_source source(std::string text);
  void error(const std::string& code, const YAML::Node& node, std::string what, std::string hint = {});

  const std::string& file_;
  const ocsf_schema& schema_;
  const ocsf_object* root_; ///< null: ECS names
  model::field_dictionary& names_;
  diagnostics& found_;
  std::string element_prefix_; ///< "resources[0]." inside each
};

/// Compiles RE2 with the limits of mappings; null and an error when it is none.
std::shared_ptr<const text_pattern> compile_pattern(const std::string& text, const std::string& file,
                                                    const YAML::Node& node, diagnostics& found);

} // namespace soc::ingest
