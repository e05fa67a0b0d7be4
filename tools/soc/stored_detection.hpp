// tools/soc/stored_detection.hpp - rules over stored events: what a node would have raised of them, correlations too,
// in order of time. Shared by `soc lake detect` and `soc rules backtest`; memory grows with the matches, not with the
// events.
#pragma once
#include "detection/rule_files.hpp"
#include "lake/event_export.hpp"
#include "model/alert.hpp"

#include <optional>

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace soc::cli {

/// Which events: the options of all commands over a store.
struct stored_range {
  std::string tenant, from, to, last;
  std::vector<std::string> entities;

  /// Fails with invalid_input, saying what is wrong.
  result<lake::event_query> question() const;
  /// The options that it is given by.
  std::vector<CLI::Option*> add_to(CLI::App& command);
};

struct stored_alerts {
  std::vector<model::alert_ptr> alerts; ///< in order of time; the same alert of an event stored twice is there once
  std::size_t rules = 0;                ///< that were loaded
  lake::export_counts read;
};

/// Nothing, with the reason on stderr, when there is no store or no rule.
std::optional<stored_alerts> detect_stored(const std::string& directory, const detection::rule_sources& rules,
                                           const lake::event_query& asked);

/// Where the events are that `directory` (a store itself, or a node's data directory) names; when it is empty those of
/// the node that `config` describes, else of config/soc.yaml, else of run/data.
result<std::string> store_directory(const std::string& directory, const std::string& config);

} // namespace soc::cli
