// detection/core/field_table.hpp - where a Sigma field name is found in events: OCSF paths and vendors' own names, per
// logsource. Read from rules/fields/*.yaml (docs/rules.md), immutable once loaded.
#pragma once
#include "base/yaml_text.hpp"
#include "detection/core/sigma_rule.hpp"

#include <map>

namespace soc::detection {

/// Names a value may stand under. The Sigma name itself is always tried first, as a vendor's own name and as an OCSF
/// path.
struct field_names {
  std::vector<std::string> native, ocsf;
  auto operator<=>(const field_names&) const = default;
};

class field_tables {
public:
  /// Adds the `fields:` section of one file. Errors are FLDnnn.
  void read(const yaml_text& file, diagnostics& found);

  /// Every table whose logsource is a part of `source` contributes.
  field_names resolve(const logsource& source, const std::string& field) const;
  /// Is there a table for this logsource, and does it (or a name tried as it stands) know the field?
  bool has_table(const logsource& source) const;
  bool knows(const logsource& source, const std::string& field) const;
  std::vector<std::string> known_fields(const logsource& source) const;

private:
  struct table {
    logsource source;
    std::map<std::string, field_names, std::less<>> names;
    bool complete = false; ///< lists every field of the logsource: others are worth a warning
  };
  std::vector<table> tables_;
};

} // namespace soc::detection
