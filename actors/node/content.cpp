#include "node/content.hpp"

#include <fmt/format.h>

namespace soc::node {

namespace {

ingest::mapping_sources mapping_sources_of(const config& c) {
  auto sources = ingest::mapping_sources::below(c.root);
  sources.folders.clear();
  for (const auto& folder : c.content.mappings)
    sources.folders.push_back(resolve(c, folder));
  return sources;
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

std::string content::summary() const {
  return fmt::format("{} mappings, {} connectors", mappings ? mappings->mappings().size() : 0, connectors.size());
}

content_ptr load_content(const config& c, diagnostics& found) {
  auto out = std::make_shared<content>();
  auto names = std::make_shared<model::field_dictionary>();
  out->mappings = ingest::mapping_set::load(mapping_sources_of(c), *names, found);
  if (!out->mappings)
    return nullptr;
  out->dictionary = names;
  plan_connectors(c, *out, found);
  return out;
}

} // namespace soc::node
