// base/yaml_progress.hpp - whether yaml-cpp comes to the end of a text: it makes one empty document after the other,
// for ever, of a ',' that stands where a document should (0.7 and 0.8). Pure.
#pragma once
#include <optional>
#include <string>

namespace soc {

/// Where it would stay.
struct yaml_stop {
  int line = 0, column = 0; ///< from 0
};

/// Nothing: it comes to the end, or fails with an error of its own. Texts whose documents all begin as block maps or
/// lists, which nearly all do, are not read for it: there a stray ',' is an error.
std::optional<yaml_stop> where_yaml_stays(const std::string& text);

} // namespace soc
