// base/json_condition.hpp - Sigma's detection syntax (named selections, modifiers, a condition) over a JSON document:
// response rules, playbook branches and aggregation conditions are written in it. Compiled once, then read-only and
// shared. Pure.
//
// Fields are paths ("incident.severity_id"); a list on the way matches when any of its items does. Values compare
// without regard to case and know * and ?. Modifiers: contains, startswith, endswith, re, cidr, gt, gte, lt, lte,
// exists, cased, all, and `any`, which is ours: `entities|any: {type: ip, role: source}` holds when one item fulfils
// the whole map. Source: Sigma specification 2.1, sections on selections, modifiers and conditions.
#pragma once
#include "base/diagnostic.hpp"
#include "base/yaml_text.hpp"

#include <nlohmann/json.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace soc {

class json_condition {
public:
  /// Compiles the map of selections and `condition`. Without `condition`, one selection means that
  /// selection; {field: value} alone is a selection too. Errors go to `found` as `code`, at their place in `file`; then
  /// there is no condition.
  static std::optional<json_condition> parse(const std::string& file, const YAML::Node& detection,
                                             const std::string& code, diagnostics& found);

  bool matches(const nlohmann::json& document) const;
  /// Paths it looks at, for checks before anything runs.
  std::vector<std::string> fields() const;

  struct node; ///< one step of the compiled expression
private:
  explicit json_condition(std::shared_ptr<const node> root) : root_(std::move(root)) {}
  std::shared_ptr<const node> root_;
};

} // namespace soc
