// detection/core/sigma_condition.hpp - the condition of a rule: "selection and not 1 of filter_*" into an expression
// over the rule's search identifiers. Recursive descent; precedence or < and < not < x of. Pure.
#pragma once
#include "detection/core/sigma_rule.hpp"

namespace soc::detection {

using named_selections = std::vector<std::pair<std::string, expression_ptr>>;

/// The expression of `text`, which stands at `place` in its file; nothing, and an error in `found`, when it is wrong.
/// Names used are marked in `used` (same order as `selections`).
expression_ptr parse_condition(const std::string& text, const source_place& place, const named_selections& selections,
                               std::vector<bool>& used, diagnostics& found);

} // namespace soc::detection
