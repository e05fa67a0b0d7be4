#include "detection/core/rule_fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace soc::detection {

namespace {

template <class Each>
void each_item(const expression& e, Each each) {
  if (e.kind == expression_kind::item)
    each(*e.item);
  for (const auto& child : e.children)
    each_item(*child, each);
}

/// Can any class of events be seen by this logsource?
bool is_provided(const std::vector<event_class>& known, const logsource& source) {
  return std::any_of(known.begin(), known.end(), [&](const event_class& c) { return c.admits(source); });
}

} // namespace

void warn_of_fields(const program& rules, const field_tables& tables, const model::field_dictionary& names,
                    std::size_t mapped_names, const std::vector<event_class>& mapped, diagnostics& found) {
  auto known = rules.router().known_classes();
  known.insert(known.end(), mapped.begin(), mapped.end());
  std::set<logsource> reported;
  for (const auto& rule : rules.rules()) {
    if (!is_provided(known, rule.source) && reported.insert(rule.source).second)
      found.warning("SIG019", rule.header.place,
                    fmt::format("no log type gives the logsource {}", rule.source.to_text()),
                    "add it to rules/fields/logsources.yaml or to a mapping; until then the rule sees no events");
    if (!tables.has_table(rule.source))
      continue;
    std::set<std::string> seen;
    const auto look = [&](const detection_item& item) {
      if (item.field.empty() || !seen.insert(item.field).second || tables.knows(rule.source, item.field))
        return;
      const auto id = names.find(item.field);
      if (id != model::no_field && id < mapped_names)
        return;
      const auto near = did_you_mean(item.field, tables.known_fields(rule.source));
      found.warning("SIG018", item.place,
                    fmt::format("nobody provides the field '{}' for {}", item.field, rule.source.to_text()),
                    near.empty() ? std::string() : fmt::format("did you mean '{}'?", near));
    };
    for (const auto& [name, part] : rule.selections)
      each_item(*part, look);
  }
}

} // namespace soc::detection
