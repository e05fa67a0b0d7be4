// tools/soc/mapping_proposal.hpp - a first mapping.yaml from samples: the format told, well-known names mapped, the
// rest listed for a person to decide.
#pragma once
#include "base/result.hpp"

#include <string>

namespace soc::cli {

/// The text of a mapping.yaml, or why none can be proposed.
result<std::string> propose_mapping(const std::string& file, const std::string& vendor, const std::string& product);

} // namespace soc::cli
