#include "response/core/resource.hpp"

#include "base/yaml_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace soc::response {

using nlohmann::json;

namespace {

bool is_reference(const std::string& text) {
  return text.starts_with("env:") || text.starts_with("file:") || text.starts_with("secret:");
}

void read_credentials(resource_instance& out, const std::string& file, const YAML::Node& node, diagnostics& found) {
  if (!node.IsDefined())
    return;
  if (!node.IsMap()) {
    found.error("RES003", place_of(file, node), "credentials must be a map of names to references");
    return;
  }
  for (const auto& item : node) {
    // The text is not repeated: it may be a secret that somebody pasted.
    if (!item.second.IsScalar() || !is_reference(item.second.Scalar()))
      found.error("RES004", place_of(file, item.second),
                  fmt::format("credential '{}' must be a reference, not the secret itself", item.first.Scalar()),
                  "write env:NAME, file:/path or secret:NAME");
    else
      out.credentials.emplace(item.first.Scalar(), item.second.Scalar());
  }
}

resource_instance read_instance(const std::string& file, const YAML::Node& node, const catalogue& known,
                                diagnostics& found) {
  resource_instance out;
  yaml_map_reader r(file, node, "instance", "RES002", found);
  out.name = r.required_text("name");
  out.component = r.required_text("component");
  out.tenant = r.text("tenant").value_or(out.tenant);
  out.endpoint = r.text("endpoint").value_or("");
  out.tags = r.texts("tags");
  out.accounts = r.texts("accounts");
  out.regions = r.texts("regions");
  out.enabled = r.boolean("enabled").value_or(true);
  read_credentials(out, file, r.get("credentials"), found);
  if (const auto settings = r.get("settings"); settings.IsDefined())
    out.settings = yaml_to_json(settings);
  r.reject_unknown();
  const auto component = known.components.find(out.component);
  if (component == known.components.end() && r.is_map()) {
    std::vector<std::string> names;
    for (const auto& [name, c] : known.components)
      names.push_back(name);
    const auto near = did_you_mean(out.component, names);
    found.error("RES005", r.place("component"), fmt::format("there is no component '{}'", out.component),
                near.empty() ? std::string{} : fmt::format("did you mean '{}'?", near));
  } else if (component != known.components.end() && component->second->driver == "http" &&
             !out.endpoint.starts_with("http://") && !out.endpoint.starts_with("https://")) {
    found.error("RES006", r.place("endpoint"), fmt::format("instance '{}' needs an http(s) endpoint", out.name));
  }
  return out;
}

bool one_of(const std::vector<std::string>& wanted, const std::string& has) {
  return wanted.empty() || std::find(wanted.begin(), wanted.end(), has) != wanted.end();
}

bool any_of(const std::vector<std::string>& wanted, const std::vector<std::string>& has) {
  return wanted.empty() || std::any_of(has.begin(), has.end(), [&](const auto& h) { return one_of(wanted, h); });
}

bool all_of(const std::vector<std::string>& wanted, const std::vector<std::string>& has) {
  return std::all_of(wanted.begin(), wanted.end(),
                     [&](const auto& w) { return std::find(has.begin(), has.end(), w) != has.end(); });
}

std::vector<std::string> texts_from(const json& given, const char* one, const char* many) {
  std::vector<std::string> out;
  for (const char* key : {one, many}) {
    const auto at = given.find(key);
    if (at == given.end())
      continue;
    if (at->is_string())
      out.push_back(at->get<std::string>());
    else if (at->is_array())
      for (const auto& item : *at)
        if (item.is_string())
          out.push_back(item.get<std::string>());
  }
  return out;
}

} // namespace

std::vector<resource_instance> load_resources(const std::string& file, const std::string& text, const catalogue& known,
                                              diagnostics& found) {
  std::vector<resource_instance> out;
  const auto yaml = parse_yaml(file, text, "RES001", found);
  std::set<std::string> names;
  for (const auto& document : yaml.documents) {
    if (document.IsNull())
      continue;
    yaml_map_reader r(file, document, "resources", "RES002", found);
    const auto instances = r.get("instances");
    r.reject_unknown();
    if (!instances.IsDefined() || !instances.IsSequence())
      continue;
    for (const auto& node : instances) {
      const auto before = found.errors();
      auto instance = read_instance(file, node, known, found);
      if (found.errors() == before && !names.insert(instance.name).second)
        found.error("RES007", place_of(file, node), fmt::format("instance '{}' is there twice", instance.name));
      if (found.errors() == before)
        out.push_back(std::move(instance));
    }
  }
  return out;
}

instance_selection read_selection(const std::string& file, const YAML::Node& node, const std::string& code,
                                  diagnostics& found) {
  if (!node.IsDefined())
    return {};
  yaml_map_reader r(file, node, "'on'", code, found);
  for (const auto* key : {"instance", "instances", "component", "components", "kind", "kinds", "tag", "tags", "account",
                          "accounts", "region", "regions"})
    r.texts(key);
  r.reject_unknown();
  return selection_from(yaml_to_json(node));
}

instance_selection selection_from(const json& given) {
  if (!given.is_object())
    return {};
  return {texts_from(given, "instance", "instances"), texts_from(given, "component", "components"),
          texts_from(given, "kind", "kinds"),         texts_from(given, "tag", "tags"),
          texts_from(given, "account", "accounts"),   texts_from(given, "region", "regions")};
}

std::vector<const resource_instance*> select_instances(const std::vector<resource_instance>& all,
                                                       const catalogue& known, const std::string& tenant,
                                                       const std::string& action, const instance_selection& where) {
  std::vector<const resource_instance*> out;
  for (const auto& instance : all) {
    const auto component = known.components.find(instance.component);
    if (!instance.enabled || instance.tenant != tenant || component == known.components.end() ||
        !component->second->actions.contains(action))
      continue;
    if (one_of(where.names, instance.name) && one_of(where.components, instance.component) &&
        one_of(where.kinds, component->second->kind) && all_of(where.tags, instance.tags) &&
        any_of(where.accounts, instance.accounts) && any_of(where.regions, instance.regions))
      out.push_back(&instance);
  }
  std::sort(out.begin(), out.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
  return out;
}

} // namespace soc::response
