// base/computed_value.hpp - patterns of JSON values with `${…}` references and `{jq: PROGRAM}` maps, which stand for
// what the program makes of the scope. The jq engine is passed in: it runs outside (bounded in time and memory). Pure.
#pragma once
#include "base/json_template.hpp"

#include <functional>

namespace soc {

/// The values a jq program gives for `input`, as a list; a failure says why (syntax, error, time, memory). Thread-safe.
using jq_function = std::function<result<nlohmann::json>(const std::string& program, const nlohmann::json& input)>;

/// Like `expand`, and a map whose only key is `jq` becomes the program's value: of several values their list, of none
/// null. unavailable: `jq` is needed and empty.
result<nlohmann::json> expand_computed(const nlohmann::json& pattern, const nlohmann::json& scope,
                                       const jq_function& jq);

/// The program of a `{jq: …}` map, null pointer for any other value.
const std::string* jq_program_of(const nlohmann::json& pattern);
/// All programs within a pattern, for checks before anything runs.
std::vector<std::string> jq_programs(const nlohmann::json& pattern);

} // namespace soc
