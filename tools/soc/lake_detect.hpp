// tools/soc/lake_detect.hpp - rules over stored events: a backtest or a hunt with whole rules. Alerts go out as OCSF
// Detection Findings in order of time, which `soc correlate -` reads.
#pragma once
#include "lake/event_search.hpp"

#include <string>
#include <vector>

namespace soc::cli {

struct lake_detect_options {
  std::string directory;
  std::vector<std::string> rules;
  lake::event_query asked;
  bool stats = false;
};

/// The exit code.
int detect_in_lake(const lake_detect_options& options);

} // namespace soc::cli
