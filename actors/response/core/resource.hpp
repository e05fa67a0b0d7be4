// response/core/resource.hpp - resource instances: the particular firewall, account or endpoint an action goes to
// (config/resources/*.yaml). Credentials are references (env:NAME, file:PATH), never values. Loaded once, shared
// read-only. Pure.
#pragma once
#include "response/core/component.hpp"

namespace soc::response {

struct resource_instance {
  std::string name, component, tenant = "default";
  std::string endpoint;                           ///< of an HTTP component: "https://fw.example:8443"
  std::map<std::string, std::string> credentials; ///< name -> reference
  std::vector<std::string> tags, accounts, regions;
  nlohmann::json settings = nlohmann::json::object(); ///< for the driver: {"table": "soc", "namespace": "fw"}
  bool enabled = true;
};

/// Where an action is to go. Empty lists ask for nothing; all that are given must hold.
struct instance_selection {
  std::vector<std::string> names, components, kinds, tags, accounts,
      regions; ///< tags: all of them; others: one of them
};

/// Reads `instances:` of one file. Errors are RES001…; a bad instance is left out.
std::vector<resource_instance> load_resources(const std::string& file, const std::string& text, const catalogue& known,
                                              diagnostics& found);

/// Reads a selection written as a map ({tags: [edge], component: nftables}).
instance_selection read_selection(const std::string& file, const YAML::Node& node, const std::string& code,
                                  diagnostics& found);
instance_selection selection_from(const nlohmann::json& given);

/// Enabled instances of `tenant` whose component has `action` and that `where` selects, by name.
std::vector<const resource_instance*> select_instances(const std::vector<resource_instance>& all,
                                                       const catalogue& known, const std::string& tenant,
                                                       const std::string& action, const instance_selection& where);

} // namespace soc::response
