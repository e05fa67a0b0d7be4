#include "detection/core/field_table.hpp"

#include <algorithm>

namespace soc::detection {

namespace {

bool is_part_of(const logsource& part, const logsource& whole) {
  const auto fits = [](const std::string& a, const std::string& b) { return a.empty() || a == b; };
  return fits(part.product, whole.product) && fits(part.category, whole.category) && fits(part.service, whole.service);
}

constexpr int listed_items = 4; ///< of a list of objects that are looked at

/// "answers[].rdata" names the same attribute of the first items: "answers[0].rdata" and so on.
void expand_items(std::vector<std::string>& out, const std::string& path) {
  const auto at = path.find("[]");
  if (at == std::string::npos) {
    out.push_back(path);
    return;
  }
  for (int i = 0; i < listed_items; ++i)
    expand_items(out, path.substr(0, at) + '[' + std::to_string(i) + ']' + path.substr(at + 2));
}

void add_unique(std::vector<std::string>& to, const std::string& name) {
  if (std::find(to.begin(), to.end(), name) == to.end())
    to.push_back(name);
}

} // namespace

void field_tables::read(const yaml_text& file, diagnostics& found) {
  for (const auto& document : file.documents) {
    const auto tables = document.IsMap() ? document["fields"] : YAML::Node();
    if (!tables.IsDefined() || !tables.IsSequence())
      continue;
    for (const auto& node : tables) {
      yaml_map_reader map(file.file, node, "field table", "FLD001", found);
      table out;
      const auto source = map.get("logsource");
      if (source.IsDefined() && source.IsMap()) {
        yaml_map_reader where(file.file, source, "logsource", "FLD001", found);
        out.source = {where.text("product").value_or(""), where.text("category").value_or(""),
                      where.text("service").value_or("")};
        where.reject_unknown();
      }
      out.complete = map.boolean("complete").value_or(false);
      const auto names = map.get("names");
      if (names.IsDefined() && names.IsMap())
        for (const auto& entry : names) {
          if (entry.second.IsNull()) { // found under its own name
            out.names[entry.first.Scalar()];
            continue;
          }
          yaml_map_reader field(file.file, entry.second, "field '" + entry.first.Scalar() + "'", "FLD001", found);
          auto& known = out.names[entry.first.Scalar()];
          known.native = field.texts("native");
          for (const auto& path : field.texts("ocsf"))
            expand_items(known.ocsf, path);
          field.reject_unknown();
        }
      map.reject_unknown();
      tables_.push_back(std::move(out));
    }
  }
}

field_names field_tables::resolve(const logsource& source, const std::string& field) const {
  field_names out{{field}, {field}};
  for (const auto& t : tables_)
    if (is_part_of(t.source, source))
      if (const auto at = t.names.find(field); at != t.names.end()) {
        for (const auto& name : at->second.native)
          add_unique(out.native, name);
        for (const auto& name : at->second.ocsf)
          add_unique(out.ocsf, name);
      }
  return out;
}

bool field_tables::has_table(const logsource& source) const {
  return std::any_of(tables_.begin(), tables_.end(),
                     [&](const auto& t) { return t.complete && is_part_of(t.source, source); });
}

bool field_tables::knows(const logsource& source, const std::string& field) const {
  return std::any_of(tables_.begin(), tables_.end(),
                     [&](const auto& t) { return is_part_of(t.source, source) && t.names.contains(field); });
}

std::vector<std::string> field_tables::known_fields(const logsource& source) const {
  std::vector<std::string> out;
  for (const auto& t : tables_)
    if (is_part_of(t.source, source))
      for (const auto& [name, unused] : t.names)
        out.push_back(name);
  return out;
}

} // namespace soc::detection
