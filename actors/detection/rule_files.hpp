// detection/rule_files.hpp - reads rule files and field tables from the disk and compiles them: the way from folders to
// a program. Used by the node, by reloads and by the offline commands.
#pragma once
#include "detection/core/program.hpp"
#include "detection/core/sigma_reader.hpp"

namespace soc::detection {

/// All *.yml and *.yaml below the paths, sorted; files named themselves are taken whatever they are called. Cases
/// (*.cases.yaml) are not rules. A path that isn't there is an error in `found`.
std::vector<std::string> rule_files_below(const std::vector<std::string>& paths, diagnostics& found);

struct rule_sources {
  std::vector<std::string> rules; ///< files and folders
  std::string fields;             ///< folder of field tables and logsources: rules/fields
  std::string placeholders;       ///< YAML file name → list of values, may be empty
  std::size_t limit = 0;          ///< only the first so many rules; 0 = all
};

struct loaded_rules {
  std::shared_ptr<const program> compiled;
  std::size_t files = 0, loaded = 0, failed = 0; ///< rules; failed ones are in the diagnostics
};

/// Field names are interned into `names`. Reading goes on past bad rules.
loaded_rules load_rules(const rule_sources& from, model::field_dictionary& names, unix_ns now, diagnostics& found);

field_tables load_field_tables(const std::string& folder, diagnostics& found);
log_router load_log_router(const std::string& folder, model::field_dictionary& names, diagnostics& found);
placeholder_values load_placeholders(const std::string& file, diagnostics& found);

} // namespace soc::detection
