// ingest/core/ocsf_validation.hpp - is a JSON event valid OCSF 1.8.0? Cold path: tests, `soc mapping test`.
#pragma once
#include "ingest/core/ocsf_schema.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace soc::ingest {

/// What is wrong, each "path: what"; empty = valid. Checks class and type numbers, required attributes, constraints,
/// unknown attributes, types, ranges and enum values.
std::vector<std::string> validate_ocsf(const ocsf_schema& schema, const nlohmann::json& event);

} // namespace soc::ingest
