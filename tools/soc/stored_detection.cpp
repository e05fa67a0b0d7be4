#include "tools/soc/stored_detection.hpp"

#include "ingest/core/normalizer.hpp"
#include "node/config.hpp"
#include "node/event_conditions.hpp"
#include "tools/soc/data_root.hpp"
#include "tools/soc/event_findings.hpp"
#include "tools/soc/mapping_support.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>

namespace soc::cli {

result<lake::event_query> stored_range::question() const {
  lake::event_query out;
  out.tenant = tenant;
  for (const auto& text : entities)
    out.entities.push_back(lake::entity_query::of(text));
  for (const auto* text : {&from, &to}) {
    const auto time = text->empty() ? std::optional<unix_ns>() : parse_rfc3339(*text);
    if (!text->empty() && !time)
      return failure{ec::invalid_input, fmt::format("'{}' is no time; write 2026-11-24T08:00:00Z", *text)};
    if (time)
      (text == &from ? out.from : out.to) = *time;
  }
  if (!last.empty()) {
    const auto span = detection::parse_timespan(last);
    if (span == 0)
      return failure{ec::invalid_input, fmt::format("--last '{}' is no span of time; write 30m, 24h or 7d", last)};
    out.from = system_clock_source().now() - span;
  }
  return out;
}

std::vector<CLI::Option*> stored_range::add_to(CLI::App& command) {
  return {command.add_option("--entity", entities, "TYPE:VALUE or any text, several: each must be in the event"),
          command.add_option("--from", from, "event time, RFC 3339"),
          command.add_option("--to", to, "event time, RFC 3339, exclusive"),
          command.add_option("--last", last, "30m, 24h, 7d"),
          command.add_option("--tenant", tenant, "only of this tenant")};
}

std::optional<stored_alerts> detect_stored(const std::string& directory, const detection::rule_sources& rules,
                                           const lake::event_query& asked) {
  auto store = lake::catalog::look(directory);
  if (!store) {
    std::cerr << "no event store: " << store.error().what << '\n';
    return std::nullopt;
  }
  auto names = std::make_shared<model::field_dictionary>();
  diagnostics of_mappings; // `soc mapping` reports them
  diagnostics found;
  const auto mappings = ingest::mapping_set::load(ingest::mapping_sources::below(data_root()), *names, of_mappings);
  const auto loaded = detection::load_rules(rules, *names, system_clock_source().now(), found);
  print_diagnostics(found);
  if (!mappings || loaded.loaded == 0)
    return std::nullopt;
  stored_alerts out;
  out.rules = loaded.loaded;
  event_findings detection({loaded.compiled, names, nullptr, false});
  out.read = lake::export_events(**store, asked, {}, node::reading_with(mappings, names),
                                 [&](const lake::restored_batch& found) {
                                   if (!found.known) // their log types live no longer than the batch
                                     detection.forget_types();
                                   detection.take(*found.batch);
                                   if (!found.known)
                                     detection.forget_types();
                                   return true;
                                 });
  out.alerts = detection.finish();
  for (const auto& problem : (*store)->repaired())
    std::cerr << problem << '\n';
  for (const auto& problem : out.read.problems)
    std::cerr << problem << '\n';
  return out;
}

result<std::string> store_directory(const std::string& directory, const std::string& config) {
  namespace fs = std::filesystem;
  if (!directory.empty())
    return fs::is_directory(directory + "/events") ? directory + "/events" : directory;
  const std::string usual = "config/soc.yaml";
  const auto file = config.empty() && fs::exists(usual) ? usual : config;
  if (file.empty())
    return std::string("run/data/events");
  diagnostics found;
  const auto read = node::load_config(file, "localhost", found);
  if (found.errors() > 0)
    return failure{ec::invalid_input, fmt::format("{} has errors; see soc config check {}", file, file)};
  return read.event_store.directory;
}

} // namespace soc::cli
