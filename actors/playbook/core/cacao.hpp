// playbook/core/cacao.hpp - playbooks as OASIS CACAO Security Playbooks v2.0 JSON, out and in. Out: the graph as CACAO
// sees it, and in an extension of ours the text as written, so that what we exported comes back unchanged. In: the text
// of the extension; else the foreign workflow, translated: what other tools' commands do by machine becomes an approval
// step (a person does it and says so), since nothing here runs commands from a file. Pure. Source: CACAO v2.0 CS01,
// sections 3, 4, 5, 9.
#pragma once
#include "playbook/core/definition.hpp"

namespace soc::playbook {

/// `modified`: RFC 3339. Ids are made of the playbook's and steps' names: the same text gives the same JSON.
nlohmann::json to_cacao(const definition& d, const std::string& modified);

/// The text of a playbook.yaml. Errors are CAC001…, with the step they are about; then there is no text.
std::optional<std::string> from_cacao(const std::string& file, const nlohmann::json& cacao, diagnostics& found);

} // namespace soc::playbook
