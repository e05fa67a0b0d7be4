// tools/soc/offline_context.hpp - the stored events around an incident, read from an event store's directory: what the
// shell asks of a node, for `soc correlate --events`. Lives as long as the command.
#pragma once
#include "incident/core/path_context.hpp"
#include "lake/event_search.hpp"

#include <optional>

namespace soc::cli {

class offline_context {
public:
  /// Nothing, with the reason on stderr, when the directory can't be read.
  static std::optional<offline_context> open(const std::string& directory);
  /// The incident's path with what the events tell, two rounds of questions as in the shell.
  incident::attack_path extend(const incident::view& of) const;

private:
  std::vector<incident::context_event> ask(const incident::context_question& q) const;
  std::shared_ptr<lake::catalog> store_;
  lake::event_reading reading_;
};

} // namespace soc::cli
