// playbook/core/library.hpp - all playbooks of a node: checked against the actions there are, each with the texts of
// the sub-playbooks it uses, as a run pins them. Pure: texts come in, texts go out.
#pragma once
#include "playbook/core/definition.hpp"

namespace soc::playbook {

struct playbook_source {
  std::string file, text;
};

/// Loads and checks all; what has errors is left out. Two of one name are an error (PLB034).
library load_library(const std::vector<playbook_source>& sources, const action_table& actions, diagnostics& found,
                     const program_check& compiles = {});

/// The playbook's text, then those of the sub-playbooks it uses, directly or not.
std::vector<std::string> pinned_texts(const library& all, const std::string& name);

} // namespace soc::playbook
