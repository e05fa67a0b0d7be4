// detection/core/sigma_reader.hpp - the text of Sigma files into rules, correlations and filters. Reads on past a
// broken rule: everything wrong is in the diagnostics, numbered SIGnnn with file, line and column (docs/rules.md lists
// them). Pure.
#pragma once
#include "detection/core/sigma_modifiers.hpp"

#include <set>

namespace soc::detection {

/// Reads files one by one, then links what they say about one another.
class sigma_reader {
public:
  sigma_reader(placeholder_values placeholders, diagnostics& found);

  /// All documents of one file: rules, correlations, filters, and old collections (action: global/reset/repeat).
  void read(std::string file, std::string text);
  /// Applies filters that have not expired at `now`, and checks references and ids. The reader is empty afterwards.
  rule_set finish(unix_ns now);

  /// Documents that hold no usable rule.
  std::size_t rejected() const { return rejected_; }

private:
  void read_document(const std::string& file, const YAML::Node& document);
  void read_rule(const std::string& file, const YAML::Node& document);
  void read_correlation(const std::string& file, const YAML::Node& document);
  void read_filter(const std::string& file, const YAML::Node& document);
  rule_header read_header(const std::string& file, yaml_map_reader& map, const YAML::Node& document);
  void apply_filters(unix_ns now);
  void check_references();

  placeholder_values placeholders_;
  diagnostics& found_;
  rule_set set_;
  std::size_t rejected_ = 0;
};

/// "10m", "90s", "2h", "1d" (also w and M = 30 days) in nanoseconds; 0 if it is none.
unix_ns parse_timespan(std::string_view text);

} // namespace soc::detection
