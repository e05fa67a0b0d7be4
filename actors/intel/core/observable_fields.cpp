#include "intel/core/observable_fields.hpp"

#include <fmt/format.h>

namespace soc::intel {

void observable_fields::read_side(const std::string& file, const YAML::Node& node, std::vector<kind_set>& side,
                                  model::field_dictionary& names, diagnostics& found) {
  if (!node.IsDefined() || node.IsNull())
    return;
  yaml_map_reader map(file, node, "observables", "INT002", found);
  if (!map.is_map())
    return;
  for (std::size_t kind = 0; kind < kind_count; ++kind) {
    const auto one = static_cast<indicator_kind>(kind);
    for (const auto& name : map.texts(std::string(to_string(one)))) {
      const auto id = names.intern(name);
      if (side.size() <= id)
        side.resize(id + 1);
      side[id] = static_cast<kind_set>(side[id] | bit_of(one));
      ++size_;
    }
  }
  map.reject_unknown();
}

void observable_fields::read(const yaml_text& file, model::field_dictionary& names, diagnostics& found) {
  for (const auto& document : file.documents) {
    if (!document.IsMap() || !document["observables"].IsDefined())
      continue;
    yaml_map_reader map(file.file, document["observables"], "observables", "INT002", found);
    if (!map.is_map())
      continue;
    read_side(file.file, map.get("ocsf"), ocsf_, names, found);
    read_side(file.file, map.get("native"), native_, names, found);
    map.reject_unknown();
  }
}

} // namespace soc::intel
