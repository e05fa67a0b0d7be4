// response/rule_inputs.hpp - whether what rules and schedules hand to playbooks is what these take: said when the files
// are loaded, not when the run is wanted. Pure.
#pragma once
#include "playbook/core/definition.hpp"
#include "response/core/rule.hpp"

namespace soc::response {

/// RSP018: an input that the playbook doesn't have, one that it needs and isn't given, a value of the wrong type.
/// Values with references (${entity.ip}) are known when the run is wanted only; playbooks that aren't there are
/// check_response's business.
void check_rule_inputs(const response_config& config, const playbook::library& playbooks, diagnostics& found);

} // namespace soc::response
