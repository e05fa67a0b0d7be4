// detection/core/compiled_test.hpp - one distinct test of the program: does a field have one of these values? Compiled
// once, shared by all rules that ask the same, evaluated at most once an event. Immutable.
#pragma once
#include "detection/core/regex_matcher.hpp"
#include "detection/core/sigma_rule.hpp"
#include "model/value.hpp"

#include <string_view>
#include <unordered_set>

namespace soc::detection {

/// A value of an event as tests see it: lists taken apart, numbers and booleans also as text.
struct seen_value {
  model::value data;
  std::string_view text;   ///< empty for null
  std::string_view folded; ///< case-folded text; of many values nobody asks for it, so it is made late
  bool is_folded = false;
};

/// One alternative of a test.
struct compiled_match {
  match_kind kind = match_kind::text;
  pattern_shape shape = pattern_shape::exact;
  bool cased = false, truth = true;
  std::string text;               ///< exact, prefix, suffix, contains: the literal, folded unless cased
  std::vector<text_piece> pieces; ///< glob: folded unless cased
  std::string needed;             ///< folded text every match of a glob or cased match contains; may be empty
  double number = 0;
  compare_op op = compare_op::eq;
  time_part part = time_part::none;
  ip_network network;
  std::shared_ptr<const regex_matcher> regex;
  std::uint32_t other_field = 0; ///< index of the program's field
};

struct string_hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const;
};

struct compiled_test {
  std::uint32_t field = 0; ///< index of the program's field; 0 = keywords: any value
  std::vector<compiled_match> any;
  /// The exact alternatives when there are many of them; `any` has the rest.
  std::unordered_set<std::string, string_hash, std::equal_to<>> exact;
};

/// Does the value match? Not for null, exists and field references, which need more than one value.
bool value_matches(const compiled_match& match, const seen_value& value, std::uint64_t& exceeded);
/// A field reference: `left` against `right`, how in match.shape.
bool field_matches(const compiled_match& match, const seen_value& left, const seen_value& right);

/// The number a value is or spells; nothing if it is none.
std::optional<double> number_of_value(const model::value& value);
/// A part of the time in `value` (RFC 3339 text, or unix seconds), UTC.
std::optional<std::int64_t> time_part_of(const model::value& value, time_part part);

} // namespace soc::detection
