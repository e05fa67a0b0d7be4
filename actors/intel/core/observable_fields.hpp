// intel/core/observable_fields.hpp - which fields of events hold what indicators may name: OCSF paths, and vendors' own
// names for events that are mapped only when an alert needs it. Read from rules/intel/fields.yaml; immutable once
// loaded.
#pragma once
#include "base/yaml_text.hpp"
#include "intel/core/indicator.hpp"
#include "model/field.hpp"

namespace soc::intel {

class observable_fields {
public:
  /// Adds the `observables:` section of a file: {ocsf: {ip: [names], domain: [...]}, native: {...}}. Names are
  /// interned. Errors are INT002.
  void read(const yaml_text& file, model::field_dictionary& names, diagnostics& found);

  kind_set of_native(model::field_id id) const { return id < native_.size() ? native_[id] : 0; }
  kind_set of_ocsf(model::field_id id) const { return id < ocsf_.size() ? ocsf_[id] : 0; }
  std::size_t size() const { return size_; }

private:
  void read_side(const std::string& file, const YAML::Node& node, std::vector<kind_set>& side,
                 model::field_dictionary& names, diagnostics& found);

  std::vector<kind_set> native_, ocsf_; ///< by field id
  std::size_t size_ = 0;
};

} // namespace soc::intel
