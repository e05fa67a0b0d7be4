// detection/core/rule_fields.hpp - which fields rules ask for that nobody provides: neither a field table nor a mapping
// knows them. Pure.
#pragma once
#include "detection/core/program.hpp"

namespace soc::detection {

/// SIG018 for fields unknown to a complete field table, or, where the logsource has mappings, to those (names below
/// `mapped_names` in the dictionary); SIG019 for logsources that neither a route nor a mapped log type (`mapped`)
/// gives.
void warn_of_fields(const program& rules, const field_tables& tables, const model::field_dictionary& names,
                    std::size_t mapped_names, const std::vector<event_class>& mapped, diagnostics& found);

} // namespace soc::detection
