// node/content.hpp - what people wrote, loaded and checked: mappings, rules, aggregation, playbooks, response rules,
// resources, connector options. One immutable value; `reload` makes another and swaps it. Nothing is used from a load
// with errors.
#pragma once
#include "base/diagnostic.hpp"
#include "base/time.hpp"
#include "connectors/sources/source.hpp"
#include "detection/rule_files.hpp"
#include "graph/core/settings.hpp"
#include "incident/core/scenario.hpp"
#include "ingest/core/normalizer.hpp"
#include "intel/intel_files.hpp"
#include "node/config.hpp"
#include "response/content.hpp"

#include <memory>
#include <string>
#include <vector>

namespace soc::node {

struct planned_connector {
  std::string name;
  std::shared_ptr<const model::connector_context> context;
  sources::source_plan plan;
  std::string fingerprint; ///< of its configuration: a reload starts again only what changed
};

struct content {
  model::dictionary_ptr dictionary;
  std::shared_ptr<const ingest::mapping_set> mappings;
  std::shared_ptr<const detection::program> rules;
  intel::intelligence_ptr intelligence;
  response::content_ptr response;
  graph::settings_ptr aggregation;
  incident::scenario_rules_ptr scenarios;
  std::vector<planned_connector> connectors;
  /// What is wrong with single rules and mappings: those are left out, the others work. A start goes on with them, a
  /// reload does not.
  diagnostics left_out;

  /// "31 mappings, 164 rules, …"
  std::string summary() const;
};
using content_ptr = std::shared_ptr<const content>;

/// Where the indicators of a configuration are.
intel::intel_request intel_request_of(const config& c, unix_ns now);

/// Loads all that `c` names. What a node must not run without (configuration, response, connectors) is in `found`;
/// errors of rules and mappings are in the value's `left_out`. Null when something essential is missing. Field ids of
/// `before` (the dictionary in use, may be null) are kept, so that events decoded with it still fit.
content_ptr load_content(const config& c, diagnostics& found, model::dictionary_ptr before = nullptr);

} // namespace soc::node
