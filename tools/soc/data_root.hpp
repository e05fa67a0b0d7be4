// tools/soc/data_root.hpp - where the data that ships with the binary lies: rules/, connectors/, config/.
#pragma once
#include <string>

namespace soc::cli {

/// $SOC_HOME; else what is beside the binary (../share/agentic-soc, or the checkout it was built from).
std::string data_root();

} // namespace soc::cli
