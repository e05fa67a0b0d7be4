// intel/intel_files.hpp - reads source descriptions and indicator files from the disk: the way from folders to a set.
// Used by the node, by its refresh, and by the offline commands.
#pragma once
#include "intel/core/indicator_matcher.hpp"
#include "intel/core/indicator_reader.hpp"

namespace soc::intel {

/// One source as a description file gives it, or a file named by itself.
struct planned_source {
  indicator_source source;
  indicator_format format = indicator_format::automatic;
  list_layout layout;
  std::vector<std::string> files; ///< sorted
  source_place place;
};

struct loaded_source {
  std::string name;
  std::size_t files = 0;
  read_counts counts;
};

struct loaded_intelligence {
  intelligence_ptr what; ///< never null
  std::vector<loaded_source> sources;
};

/// Descriptions (*.yaml, *.yml) below the paths; files named themselves that are no YAML are sources of their own,
/// called as the file. Folders in `paths` of a source are searched for all files.
std::vector<planned_source> plan_sources(const std::vector<std::string>& paths, diagnostics& found);

struct intel_request {
  std::vector<std::string> paths; ///< of descriptions and indicator files
  std::string fields;             ///< description of the observables (rules/intel/fields.yaml)
  unix_ns forget_before = 0;      ///< indicators that ended before are left out; 0 = none
};

/// Names of observables are interned into `names`. Reading goes on past what is wrong.
loaded_intelligence load_intelligence(const intel_request& from, model::field_dictionary& names, diagnostics& found);
/// The indicators alone, for a refresh: the fields stay.
std::vector<loaded_source> load_indicators(const intel_request& from, indicator_set_ptr& to, diagnostics& found);

/// Changes when a file of the sources is added, removed or written.
std::uint64_t stamp_of_sources(const intel_request& from);

} // namespace soc::intel
