// sources/source.hpp - what the node needs of the sources: the options of a connector become a plan, a plan with an
// environment a child to supervise. One entry for all kinds.
#pragma once
#include "base/diagnostic.hpp"
#include "base/result.hpp"
#include "base/yaml_text.hpp"
#include "connectors/sources/common/source_actor.hpp"
#include "runtime/supervisor.hpp"

#include <functional>
#include <string>
#include <vector>

namespace soc::sources {

/// A checked connector, not running. `start(environment)` gives the start function of its child.
struct source_plan {
  std::string kind;
  bool publishes_raw = false; ///< answers its clients once JetStream has the data: needs the bus, no lanes
  std::function<std::function<caf::actor(caf::actor_system&, actor_context)>(const source_environment&)> start;
};

/// "file", "syslog", …
std::vector<std::string> source_kinds();

/// Reads the options of a connector of `kind`; problems are CFG020… in `found`. Relative paths are resolved against
/// `root`.
result<source_plan> plan_source(const std::string& kind, yaml_map_reader& reader, const std::string& root,
                                diagnostics& found);

/// The child of a plan: restarts always, drains on shutdown.
child_spec source_child(const std::string& name, const source_plan& plan, const source_environment& environment);

} // namespace soc::sources
