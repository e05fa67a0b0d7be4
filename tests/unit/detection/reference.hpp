// The slow, obviously right evaluator: a rule's condition straight over an event, value by value, nothing shared or
// remembered. What the compiled program answers must be the same.
#pragma once
#include "detection/core/case_folding.hpp"
#include "detection/core/compiled_test.hpp"
#include "detection/core/sigma_rule.hpp"
#include "model/event.hpp"

#include <re2/re2.h>

#include <functional>
#include <memory>
#include <unordered_map>

namespace soc::test {

/// The values of a field of this event, lists taken apart. `present` tells a field without values from no field.
struct field_values {
  bool present = false;
  std::vector<model::value> values;
};
using field_lookup = std::function<field_values(const std::string& field)>;

inline void add_value(field_values& to, const model::value& v) {
  to.present = true;
  if (v.is_list())
    to.values.insert(to.values.end(), v.items().begin(), v.items().end());
  else
    to.values.push_back(v);
}

inline std::u32string characters(std::string_view text) {
  std::u32string out;
  for (std::size_t i = 0; i < text.size();) {
    std::uint32_t code = 0;
    const auto length = detection::decode_utf8(text.substr(i), code);
    const auto byte = static_cast<unsigned char>(text[i]);
    out.push_back(length == 1 && byte >= 0x80 ? 0x110000U + byte : static_cast<char32_t>(code)); // no UTF-8: as it is
    i += length;
  }
  return out;
}

/// Sigma wildcards by definition: '*' is any number of characters, '?' exactly one.
inline bool reference_glob(const std::vector<detection::text_piece>& pieces, std::string_view text, bool cased) {
  struct unit {
    detection::piece_kind kind;
    char32_t character;
  };
  std::vector<unit> pattern;
  for (const auto& p : pieces)
    if (p.kind == detection::piece_kind::text)
      for (const auto c : characters(cased ? p.text : detection::fold(p.text)))
        pattern.push_back({p.kind, c});
    else
      pattern.push_back({p.kind, 0});
  const auto subject = characters(cased ? std::string(text) : detection::fold(text));
  // reached[j]: the pattern so far matches the first j characters
  std::vector<char> reached(subject.size() + 1, 0), next(subject.size() + 1, 0);
  reached[0] = 1;
  for (const auto& u : pattern) {
    for (std::size_t j = 0; j <= subject.size(); ++j) {
      next[j] = 0;
      if (u.kind == detection::piece_kind::many)
        next[j] = reached[j] || (j > 0 && next[j - 1]);
      else if (j > 0)
        next[j] = reached[j - 1] && (u.kind == detection::piece_kind::one || subject[j - 1] == u.character);
    }
    reached.swap(next);
  }
  return reached[subject.size()] != 0;
}

/// A regular expression by RE2; what only PCRE2 can express by the product's own wrapper.
inline bool reference_regex(const detection::value_match& m, const std::string& text) {
  const std::string flags = std::string(m.ignore_case ? "i" : "") + (m.multi_line ? "m" : "") + (m.dot_all ? "s" : "");
  const auto written = (flags.empty() ? "" : "(?" + flags + ")") + m.text;
  static std::unordered_map<std::string, std::unique_ptr<RE2>> compiled;
  auto& place = compiled[written];
  if (!place)
    place = std::make_unique<RE2>(written, RE2::Quiet);
  if (place->ok())
    return RE2::PartialMatch(text, *place);
  const auto other = detection::regex_matcher::compile(m.text, {m.ignore_case, m.multi_line, m.dot_all});
  std::uint64_t exceeded = 0;
  return other && (*other)->search(text, exceeded);
}

inline bool reference_compare(detection::compare_op op, double a, double b) {
  switch (op) {
  case detection::compare_op::lt:
    return a < b;
  case detection::compare_op::lte:
    return a <= b;
  case detection::compare_op::gt:
    return a > b;
  case detection::compare_op::gte:
    return a >= b;
  case detection::compare_op::eq:
    return a == b;
  default:
    return a != b;
  }
}

inline bool reference_value(const detection::value_match& m, const field_values& field, const field_lookup& lookup) {
  using detection::match_kind;
  if (m.kind == match_kind::exists)
    return field.present == m.truth;
  if (m.kind == match_kind::null && !field.present)
    return true;
  for (const auto& v : field.values) {
    const auto text = v.to_text();
    bool hit = false;
    switch (m.kind) {
    case match_kind::null:
      hit = v.is_null();
      break;
    case match_kind::text:
      hit = !v.is_null() && reference_glob(m.pattern.pieces(), text, m.cased);
      break;
    case match_kind::number:
      hit = !v.is_null() && detection::fold(text) == detection::fold(m.text);
      break;
    case match_kind::boolean:
      hit = !v.is_null() && detection::fold(text) == (m.truth ? "true" : "false");
      break;
    case match_kind::regex:
      hit = !v.is_null() && reference_regex(m, text);
      break;
    case match_kind::network:
      hit = detection::contains_address(m.network, text);
      break;
    case match_kind::compare:
      if (m.part != detection::time_part::none) {
        const auto part = detection::time_part_of(v, m.part);
        hit = part && reference_compare(m.op, static_cast<double>(*part), m.number);
      } else {
        const auto number = detection::number_of_value(v);
        hit = number && reference_compare(m.op, *number, m.number);
      }
      break;
    case match_kind::field:
      for (const auto& other : lookup(m.text).values) {
        if (v.is_null() || other.is_null())
          continue;
        const auto left = m.cased ? text : detection::fold(text);
        const auto right = m.cased ? other.to_text() : detection::fold(other.to_text());
        hit |= m.shape == detection::pattern_shape::exact    ? left == right
               : m.shape == detection::pattern_shape::prefix ? left.starts_with(right)
               : m.shape == detection::pattern_shape::suffix ? left.ends_with(right)
                                                             : left.find(right) != std::string::npos;
      }
      break;
    default:
      break;
    }
    if (hit)
      return true;
  }
  return false;
}

inline bool reference_item(const detection::detection_item& item, const field_lookup& lookup) {
  const auto field = lookup(item.field);
  bool truth = item.all && !item.matches.empty();
  for (const auto& m : item.matches) {
    const bool one = reference_value(m, field, lookup);
    truth = item.all ? truth && one : truth || one;
  }
  return truth != item.negated;
}

inline bool reference_holds(const detection::expression& e, const field_lookup& lookup) {
  switch (e.kind) {
  case detection::expression_kind::item:
    return reference_item(*e.item, lookup);
  case detection::expression_kind::negation:
    return !reference_holds(*e.children.front(), lookup);
  case detection::expression_kind::all:
    for (const auto& child : e.children)
      if (!reference_holds(*child, lookup))
        return false;
    return true;
  default:
    for (const auto& child : e.children)
      if (reference_holds(*child, lookup))
        return true;
    return false;
  }
}

/// Fields by the names a rule's logsource gives them; "" is every value of the event, and the record itself unless it
/// is JSON or XML.
inline field_lookup
lookup_in(const model::event& ev,
          std::function<std::pair<std::vector<std::string>, std::vector<std::string>>(const std::string&)> names_of) {
  return [&ev, names_of](const std::string& field) {
    field_values out;
    if (field.empty()) {
      for (const auto& s : ev.native)
        if (s.data.is_string() || s.data.is_list() || s.data.kind() == model::value_kind::integer)
          add_value(out, s.data);
      const bool json = ev.raw.starts_with('{'), xml = ev.raw.starts_with('<') && ev.raw.find('>') > 5;
      if (!json && !xml)
        add_value(out, model::value::of_string(ev.raw));
      return out;
    }
    const auto [native, ocsf] = names_of(field);
    const auto gather = [&out](std::span<const model::slot> slots, const std::vector<std::string>& names) {
      for (const auto& s : slots)
        for (const auto& name : names)
          if (s.name() == name)
            add_value(out, s.data);
    };
    gather(ev.native, native);
    gather(ev.ocsf, ocsf);
    return out;
  };
}

} // namespace soc::test
