// detection/core/sigma_rule.hpp - Sigma rules as they were read: logsource, detection items with typed values, the
// condition as a tree, correlations and filters. Made by the reader, immutable afterwards; the compiler and the slow
// evaluator both work from it.
#pragma once
#include "base/diagnostic.hpp"
#include "base/time.hpp"
#include "detection/core/ip_network.hpp"
#include "detection/core/text_pattern.hpp"
#include "model/alert.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace soc::detection {

enum class match_kind : std::uint8_t {
  text,    ///< pattern, cased
  number,  ///< number
  boolean, ///< truth
  null,    ///< absent, or present and null
  exists,  ///< present (truth) or absent
  regex,   ///< pattern text in `text`, flags
  network, ///< CIDR
  compare, ///< number, op
  field,   ///< another field's name in `text`, how in `shape`, cased
};
enum class compare_op : std::uint8_t { lt, lte, gt, gte, eq, neq };
enum class time_part : std::uint8_t { none, minute, hour, day, week, month, year };

/// One value of a detection item, after its modifiers.
struct value_match {
  match_kind kind = match_kind::text;
  text_pattern pattern;
  std::string text;
  double number = 0;
  ip_network network;
  compare_op op = compare_op::eq;
  time_part part = time_part::none; ///< of a number or compare: the part of the field's time that is compared
  pattern_shape shape = pattern_shape::exact;
  bool cased = false, truth = true;
  bool ignore_case = false, multi_line = false, dot_all = false; ///< of a regex
};

/// `field|modifiers: values`, or a keyword without a field.
struct detection_item {
  std::string field; ///< empty: keywords
  std::vector<value_match> matches;
  bool all = false;     ///< every value must match, else one of them
  bool negated = false; ///< |neq
  source_place place;
  std::string key; ///< as written: "CommandLine|contains|all"
};

enum class expression_kind : std::uint8_t { all, any, negation, item };

struct expression;
using expression_ptr = std::shared_ptr<const expression>;

struct expression {
  expression_kind kind = expression_kind::item;
  std::vector<expression_ptr> children;
  std::shared_ptr<const detection_item> item;
  std::string name; ///< of the search identifier it stands for, if it does
};

struct logsource {
  std::string product, category, service;
  auto operator<=>(const logsource&) const = default;
  std::string to_text() const; ///< "windows/process_creation/-"
};

/// What rules and correlations have in common.
struct rule_header {
  std::string id, name, title, description, status, author;
  std::string level_text;
  model::severity level = model::severity::unknown;
  std::vector<std::string> tags, falsepositives;
  std::string stage; ///< `soc.stage` attribute, or a tag soc.stage.<name>
  source_place place;
};

struct sigma_rule {
  rule_header header;
  logsource source;
  std::vector<std::pair<std::string, expression_ptr>> selections; ///< as written, for explanations
  expression_ptr condition;                                       ///< several conditions are or-ed; filters are and-ed
  std::string condition_text;
  source_place condition_place;
  bool generate = true; ///< raises alerts of its own; false when only a correlation uses it
};

enum class correlation_kind : std::uint8_t {
  event_count,
  value_count,
  temporal,
  temporal_ordered,
  value_sum,
  value_avg,
  value_percentile,
};

struct correlation_alias {
  std::string alias;
  std::vector<std::pair<std::string, std::string>> fields; ///< rule id or name → field
};

struct correlation_rule {
  rule_header header;
  correlation_kind kind = correlation_kind::event_count;
  std::vector<std::string> rules; ///< ids or names of rules or correlations, as written
  std::vector<std::string> group_by;
  std::vector<correlation_alias> aliases;
  unix_ns timespan = 0;
  std::string field;               ///< value_*
  std::vector<std::string> fields; ///< value_count over several fields
  double percentile = 50;
  std::vector<std::pair<compare_op, double>> conditions; ///< all must hold
  bool generate = false;                                 ///< the rules it refers to raise alerts too
};

struct filter_rule {
  rule_header header;
  logsource source;
  std::vector<std::string> rules; ///< ids or names; "any" = every rule of the logsource
  std::vector<std::pair<std::string, expression_ptr>> selections;
  expression_ptr condition;
  std::string owner;
  unix_ns expires = 0; ///< 0 = never
};

/// What was read from files, before it is linked.
struct rule_set {
  std::vector<sigma_rule> rules;
  std::vector<correlation_rule> correlations;
  std::vector<filter_rule> filters;
};

} // namespace soc::detection
