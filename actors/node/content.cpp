#include "node/content.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace soc::node {

namespace {

ingest::enrichment_sources enrichment_of(const config& c, diagnostics& found) {
  ingest::enrichment_sources out;
  for (const auto& [from, into] :
       {std::pair{&c.enrichment.geoip, &out.geoip}, std::pair{&c.enrichment.assets, &out.assets},
        std::pair{&c.enrichment.identities, &out.identities}})
    for (const auto& path : *from)
      into->push_back(resolve(c, path));
  for (const auto& network : c.enrichment.networks) {
    const auto range = ingest::address_range::parse(network.cidr);
    if (range)
      out.networks.push_back({*range, network.account, network.uid});
    else
      found.error("CFG004", network.place, fmt::format("'{}' is no network", network.cidr), "10.1.0.0/16");
  }
  return out;
}

ingest::mapping_sources mapping_sources_of(const config& c, diagnostics& found) {
  auto sources = ingest::mapping_sources::below(c.root);
  sources.folders.clear();
  for (const auto& folder : c.content.mappings)
    sources.folders.push_back(resolve(c, folder));
  sources.enrichment = enrichment_of(c, found);
  return sources;
}

detection::rule_sources rule_sources_of(const config& c) {
  detection::rule_sources sources;
  for (const auto& path : c.content.rules)
    sources.rules.push_back(resolve(c, path));
  sources.fields = resolve(c, c.content.fields);
  return sources;
}

/// Every *.yaml of the folder: aggregation rules and scenarios each take their own sections. Without the folder the
/// built-in ones hold.
void load_aggregation(const std::string& folder, content& out, diagnostics& found) {
  out.aggregation = graph::default_settings();
  out.scenarios = incident::default_scenarios();
  std::error_code error;
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.path().extension() == ".yaml")
      paths.push_back(entry.path().string());
  if (paths.empty())
    return;
  std::sort(paths.begin(), paths.end());
  std::vector<graph::settings_file> aggregation;
  std::vector<incident::scenario_file> scenarios;
  for (const auto& path : paths)
    if (auto text = read_text_file(path, "CFG003", found)) {
      aggregation.push_back({path, *text});
      scenarios.push_back({path, *text});
    }
  out.aggregation = std::make_shared<const graph::settings>(graph::load_settings(aggregation, found));
  out.scenarios = std::make_shared<const incident::scenario_rules>(incident::load_scenarios(scenarios, found));
}

void plan_connectors(const config& c, content& out, diagnostics& found) {
  for (const auto& connector : c.connectors) {
    yaml_map_reader reader(c.file, connector.options, fmt::format("connector '{}'", connector.name), "CFG003", found);
    // Read by the configuration already; asked for here so that they are no unknown keys of the kind.
    for (const auto* key : {"name", "kind", "tenant", "vendor", "product", "cloud", "account", "region", "time_zone"})
      reader.get(key);
    auto plan = sources::plan_source(connector.kind, reader, c.root, found);
    reader.reject_unknown();
    if (plan)
      out.connectors.push_back({connector.name, connector.context, *plan, YAML::Dump(connector.options)});
  }
}

} // namespace

intel::intel_request intel_request_of(const config& c, unix_ns now) {
  constexpr unix_ns kept_after_end = 7LL * 24 * 3600 * ns_per_s; // for events that come late
  intel::intel_request out;
  for (const auto& path : c.content.intel)
    out.paths.push_back(resolve(c, path));
  out.fields = resolve(c, c.content.intel_fields);
  out.forget_before = now - kept_after_end;
  return out;
}

std::string content::summary() const {
  return fmt::format("{} mappings, {} rules, {} indicators, {} playbooks, {} resource instances, {} connectors",
                     mappings->mappings().size(), rules->rules().size() + rules->correlations().size(),
                     intelligence->indicators->size(), response->playbooks.size(), response->instances.size(),
                     connectors.size());
}

content_ptr load_content(const config& c, diagnostics& found, model::dictionary_ptr before) {
  auto out = std::make_shared<content>();
  auto names =
      before ? std::make_shared<model::field_dictionary>(*before) : std::make_shared<model::field_dictionary>();
  out->mappings = ingest::mapping_set::load(mapping_sources_of(c, found), *names, out->left_out);
  out->rules = detection::load_rules(rule_sources_of(c), *names, system_clock_source().now(), out->left_out).compiled;
  out->intelligence =
      intel::load_intelligence(intel_request_of(c, system_clock_source().now()), *names, out->left_out).what;
  const response::content_folders folders{resolve(c, c.content.components), resolve(c, c.content.resources),
                                          resolve(c, c.content.response), resolve(c, c.content.playbooks)};
  out->response = response::load_content(folders, response::own_addresses(), found);
  load_aggregation(resolve(c, c.content.aggregation), *out, out->left_out);
  plan_connectors(c, *out, found);
  if (!out->mappings || !out->rules || !out->response) {
    found.append(out->left_out);
    return nullptr;
  }
  out->dictionary = names;
  return out;
}

} // namespace soc::node
