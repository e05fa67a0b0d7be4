// ingest/core/mapping_rule.hpp - one compiled rule of a mapping: an OCSF path (or an ECS name) and how its value is
// made. Built by the loader, then read-only; run per record with ids instead of names.
#pragma once
#include "ingest/core/field_condition.hpp"
#include "ingest/core/field_source.hpp"
#include "ingest/core/ocsf_schema.hpp"
#include "ingest/core/text_decoders.hpp"

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace soc::ingest {

/// A constant of a mapping: its text and what it is.
struct constant {
  std::string text;
  model::value data; ///< a string value points into `text`: set again after a move, see as_value
  model::value as_value() const { return data.is_string() ? model::value::of_string(text) : data; }
};

struct time_rule {
  std::vector<std::string> formats; ///< empty = auto; "auto" and "filetime" are formats too
  std::optional<time_zone> zone;
  std::optional<field_source> zone_from;
  time_unit unit = time_unit::by_size;
  std::vector<field_source> join;
};

struct pick_rule {
  std::string list, key, equals, value;
  field_source keys, values; ///< flattened: list.key, list.value
};

struct value_table {
  std::unordered_map<std::string, constant, transparent_hash, std::equal_to<>> entries; ///< lower-case text
  std::optional<constant> other;
};

struct format_piece {
  std::string literal;
  std::optional<field_source> source; ///< after the literal
};

/// One way to a value.
struct value_recipe {
  std::vector<field_source> from;
  std::optional<constant> value;
  std::vector<format_piece> format;
  std::vector<field_source> sum;
  std::optional<pick_rule> pick;
  std::shared_ptr<const text_pattern> regex;
  std::string split;
  std::optional<int> item;
  bool lower = false, upper = false, trim = false, hex = false;
  std::string trim_chars, strip_prefix, strip_suffix;
  std::optional<double> scale;
  std::shared_ptr<const value_table> map;
  std::optional<constant> fallback;
  std::optional<time_rule> time;
  std::shared_ptr<const field_condition> when;
  bool plain = true; ///< nothing but `from`
};

enum class rule_op : std::uint8_t { set, url, user, path, command, endpoint, hashes, each };

struct mapping_rule {
  rule_op op = rule_op::set;
  std::string path;
  model::field_id target = model::no_field;
  ocsf_kind kind = ocsf_kind::text;
  bool array = false, is_time = false; ///< is_time: the event's own time
  bool raw_type = false;               ///< ECS: keep the type of the value
  bool executable = false;             ///< parse path: the file of a process or module
  const ocsf_attribute* attribute = nullptr;
  std::vector<std::int64_t> enum_values; ///< sorted; empty: any
  model::field_id sibling = model::no_field;
  std::vector<value_recipe> alternatives;
  std::vector<model::field_id>
      parts; ///< parse: attributes below the target, in the op's order; no_field = not in the schema
  // each: the element that must exist, else the next `skip` rules are passed over.
  std::string element;
  field_source first_field;
  std::size_t skip = 0;
};

/// Absent words of the mapping and the zone of its times.
struct rule_settings {
  std::vector<std::string> absent; ///< lower case
  std::optional<time_zone> zone;
  zone_names abbreviations;
};

/// Runs rules over a record: slots go to record.ocsf. Event time goes to `time` (0 = no rule gave one).
void run_rules(const std::vector<mapping_rule>& rules, const rule_settings& settings,
               const model::field_dictionary& names, record_context& record, unix_ns& time);

/// An enum value outside the table becomes Other, if there is such a value.
model::value fit_enum(const mapping_rule& rule, const model::value& v);

/// The value of a recipe, taken from `from`, before conversion to the target's type; null when it gives none.
model::value evaluate(const value_recipe& recipe, std::span<const field_source> from, const rule_settings& settings,
                      record_context& record);
struct bound_source;
model::value evaluate(const value_recipe& recipe, std::span<const bound_source> from, const rule_settings& settings,
                      record_context& record);
model::value read_source(const bound_source& source, record_context& record);

/// A value as the schema wants it; null when it can't be.
model::value convert_value(const model::value& v, ocsf_kind kind, bool array, const value_recipe* recipe,
                           const rule_settings& settings, record_context& record, unix_ns* exact_time = nullptr);

/// Names of the attributes `parts` holds for an op.
const std::vector<std::string>& parts_of(rule_op op);
constexpr std::size_t most_hashes = 6;

} // namespace soc::ingest
