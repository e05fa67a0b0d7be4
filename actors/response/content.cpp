#include "response/content.hpp"

#include "playbook/core/library.hpp"
#include "response/publishing.hpp"
#include "response/rule_inputs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <ifaddrs.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

namespace soc::response {

namespace fs = std::filesystem;

namespace {

/// Files of `folder` in order of their names; `name` empty: *.yaml directly in it, else <sub-folder>/<name>.
std::vector<std::string> yaml_files(const std::string& folder, const std::string& name, diagnostics& found) {
  std::vector<std::string> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const auto file = name.empty() ? entry.path() : entry.path() / name;
    const auto extension = file.extension();
    if ((extension == ".yaml" || extension == ".yml") && fs::is_regular_file(file, error))
      out.push_back(file.string());
  }
  if (error)
    found.error("RSP020", {folder, 0, 0}, "the folder can't be read: " + error.message());
  std::sort(out.begin(), out.end());
  return out;
}

template <class Use>
void each_file(const std::string& folder, const std::string& name, const std::string& code, diagnostics& found,
               Use use) {
  for (const auto& file : yaml_files(folder, name, found))
    if (auto text = read_text_file(file, code, found))
      use(file, std::move(*text));
}

std::string host_of_endpoint(const std::string& endpoint) {
  auto at = endpoint.find("://");
  if (at == std::string::npos)
    return {};
  auto host = endpoint.substr(at + 3);
  host = host.substr(0, host.find_first_of("/?#"));
  if (host.starts_with('['))
    return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.find(':'));
}

/// What we need to stay able to act: blocking it would tie our own hands.
void protect(protected_assets& assets, const std::string& address, const std::string& why) {
  if (const auto range = parse_network(address))
    assets.add_network(*range, why);
  else if (!address.empty())
    assets.add_host(address, why);
}

} // namespace

const resource_instance* content::instance(const std::string& name) const {
  const auto at = std::find_if(instances.begin(), instances.end(), [&](const auto& i) { return i.name == name; });
  return at == instances.end() ? nullptr : &*at;
}

catalogue load_catalogue(const std::string& folder, diagnostics& found) {
  catalogue out;
  each_file(folder, "component.yaml", "CMP001", found, [&](const std::string& file, std::string text) {
    if (auto c = load_component(file, text, found))
      if (const auto [at, fresh] = out.components.emplace(c->name, c); !fresh)
        found.error("CMP011", {file, 0, 0}, fmt::format("component '{}' is there twice", c->name));
  });
  return out;
}

playbook::library load_playbooks(const std::string& folder, const catalogue& known, diagnostics& found) {
  std::vector<playbook::playbook_source> sources;
  for (const auto& file : yaml_files(folder, "playbook.yaml", found))
    if (auto text = text_to_run(file, found))
      sources.push_back({file, std::move(*text)});
  return playbook::load_library(sources, actions_of(known), found);
}

playbook::action_table actions_of(const catalogue& known) {
  playbook::action_table out;
  for (const auto& [name, component] : known.components)
    for (const auto& [action_name, a] : component->actions) {
      playbook::action_facts facts;
      facts.effect = to_string(a.effect);
      facts.target = a.target;
      for (const auto& p : a.parameters)
        facts.parameters.push_back({p.name, std::string(to_string(p.type)), p.required && p.fallback.is_null()});
      out.emplace(action_name, std::move(facts)); // of several components' one: the first by name
    }
  return out;
}

content_ptr load_content(const content_folders& folders, const std::vector<std::string>& platform, diagnostics& found) {
  auto out = std::make_shared<content>();
  out->components = load_catalogue(folders.components, found);
  each_file(folders.resources, "", "RES001", found, [&](const std::string& file, std::string text) {
    auto more = load_resources(file, text, out->components, found);
    for (auto& instance : more)
      if (out->instance(instance.name) != nullptr)
        found.error("RES007", {file, 0, 0}, fmt::format("instance '{}' is there twice", instance.name));
      else
        out->instances.push_back(std::move(instance));
  });
  each_file(folders.response, "", "RSP001", found,
            [&](const std::string& file, std::string text) { load_response_file(file, text, out->config, found); });
  for (const auto& address : platform)
    protect(out->config.gate.assets, address, "the platform's own");
  for (const auto& instance : out->instances)
    protect(out->config.gate.assets, host_of_endpoint(instance.endpoint),
            "endpoint of resource instance " + instance.name);
  std::vector<std::string> names;
  const auto all = load_playbooks(folders.playbooks, out->components, found);
  for (const auto& [name, d] : all) {
    names.push_back(name);
    out->playbooks.emplace(name, playbook::pinned_texts(all, name));
  }
  check_response(out->config, out->components, names, found);
  check_rule_inputs(out->config, all, found);
  return out;
}

std::vector<std::string> own_addresses() {
  std::vector<std::string> out;
  char name[256] = {};
  if (gethostname(name, sizeof name - 1) == 0)
    out.emplace_back(name);
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0)
    return out;
  for (const auto* i = all; i != nullptr; i = i->ifa_next) {
    if (i->ifa_addr == nullptr || (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6))
      continue;
    const auto size = i->ifa_addr->sa_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    char text[NI_MAXHOST] = {};
    if (getnameinfo(i->ifa_addr, static_cast<socklen_t>(size), text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0)
      out.emplace_back(std::string(text).substr(0, std::string(text).find('%')));
  }
  freeifaddrs(all);
  return out;
}

} // namespace soc::response
