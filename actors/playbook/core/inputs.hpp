// playbook/core/inputs.hpp - inputs of a playbook as a person writes them at a shell: NAME=VALUE. Pure.
#pragma once
#include "playbook/core/definition.hpp"

namespace soc::playbook {

/// Each word's value as the declared type of its input: a list is JSON or separated by commas, objects and inputs of
/// any type are JSON (any: else the text). Failures name the word and say what the playbook takes; whether all that are
/// needed are there is checked_inputs' business.
result<nlohmann::json> inputs_of_words(const definition& d, const std::vector<std::string>& words);

} // namespace soc::playbook
